using System.Net;
using System.Net.Sockets;

namespace Tollgate.Benchmarks.Forwarding;

/// <summary>An upstream that costs next to nothing: one blocking thread per connection, which answers whatever comes in one read with the same bytes.</summary>
/// <remarks>Only for requests that fit one read.</remarks>
internal sealed class LoopbackUpstream : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly byte[] _answer;

    public LoopbackUpstream(byte[] answer)
    {
        _answer = answer;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        BaseUrl = $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndPoint!).Port}";
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public string BaseUrl { get; }

    public void Dispose() => _listener.Dispose();

    private void Accept()
    {
        try
        {
            while (true)
            {
                var connection = _listener.Accept();
                connection.NoDelay = true;
                new Thread(() => Serve(connection)) { IsBackground = true }.Start();
            }
        }
        catch (SocketException)
        {
            // Disposed of.
        }
    }

    private void Serve(Socket connection)
    {
        using var owned = connection;
        var buffer = new byte[64 * 1024];
        try
        {
            while (connection.Receive(buffer) > 0)
            {
                connection.Send(_answer);
            }
        }
        catch (SocketException)
        {
            // The caller left.
        }
    }
}
