using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tollgate.Tests.DataPath;

/// <summary>An upstream of one connection that can be asked at any moment what has reached it, and that says what the test says, when the test says it.</summary>
/// <remarks>On loopback a byte that was sent is there: what <see cref="Received"/> does not show had not been sent.</remarks>
internal sealed class ProbedUpstream : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Lock _gate = new();
    private readonly StringBuilder _received = new();
    private Socket? _connection;

    public ProbedUpstream()
    {
        _listener.Start();
        BaseUrl = $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
    }

    public string BaseUrl { get; }

    /// <summary>Everything that has come, head and body as they were sent.</summary>
    public string Received()
    {
        lock (_gate)
        {
            if (_connection is null && _listener.Pending())
            {
                _connection = _listener.AcceptSocket();
            }

            var buffer = new byte[64 * 1024];
            while (_connection is { Available: > 0 })
            {
                _received.Append(Encoding.Latin1.GetString(buffer, 0, _connection.Receive(buffer)));
            }

            return _received.ToString();
        }
    }

    /// <summary>Returns once everything up to <paramref name="end"/> has come.</summary>
    public async Task UntilAsync(string end)
    {
        using var late = new CancellationTokenSource(Patience);
        while (!Received().EndsWith(end, StringComparison.Ordinal))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, late.Token);
        }
    }

    /// <summary>Returns once the caller has ended the connection.</summary>
    public async Task UntilClosedAsync()
    {
        using var late = new CancellationTokenSource(Patience);
        while (!(_connection!.Poll(0, SelectMode.SelectRead) && _connection.Available == 0))
        {
            Received();
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, late.Token);
        }
    }

    /// <summary>Says something.</summary>
    public async Task SayAsync(string text) => await _connection!.SendAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>Says everything and ends the connection.</summary>
    public async Task SayAllAsync(string text)
    {
        await SayAsync(text);
        _connection!.Shutdown(SocketShutdown.Send);
    }

    public void Dispose()
    {
        _connection?.Dispose();
        _listener.Dispose();
    }
}
