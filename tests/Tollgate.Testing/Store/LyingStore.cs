using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Tollgate.Testing.Wire;

namespace Tollgate.Testing.Store;

/// <summary>What becomes of one insert, and what its sender is told.</summary>
public enum StoreLie
{
    /// <summary>The truth: committed, and answered.</summary>
    Pass,

    /// <summary>Committed and answered, half a second late.</summary>
    Delay,

    /// <summary>Committed; the connection ends before the answer.</summary>
    CommitThenDrop,

    /// <summary>Committed; there is never an answer.</summary>
    CommitThenHang,

    /// <summary>Committed; the answer is 500 without an exception code.</summary>
    CommitThenError,

    /// <summary>Not committed; there is never an answer.</summary>
    Hang,

    /// <summary>Not committed; half of the body is read, then the connection is reset.</summary>
    ReadHalfThenReset,

    /// <summary>Not committed; the answer is 500 without an exception code, as a proxy in between gives.</summary>
    Error,

    /// <summary>Not committed; the answer is exception 241, MEMORY_LIMIT_EXCEEDED.</summary>
    MemoryLimit,

    /// <summary>Not committed; the answer is exception 252, TOO_MANY_PARTS.</summary>
    TooManyParts,
}

/// <summary>Stands before a real store and lies about inserts, as networks, proxies and overloaded servers do.</summary>
/// <remarks>
/// Everything but inserts passes. What becomes of an insert is scripted by <see cref="Next"/>, then drawn by <see cref="Otherwise"/>; until one
/// of them is called, inserts pass too. HTTP/1.1 on a loopback port; each connection has one of its own to the store.
/// </remarks>
public sealed class LyingStore : IAsyncDisposable
{
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(500);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentDictionary<StoreLie, int> _told = new();
    private readonly Lock _gate = new();
    private readonly Queue<StoreLie> _next = new();
    private readonly Uri _store;
    private readonly Task _accepting;
    private Func<StoreLie> _otherwise = static () => StoreLie.Pass;

    /// <summary>Starts before a store.</summary>
    public LyingStore(Uri store)
    {
        _store = store;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>How often each lie was told.</summary>
    public IReadOnlyDictionary<StoreLie, int> Told => _told;

    /// <summary>What becomes of the next inserts, in order.</summary>
    public void Next(params ReadOnlySpan<StoreLie> lies)
    {
        lock (_gate)
        {
            foreach (var lie in lies)
            {
                _next.Enqueue(lie);
            }
        }
    }

    /// <summary>What becomes of the inserts that no script names: as many true answers as <paramref name="truth"/> says, else any lie.</summary>
    /// <param name="seed">What decides.</param>
    /// <param name="truth">Share of inserts that pass, from 0 to 1.</param>
    public void Otherwise(int seed, double truth)
    {
        var random = new Random(seed);
        var lies = Enum.GetValues<StoreLie>();
        lock (_gate)
        {
            _otherwise = () => random.NextDouble() < truth ? StoreLie.Pass : lies[random.Next(lies.Length)];
        }
    }

    /// <summary>No more lies.</summary>
    public void TellTheTruth()
    {
        lock (_gate)
        {
            _next.Clear();
            _otherwise = static () => StoreLie.Pass;
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
                serving.Add(ServeAsync(await _listener.AcceptSocketAsync(_ended.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using var client = socket;
        client.NoDelay = true;
        await using var stream = new NetworkStream(client);
        using var store = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await store.ConnectAsync(_store.Host, _store.Port, _ended.Token);
            await using var toStore = new NetworkStream(store);
            var (requests, answers) = (new HttpMessageReader(stream), new HttpMessageReader(toStore));
            while (await requests.ReadHeadAsync(_ended.Token))
            {
                if (!await AnswerAsync(client, stream, requests, toStore, answers))
                {
                    return;
                }
            }
        }
        catch (Exception gone) when (gone is IOException or SocketException or OperationCanceledException)
        {
            // Either side went away, or the test ends; what is left of the connection goes too.
        }
    }

    /// <summary>Answers one request. False when the connection is over.</summary>
    private async Task<bool> AnswerAsync(Socket client, NetworkStream stream, HttpMessageReader requests, NetworkStream toStore, HttpMessageReader answers)
    {
        var lie = IsInsert(requests.Head) ? Draw() : StoreLie.Pass;
        if (lie == StoreLie.ReadHalfThenReset)
        {
            await requests.ReadPartOfBodyAsync(requests.ContentLength / 2, _ended.Token);
            client.LingerState = new LingerOption(true, 0);
            client.Close();
            return false;
        }

        await requests.ReadBodyAsync(_ended.Token);
        if (lie == StoreLie.Delay)
        {
            await Task.Delay(Delay, TimeProvider.System, _ended.Token);
        }

        if (lie is StoreLie.Pass or StoreLie.Delay or StoreLie.CommitThenDrop or StoreLie.CommitThenHang or StoreLie.CommitThenError)
        {
            await toStore.WriteAsync(requests.Message, _ended.Token);
            if (!await answers.ReadAsync(_ended.Token))
            {
                return false;
            }
        }

        switch (lie)
        {
            case StoreLie.Pass or StoreLie.Delay:
                await stream.WriteAsync(answers.Message, _ended.Token);
                return true;

            case StoreLie.Hang or StoreLie.CommitThenHang:
                // Until the sender gives up; it sends nothing more on this connection.
                await requests.ReadHeadAsync(_ended.Token);
                return false;

            case StoreLie.CommitThenDrop:
                return false;

            default:
                await stream.WriteAsync(Refusal(lie), _ended.Token);
                return true;
        }
    }

    private StoreLie Draw()
    {
        lock (_gate)
        {
            var lie = _next.TryDequeue(out var scripted) ? scripted : _otherwise();
            _told.AddOrUpdate(lie, 1, static (_, count) => count + 1);
            return lie;
        }
    }

    /// <summary>An insert names itself in the target's query: its body is rows.</summary>
    private static bool IsInsert(ReadOnlySpan<byte> head) =>
        Uri.UnescapeDataString(Encoding.Latin1.GetString(head[..head.IndexOf("\r\n"u8)])).Replace('+', ' ').Contains("query=INSERT INTO", StringComparison.OrdinalIgnoreCase);

    private static byte[] Refusal(StoreLie lie)
    {
        var (code, text) = lie switch
        {
            StoreLie.MemoryLimit => ("X-ClickHouse-Exception-Code: 241\r\n", "Code: 241. DB::Exception: (total) memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)"),
            StoreLie.TooManyParts => ("X-ClickHouse-Exception-Code: 252\r\n", "Code: 252. DB::Exception: Too many parts (3001). Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)"),
            _ => (string.Empty, "Internal Server Error"),
        };
        return Encoding.ASCII.GetBytes($"HTTP/1.1 500 Internal Server Error\r\n{code}Content-Type: text/plain\r\nContent-Length: {text.Length}\r\n\r\n{text}");
    }
}
