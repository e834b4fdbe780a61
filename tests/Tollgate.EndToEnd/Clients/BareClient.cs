using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tollgate.EndToEnd.Clients;

/// <summary>HTTP/1.1 over a bare socket: sends nothing a second time, so that a request that fails is seen to fail.</summary>
/// <param name="port">The gateway's, on loopback.</param>
/// <param name="upstream">The upstream asked for; one that the gateway does not know is answered by the gateway itself.</param>
/// <param name="keepAlive">Asks again on the same connection until the gateway closes it; false for a connection each.</param>
internal sealed class BareClient(int port, string upstream, bool keepAlive) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private TcpClient? _connection;
    private StreamReader? _reader;

    /// <summary>Connections made.</summary>
    public int Connections { get; private set; }

    /// <summary>Asks and reads the answer to its end, good or broken.</summary>
    /// <exception cref="IOException">Not even an answer's head came.</exception>
    /// <exception cref="SocketException">The connection was refused.</exception>
    public async Task<MessageAnswer> CallAsync(string model, CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(Patience);

        // What every client does before it uses a connection again: one whose end has come already is not tried.
        if (_connection is null || _connection.Client.Poll(0, SelectMode.SelectRead))
        {
            await ConnectAsync(late.Token);
        }

        var body = $$"""{"model":"{{model}}","max_tokens":64,"messages":[{"role":"user","content":"hi"}],"stream":true}""";
        var request = $"POST /{upstream}/v1/messages HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}";
        await _connection!.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), late.Token);
        return await ReadAsync(late.Token);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader?.Dispose();
        _connection?.Dispose();
    }

    private async Task ConnectAsync(CancellationToken cancellationToken)
    {
        Dispose();
        _connection = new TcpClient { NoDelay = true };
        await _connection.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
        _reader = new StreamReader(_connection.GetStream(), Encoding.Latin1);
        Connections++;
    }

    private async Task<MessageAnswer> ReadAsync(CancellationToken cancellationToken)
    {
        var reader = _reader!;
        var status = await reader.ReadLineAsync(cancellationToken) ?? throw new IOException("The connection ended before an answer.");
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await reader.ReadLineAsync(cancellationToken) is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        var text = new StringBuilder();
        bool isWhole;
        try
        {
            isWhole = headers.TryGetValue("Content-Length", out var length)
                ? await ReadBlockAsync(int.Parse(length, CultureInfo.InvariantCulture))
                : await ReadChunksAsync();
        }
        catch (IOException)
        {
            isWhole = false;
        }

        if (!keepAlive || !isWhole || headers.GetValueOrDefault("Connection") == "close")
        {
            _connection!.Dispose();
            _connection = null;
        }

        return new MessageAnswer(
            int.Parse(status.Split(' ')[1], CultureInfo.InvariantCulture),
            Guid.Parse(headers["x-tollgate-request-id"]),
            SentSha256: string.Empty,
            text.ToString(),
            !isWhole);

        async Task<bool> ReadChunksAsync()
        {
            while (await reader.ReadLineAsync(cancellationToken) is { Length: > 0 } size)
            {
                var bytes = int.Parse(size, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                if (!await ReadBlockAsync(bytes) || await reader.ReadLineAsync(cancellationToken) is not "")
                {
                    return false;
                }

                if (bytes == 0)
                {
                    return true;
                }
            }

            return false;
        }

        async Task<bool> ReadBlockAsync(int length)
        {
            var block = new char[length];
            var read = await reader.ReadBlockAsync(block, cancellationToken);
            text.Append(block, 0, read);
            return read == length;
        }
    }
}
