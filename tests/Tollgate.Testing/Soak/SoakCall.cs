using System.Net.Sockets;
using System.Text;
using Tollgate.Testing.Wire;

namespace Tollgate.Testing.Soak;

/// <summary>A complete answer that a client got.</summary>
/// <param name="RequestId"><c>x-tollgate-request-id</c>.</param>
/// <param name="Number">Number of the upstream's reply that it brought; 0 when the gateway answered by itself.</param>
/// <param name="Kind">What was asked for.</param>
public readonly record struct Answered(Guid RequestId, int Number, CallKind Kind);

/// <summary>How a call ended, seen from its client.</summary>
public enum CallEnd
{
    /// <summary>With everything that the upstream said.</summary>
    Answered,

    /// <summary>Broken off, or refused by the network: the client knows nothing.</summary>
    Unanswered,

    /// <summary>The client went away, as asked.</summary>
    Aborted,

    /// <summary>The gateway answered by itself, with an error.</summary>
    Refused,
}

/// <summary>One client connection to the gateway that makes one call after the other and knows exactly what came.</summary>
/// <remarks>It never repeats a call by itself, as HttpClient does in some cases. After anything but an answer the connection is spent.</remarks>
public sealed class SoakCall : IAsyncDisposable
{
    private static readonly byte[][] Requests = [.. Enum.GetValues<CallKind>().Select(Request)];

    private readonly NetworkStream _stream;
    private readonly HttpMessageReader _reader;

    private SoakCall(Socket socket)
    {
        _stream = new NetworkStream(socket, ownsSocket: true);
        _reader = new HttpMessageReader(_stream);
    }

    /// <summary>Opens a connection.</summary>
    /// <exception cref="SocketException">Nobody listens.</exception>
    public static async Task<SoakCall> ConnectAsync(Uri gateway, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(gateway.Host, gateway.Port, cancellationToken);
            return new SoakCall(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Calls and reads the answer to its end.</summary>
    public async Task<(CallEnd End, Answered Answer)> CallAsync(CallKind kind, CancellationToken cancellationToken)
    {
        try
        {
            await _stream.WriteAsync(Requests[(int)kind], cancellationToken);
            if (kind == CallKind.Aborted)
            {
                return (await _reader.ReadHeadAsync(cancellationToken) ? CallEnd.Aborted : CallEnd.Unanswered, default);
            }

            return await _reader.ReadAsync(cancellationToken) ? Judge(kind) : (CallEnd.Unanswered, default);
        }
        catch (IOException)
        {
            return (CallEnd.Unanswered, default);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    /// <summary>What a request asks for.</summary>
    internal static CallKind KindOf(ReadOnlySpan<byte> body)
    {
        var word = body[(body.IndexOf("\"content\":\""u8) + "\"content\":\"".Length)..];
        return Enum.Parse<CallKind>(Encoding.ASCII.GetString(word[..word.IndexOf((byte)'"')]));
    }

    private (CallEnd End, Answered Answer) Judge(CallKind kind)
    {
        if (!Guid.TryParse(_reader.Field("x-tollgate-request-id"u8), out var id)
            || !NumberedReply.TryNumberOf(Encoding.ASCII.GetString(_reader.Field("request-id"u8)), out var number))
        {
            return (CallEnd.Refused, default);
        }

        var isWhole = kind switch
        {
            CallKind.Overloaded => _reader.Status == 529,
            CallKind.Whole => _reader.Status == 200,
            _ => _reader.Status == 200 && _reader.Body.EndsWith(NumberedReply.StreamEnd),
        };
        return isWhole ? (CallEnd.Answered, new Answered(id, number, kind)) : (CallEnd.Unanswered, default);
    }

    private static byte[] Request(CallKind kind)
    {
        var stream = kind == CallKind.Whole ? "false" : "true";
        var body = $"{{\"model\":\"{NumberedReply.Model}\",\"max_tokens\":64,\"stream\":{stream},\"messages\":[{{\"role\":\"user\",\"content\":\"{kind}\"}}]}}";
        return Encoding.ASCII.GetBytes(
            $"POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nx-api-key: sk-ant-api03-soak\r\nContent-Length: {body.Length}\r\n\r\n{body}");
    }
}
