using System.Globalization;

namespace Tollgate.Cli.Report;

/// <summary>A line on the terminal that says how long an answer has been waited for; it comes after two seconds and goes with the answer.</summary>
internal sealed class WaitingLine : IDisposable
{
    private const string ClearLine = "\r\u001b[K";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly TextWriter _error;
    private readonly TimeProvider _time;
    private readonly long _begun;
    private readonly ITimer? _timer;
    private bool _isShown;
    private bool _isOver;

    /// <summary>Begins to wait.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="error">Where the line is written.</param>
    /// <param name="isTerminal">Whether that is a terminal; else nothing is written.</param>
    public WaitingLine(TimeProvider time, TextWriter error, bool isTerminal)
    {
        (_time, _error, _begun) = (time, error, time.GetTimestamp());
        _timer = isTerminal ? time.CreateTimer(static line => ((WaitingLine)line!).Show(), this, Patience, Interval) : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer?.Dispose();
        lock (_gate)
        {
            _isOver = true;
            if (_isShown)
            {
                _error.Write(ClearLine);
            }
        }
    }

    private void Show()
    {
        lock (_gate)
        {
            if (!_isOver)
            {
                _error.Write(string.Create(CultureInfo.InvariantCulture, $"{ClearLine}The store is adding up … {_time.GetElapsedTime(_begun).TotalSeconds:0} s"));
                _isShown = true;
            }
        }
    }
}
