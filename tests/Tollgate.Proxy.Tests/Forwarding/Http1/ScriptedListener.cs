using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tollgate.Proxy.Tests.Forwarding.Http1;

/// <summary>An upstream whose every move is the test's.</summary>
internal sealed class ScriptedListener : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public ScriptedListener()
    {
        _listener.Start();
        BaseUrl = $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
    }

    public string BaseUrl { get; }

    public void Dispose() => _listener.Dispose();

    public async Task<Socket> AcceptAsync(CancellationToken cancellation = default) => await _listener.AcceptSocketAsync(cancellation).AsTask().WaitAsync(Patience, cancellation);

    /// <summary>Reads one request with a length or without a body, and answers it.</summary>
    public static async Task<string> AnswerAsync(Socket connection, string answer)
    {
        var request = await ReadRequestAsync(connection);
        await connection.SendAsync(Encoding.Latin1.GetBytes(answer));
        return request;
    }

    /// <summary>One request: its head, and its body of four bytes if it is a POST. What there was when the connection ended first.</summary>
    public static Task<string> ReadRequestAsync(Socket connection) => ReadAsync(connection, static text =>
        text.IndexOf("\r\n\r\n", StringComparison.Ordinal) is > 0 and var end
        && (text.Contains("chunked", StringComparison.Ordinal) ? text.EndsWith("0\r\n\r\n", StringComparison.Ordinal) : text.Length >= end + 4 + (text[0] == 'P' ? 4 : 0)));

    public static Task<string> ReadUntilAsync(Socket connection, string part) => ReadAsync(connection, text => text.Contains(part, StringComparison.Ordinal));

    public static Task<string> ReadToEndAsync(Socket connection) => ReadAsync(connection, static _ => false);

    private static async Task<string> ReadAsync(Socket connection, Func<string, bool> isEnough)
    {
        using var late = new CancellationTokenSource(Patience);
        var text = new StringBuilder();
        var buffer = new byte[64 * 1024];
        while (!isEnough(text.ToString()))
        {
            try
            {
                var read = await connection.ReceiveAsync(buffer, late.Token);
                if (read == 0)
                {
                    break;
                }

                text.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
            catch (SocketException)
            {
                break;
            }
        }

        return text.ToString();
    }
}
