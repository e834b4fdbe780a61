using System.Net;
using System.Net.Sockets;

namespace Tollgate.Testing.Upstream;

/// <summary>What a <see cref="RawUpstream"/> does after its bytes.</summary>
public enum RawEnding
{
    /// <summary>Waits for the next request on the same connection.</summary>
    KeepOpen,

    /// <summary>Sends FIN.</summary>
    Fin,

    /// <summary>Sends RST.</summary>
    Reset,

    /// <summary>Says nothing more until the caller goes away.</summary>
    Hang,
}

/// <summary>An upstream that answers requests with given bytes, however wrong their framing is.</summary>
/// <remarks>One answer per request, in the order requests come; after the last answer, further connections are closed unanswered.</remarks>
public sealed class RawUpstream : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Queue<(byte[] Bytes, RawEnding Ending)> _answers;
    private readonly Journal<byte[]> _requests = new();
    private readonly Task _accepting;
    private int _connections;

    /// <summary>Listens at once.</summary>
    public RawUpstream(params (byte[] Bytes, RawEnding Ending)[] answers)
    {
        _answers = new Queue<(byte[], RawEnding)>(answers);
        _listener.Start();
        BaseUrl = $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _accepting = AcceptAsync();
    }

    /// <summary>Scheme, host and port.</summary>
    public string BaseUrl { get; }

    /// <summary>Connections accepted so far.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Heads and bodies of the requests so far, byte for byte.</summary>
    public IReadOnlyList<byte[]> Requests => _requests.All;

    /// <summary>Every request, once there are <paramref name="count"/>.</summary>
    public Task<IReadOnlyList<byte[]>> WaitForRequestsAsync(int count, TimeSpan timeout) => _requests.WaitForAsync(count, timeout);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                serving.Add(ServeAsync(socket));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or InvalidOperationException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using var owned = socket;
        try
        {
            while (await ReadRequestAsync(socket) is { } request)
            {
                (byte[] Bytes, RawEnding Ending) answer;
                lock (_answers)
                {
                    if (!_answers.TryDequeue(out answer))
                    {
                        return;
                    }
                }

                _requests.Add(_ => request);
                await SendAsync(socket, answer.Bytes);
                if (answer.Ending == RawEnding.Reset)
                {
                    socket.Close(0);
                    return;
                }

                if (answer.Ending == RawEnding.Fin)
                {
                    socket.Shutdown(SocketShutdown.Send);
                }

                if (answer.Ending is RawEnding.Fin or RawEnding.Hang)
                {
                    await ReadToEndAsync(socket);
                    return;
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
            // The caller left, or the test ended: nothing more to say on this connection.
        }
    }

    private async Task SendAsync(Socket socket, byte[] bytes)
    {
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent), _stop.Token);
        }
    }

    private async Task ReadToEndAsync(Socket socket)
    {
        var rest = new byte[4096];
        while (await socket.ReceiveAsync(rest, _stop.Token) > 0)
        {
        }
    }

    /// <summary>One request with a Content-Length, a chunked body or none; null when the caller closed between requests.</summary>
    private async Task<byte[]?> ReadRequestAsync(Socket socket)
    {
        using var request = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (!IsWhole(request.GetBuffer().AsSpan(0, (int)request.Length)))
        {
            var read = await socket.ReceiveAsync(buffer, _stop.Token);
            if (read == 0)
            {
                return null;
            }

            request.Write(buffer, 0, read);
        }

        return request.ToArray();
    }

    private static bool IsWhole(ReadOnlySpan<byte> request)
    {
        var end = request.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return false;
        }

        var body = request[(end + 4)..];
        var fields = RequestHeads.Fields(request[..(end + 2)]);
        if (Field("transfer-encoding").Length > 0)
        {
            return body.EndsWith("0\r\n\r\n"u8);
        }

        return body.Length >= (int.TryParse(Field("content-length"), out var length) ? length : 0);

        string Field(string name) => fields.FirstOrDefault(field => field.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value ?? string.Empty;
    }
}
