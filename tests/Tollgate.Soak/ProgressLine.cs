using System.Diagnostics;

namespace Tollgate.Soak;

/// <summary>Where a run is: one line that is written over on a terminal, a line every ten seconds elsewhere.</summary>
/// <param name="output">Where to.</param>
/// <param name="redirected">It is no terminal.</param>
internal sealed class ProgressLine(TextWriter output, bool redirected)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private long _written;
    private int _length;

    /// <summary>Says where the run is.</summary>
    public void Tell(string text)
    {
        if (!redirected)
        {
            output.Write("\r" + text.PadRight(_length));
            _length = text.Length;
        }
        else if (_written == 0 || Stopwatch.GetElapsedTime(_written) >= Interval)
        {
            _written = Stopwatch.GetTimestamp();
            output.WriteLine(text);
        }
    }

    /// <summary>Leaves the line.</summary>
    public void End()
    {
        if (!redirected)
        {
            output.WriteLine();
        }
    }
}
