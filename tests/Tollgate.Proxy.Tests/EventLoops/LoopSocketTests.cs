using System.Net;
using System.Net.Sockets;
using Tollgate.Proxy.EventLoops;

namespace Tollgate.Proxy.Tests.EventLoops;

/// <summary>A loop's sockets against .NET's at the other end.</summary>
public sealed class LoopSocketTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly EventLoop _loop = new(0);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public LoopSocketTests() => _listener.Start();

    public void Dispose()
    {
        _listener.Dispose();
        _loop.Stop();
    }

    [Theory]
    [InlineData(1, true, 64 * 1024, 16_000_000)]
    [InlineData(2, true, 4096, 30_000)]
    [InlineData(3, false, 64 * 1024, 16_000_000)]
    [InlineData(4, false, 4096, 30_000)]
    public async Task Bytes_arrive_as_they_were_sent_in_both_directions_at_once(int seed, bool onLoop, int window, int count)
    {
        var (ours, theirs) = await ConnectAsync();
        var random = new Random(seed);
        var (up, down) = (RandomBytes(random, count), RandomBytes(random, count));

        // A small window: many a send finds no room for all of it.
        theirs.ReceiveBufferSize = theirs.SendBufferSize = window;
        await Task.WhenAll(
            On(onLoop, () => SendAllAsync(ours, up, new Random(seed + 10))),
            On(onLoop, async () => Assert.Equal(down, await ReceiveAllAsync(down.Length, into => ours.ReceiveAsync(into), new Random(seed + 20)))),
            TheirsAsync()).WaitAsync(Patience, TestContext.Current.CancellationToken);
        ours.Dispose();
        Assert.Equal(0, await theirs.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
        theirs.Dispose();

        async Task TheirsAsync()
        {
            var receiving = ReceiveAllAsync(up.Length, into => theirs.ReceiveAsync(into), new Random(seed + 30));
            await theirs.SendAsync(down);
            Assert.Equal(up, await receiving);
        }
    }

    [Fact]
    public async Task What_came_together_with_the_end_is_read_before_it()
    {
        var (ours, theirs) = await ConnectAsync();
        var (first, then) = await On(true, async () =>
        {
            // The loop is busy meanwhile, and is then told of both at once.
            theirs.Send("last words"u8);
            theirs.Dispose();
            var room = new byte[100];
            var count = await ours.ReceiveAsync(room);
            return (room[..count], await ours.ReceiveAsync(room).AsTask().WaitAsync(Patience));
        });
        Assert.Equal("last words"u8, first);
        Assert.Equal(0, then);
        ours.Dispose();
    }

    [Fact]
    public async Task A_read_that_filled_its_buffer_exactly_waits_for_more_and_for_the_end()
    {
        var (ours, theirs) = await ConnectAsync();
        for (var round = 0; round < 3; round++)
        {
            await theirs.SendAsync("four"u8.ToArray());
            var buffer = new byte[4];
            Assert.Equal(4, await ours.ReceiveAsync(buffer).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken));
        }

        var waiting = ours.ReceiveAsync(new byte[4]).AsTask();
        theirs.Dispose();
        Assert.Equal(0, await waiting.WaitAsync(Patience, TestContext.Current.CancellationToken));
        ours.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Closing_from_anywhere_ends_what_waits(bool byAbort)
    {
        var (ours, theirs) = await ConnectAsync();
        var receiving = ours.ReceiveAsync(new byte[1]).AsTask();
        var sending = ours.SendAsync(new byte[64 * 1024 * 1024]).AsTask();
        if (byAbort)
        {
            ours.Abort();
        }
        else
        {
            ours.Dispose();
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(() => receiving.WaitAsync(Patience, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => sending.WaitAsync(Patience, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => ours.ReceiveAsync(new byte[1]).AsTask());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => ours.SendAsync(new byte[1]).AsTask());
        Assert.False(ours.IsQuiet);
        ours.Dispose();
        theirs.Dispose();
    }

    [Fact]
    public async Task An_abort_reaches_the_peer_as_a_reset_and_a_close_as_an_end()
    {
        var (ended, other) = await ConnectAsync();
        ended.Dispose();
        Assert.Equal(0, await other.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken));
        other.Dispose();

        var (aborted, theirs) = await ConnectAsync();
        aborted.Abort();
        var reset = await Assert.ThrowsAsync<SocketException>(() => theirs.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        theirs.Dispose();
    }

    [Fact]
    public async Task A_reset_by_the_peer_fails_the_read_that_waits()
    {
        var (ours, theirs) = await ConnectAsync();
        var receiving = ours.ReceiveAsync(new byte[1]).AsTask();
        theirs.Close(0);
        await Assert.ThrowsAsync<IOException>(() => receiving.WaitAsync(Patience, TestContext.Current.CancellationToken));
        ours.Dispose();
    }

    [Fact]
    public async Task Quiet_is_what_has_neither_said_anything_nor_ended()
    {
        var (ours, theirs) = await ConnectAsync();
        Assert.True(ours.IsQuiet);
        await theirs.SendAsync(new byte[1]);
        Assert.True(SpinWait.SpinUntil(() => !ours.IsQuiet, Patience));
        Assert.Equal(1, await ours.ReceiveAsync(new byte[2]));
        Assert.True(ours.IsQuiet);
        theirs.Dispose();
        Assert.True(SpinWait.SpinUntil(() => !ours.IsQuiet, Patience));
        ours.Dispose();
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_an_error_and_a_cancelled_connect_a_cancellation()
    {
        var nobody = (IPEndPoint)_listener.LocalEndpoint;
        _listener.Stop();
        await Assert.ThrowsAsync<IOException>(() => On(true, () => LoopSocket.ConnectAsync(_loop, nobody, default).AsTask()));
        using var left = new CancellationTokenSource();
        await left.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => On(true, () => LoopSocket.ConnectAsync(_loop, nobody, left.Token).AsTask()));
    }

    [Fact]
    public async Task An_await_comes_back_to_the_loop_wherever_it_was_completed()
    {
        var elsewhere = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var going = On(true, async () =>
        {
            await elsewhere.Task;
            return EventLoop.Current;
        });
        await Task.Run(elsewhere.SetResult, TestContext.Current.CancellationToken);
        Assert.Same(_loop, await going);
    }

    [Fact]
    public async Task What_many_threads_post_runs_once_and_in_each_threads_order_also_while_the_loop_stops()
    {
        for (var round = 0; round < 50; round++)
        {
            var loop = new EventLoop(0);
            const int Threads = 4, Posts = 500;
            var seen = new List<int>[Threads];
            using var done = new CountdownEvent(Threads * Posts);
            var posting = Enumerable.Range(0, Threads).Select(thread => Task.Run(() =>
            {
                seen[thread] = [];
                for (var number = 0; number < Posts; number++)
                {
                    var posted = number;
                    loop.Post(_ => Keep(seen[thread], posted), null);
                }
            })).ToArray();
            if (round % 2 == 1)
            {
                loop.Stop();
            }

            await Task.WhenAll(posting);
            Assert.True(done.Wait(Patience, TestContext.Current.CancellationToken));
            loop.Stop();
            Assert.All(seen, numbers => Assert.Equal(Enumerable.Range(0, Posts), round % 2 == 1 ? numbers.Order() : numbers));

            void Keep(List<int> into, int number)
            {
                lock (into)
                {
                    into.Add(number);
                }

                done.Signal();
            }
        }
    }

    [Fact]
    public async Task A_loop_that_stops_closes_its_sockets()
    {
        var (ours, theirs) = await ConnectAsync();
        var receiving = ours.ReceiveAsync(new byte[1]).AsTask();
        _loop.Stop();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => receiving.WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Equal(0, await theirs.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken));
        theirs.Dispose();
    }

    [Fact]
    public async Task Connections_are_accepted_for_the_loops_in_turn_until_accepting_stops()
    {
        using var loops = new EventLoopGroup(2);
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(64);
        listener.Blocking = false;
        var acceptor = new LoopAcceptor(loops, (int)listener.SafeHandle.DangerousGetHandle(), TimeProvider.System);
        var clients = new List<Socket>();
        var accepted = new List<LoopSocket>();
        for (var number = 0; number < 10; number++)
        {
            clients.Add(await ClientAsync((IPEndPoint)listener.LocalEndPoint!));
            accepted.Add(await acceptor.Accepted.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken));
        }

        Assert.Equal([0, 1, 0, 1, 0, 1, 0, 1, 0, 1], accepted.Select(static socket => socket.Loop.Index));
        Assert.Equal(clients.Select(static client => client.LocalEndPoint), accepted.Select(static socket => socket.RemoteEndPoint));
        Assert.Equal(clients.Select(static client => client.RemoteEndPoint), accepted.Select(static socket => socket.LocalEndPoint));
        await acceptor.StopAsync();
        clients.Add(await ClientAsync((IPEndPoint)listener.LocalEndPoint!));
        Assert.False(await acceptor.Accepted.WaitToReadAsync(TestContext.Current.CancellationToken));
        accepted.ForEach(static socket => socket.Dispose());
        clients.ForEach(static client => client.Dispose());
    }

    private static async Task<Socket> ClientAsync(IPEndPoint to)
    {
        var client = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(to);
        return client;
    }

    private static byte[] RandomBytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    private static async Task SendAllAsync(LoopSocket socket, byte[] bytes, Random random)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var count = Math.Min(random.Next(1, 200_000), bytes.Length - at);
            await socket.SendAsync(bytes.AsMemory(at, count));
            at += count;
        }
    }

    private static async Task<byte[]> ReceiveAllAsync(int count, Func<Memory<byte>, ValueTask<int>> receive, Random random)
    {
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            var read = await receive(bytes.AsMemory(at, Math.Min(random.Next(1, 100_000), count - at)));
            Assert.NotEqual(0, read);
            at += read;
        }

        return bytes;
    }

    private async Task<(LoopSocket Ours, Socket Theirs)> ConnectAsync()
    {
        var connecting = On(true, () => LoopSocket.ConnectAsync(_loop, (IPEndPoint)_listener.LocalEndpoint, default).AsTask());
        var theirs = await _listener.AcceptSocketAsync();
        return (await connecting, theirs);
    }

    private async Task<T> On<T>(bool onLoop, Func<Task<T>> run)
    {
        if (onLoop)
        {
            await _loop.EnterAsync();
        }

        return await run();
    }

    private Task<bool> On(bool onLoop, Func<Task> run) => On(onLoop, async () =>
    {
        await run();
        return true;
    });
}
