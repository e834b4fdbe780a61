using System.Net;
using System.Net.Sockets;
using Tollgate.Testing.Wire;

namespace Tollgate.Testing.Soak;

/// <summary>An upstream that numbers its replies and keeps of each only its kind: what it served is known for as long as a soak runs.</summary>
/// <remarks>Raw sockets, a few microseconds a call. It serves until disposed and never fails by itself.</remarks>
public sealed class NumberedUpstream : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(30);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly Lock _gate = new();
    private readonly List<CallKind> _kinds = [];
    private readonly Task _accepting;

    /// <summary>Starts on a free loopback port.</summary>
    public NumberedUpstream()
    {
        _listener.Start(backlog: 4096);
        BaseUrl = $"http://{_listener.LocalEndpoint}";
        _accepting = AcceptAsync();
    }

    /// <summary>Scheme, host and port, without a slash at the end.</summary>
    public string BaseUrl { get; }

    /// <summary>Kinds of the replies so far; that of reply k is at k - 1.</summary>
    public IReadOnlyList<CallKind> Served
    {
        get
        {
            lock (_gate)
            {
                return [.. _kinds];
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _listener.Stop();
        await _accepting;
        _ended.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_ended.Token);
                serving.RemoveAll(static task => task.IsCompleted);
                serving.Add(ServeAsync(socket));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        socket.NoDelay = true;
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        var reader = new HttpMessageReader(stream);
        try
        {
            while (await reader.ReadAsync(_ended.Token))
            {
                var kind = SoakCall.KindOf(reader.Body);
                var pieces = NumberedReply.Pieces(Number(kind), kind);
                for (var piece = 0; piece < pieces.Count; piece++)
                {
                    if (piece > 0)
                    {
                        await Task.Delay(Pause, TimeProvider.System, _ended.Token);
                    }

                    await stream.WriteAsync(pieces[piece], _ended.Token);
                }
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException)
        {
            // The gateway went away, as it is made to; or the soak ends.
        }
    }

    private int Number(CallKind kind)
    {
        lock (_gate)
        {
            _kinds.Add(kind);
            return _kinds.Count;
        }
    }
}
