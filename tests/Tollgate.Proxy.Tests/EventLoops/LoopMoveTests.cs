using System.Net;
using System.Net.Sockets;
using Tollgate.Proxy.EventLoops;

namespace Tollgate.Proxy.Tests.EventLoops;

/// <summary>Sockets that change loops, against .NET's at the other end.</summary>
public sealed class LoopMoveTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly EventLoopGroup _loops = new(2);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public LoopMoveTests() => _listener.Start();

    public void Dispose()
    {
        _listener.Dispose();
        _loops.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Bytes_come_back_in_order_from_a_socket_that_moves_between_reads(int seed)
    {
        const int Count = 3_000_000;
        var (ours, theirs) = await ConnectAsync();
        var random = new Random(seed);
        var sent = new byte[Count];
        random.NextBytes(sent);
        var echoing = EchoAsync(ours, new Random(seed + 10));
        var sending = SendAsync();
        var back = new byte[Count];
        for (var at = 0; at < Count;)
        {
            at += await theirs.ReceiveAsync(back.AsMemory(at)).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken);
        }

        await sending;
        theirs.Shutdown(SocketShutdown.Send);
        var moves = await echoing.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(sent, back);
        Assert.True(moves > 20, $"moved {moves} times");
        ours.Dispose();
        theirs.Dispose();

        async Task SendAsync()
        {
            for (var at = 0; at < Count;)
            {
                var count = Math.Min(random.Next(1, 20_000), Count - at);
                await theirs.SendAsync(sent.AsMemory(at, count));
                at += count;
            }
        }
    }

    [Fact]
    public async Task One_that_is_closed_on_its_way_is_closed_on_arrival()
    {
        var (ours, theirs) = await ConnectAsync();
        await ours.Loop.EnterAsync();
        var to = OtherThan(ours.Loop);
        ours.BeginMove(to);
        await Task.Run(ours.Dispose, TestContext.Current.CancellationToken);
        await to.EnterAsync();
        Assert.Throws<ObjectDisposedException>(ours.EndMove);
        Assert.Equal(0, await theirs.ReceiveAsync(new byte[1]).WaitAsync(Patience, TestContext.Current.CancellationToken));
        theirs.Dispose();
    }

    [Fact]
    public async Task One_that_was_to_be_closed_on_the_loop_it_has_left_is_closed_where_it_is()
    {
        var (ours, theirs) = await ConnectAsync();
        var from = ours.Loop;
        var to = OtherThan(from);
        await from.EnterAsync();

        // Its close is asked for while it belongs to this loop, which comes to it only after the move.
        using var asked = new ManualResetEventSlim();
        var closing = Task.Run(() =>
        {
            ours.Dispose();
            asked.Set();
        });
        asked.Wait(Patience, TestContext.Current.CancellationToken);
        ours.BeginMove(to);
        await from.EnterAsync();
        await closing;
        Assert.Equal(0, await theirs.ReceiveAsync(new byte[1]).WaitAsync(Patience, TestContext.Current.CancellationToken));
        theirs.Dispose();
    }

    [Fact]
    public async Task One_that_arrives_at_a_loop_which_has_ended_is_closed()
    {
        var (ours, theirs) = await ConnectAsync();
        var ended = new EventLoop(0);
        ended.Stop();
        await ours.Loop.EnterAsync();
        ours.BeginMove(ended);
        await ended.EnterAsync();
        Assert.Throws<ObjectDisposedException>(ours.EndMove);
        Assert.Equal(0, await theirs.ReceiveAsync(new byte[1]).WaitAsync(Patience, TestContext.Current.CancellationToken));
        theirs.Dispose();
    }

    [Fact]
    public async Task What_is_written_on_the_way_arrives()
    {
        var (ours, theirs) = await ConnectAsync();
        await ours.Loop.EnterAsync();
        var to = OtherThan(ours.Loop);
        ours.BeginMove(to);
        await Task.Run(async () => await ours.SendAsync("ab"u8.ToArray()), TestContext.Current.CancellationToken);
        await to.EnterAsync();
        ours.EndMove();
        await ours.SendAsync("cd"u8.ToArray());
        var read = new byte[4];
        for (var at = 0; at < read.Length;)
        {
            at += await theirs.ReceiveAsync(read.AsMemory(at)).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken);
        }

        Assert.Equal("abcd"u8.ToArray(), read);
        ours.Dispose();
        theirs.Dispose();
    }

    [Fact]
    public async Task A_loop_with_several_sockets_to_serve_finds_one_that_sleeps_and_with_one_socket_does_not()
    {
        var loop = _loops.All[0];
        var (first, firstPeer) = await ConnectAsync(loop);
        var (second, secondPeer) = await ConnectAsync(loop);
        await loop.EnterAsync();
        var reads = new[] { ReliefAfterAsync(first), ReliefAfterAsync(second) };

        // Both are told of at once, because the loop is held up until both can be.
        firstPeer.Send([1]);
        secondPeer.Send([1]);
        Assert.True(SpinWait.SpinUntil(() => !first.IsQuiet && !second.IsQuiet, Patience));

        // The other loop has nothing to do; it sleeps, or is about to.
        var found = await Task.WhenAll(reads).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal([_loops.All[1], null], found.OrderBy(static relief => relief is null));
        Array.ForEach([first, second], static socket => socket.Dispose());
        Array.ForEach([firstPeer, secondPeer], static socket => socket.Dispose());

        static async Task<EventLoop?> ReliefAfterAsync(LoopSocket socket)
        {
            await socket.WhenReadableAsync();
            return socket.Loop.FindRelief();
        }
    }

    /// <summary>Sends back what comes until the peer ends, changing loops before every other read or so. Returns how often it did.</summary>
    private async Task<int> EchoAsync(LoopSocket socket, Random random)
    {
        var moves = 0;
        var buffer = new byte[10_000];
        await socket.Loop.EnterAsync();
        while (true)
        {
            await socket.WhenReadableAsync();
            if (random.Next(2) == 0)
            {
                Assert.True(socket.CanMove);
                var to = OtherThan(socket.Loop);
                socket.BeginMove(to);
                await to.EnterAsync();
                socket.EndMove();
                moves++;
            }

            var count = socket.TryReceive(buffer);
            if (count == 0)
            {
                return moves;
            }

            if (count > 0)
            {
                // On the loop that it belongs to when the send has ended, whichever that is.
                await socket.SendAsync(buffer.AsMemory(0, count));
                await socket.Loop.EnterAsync();
            }
        }
    }

    private EventLoop OtherThan(EventLoop loop) => _loops.All.First(other => other != loop);

    private async Task<(LoopSocket Ours, Socket Theirs)> ConnectAsync(EventLoop? loop = null)
    {
        loop ??= _loops.Next();
        var connecting = Task.Run(async () =>
        {
            await loop.EnterAsync();
            return await LoopSocket.ConnectAsync(loop, (IPEndPoint)_listener.LocalEndpoint, default);
        });
        var theirs = await _listener.AcceptSocketAsync();
        return (await connecting, theirs);
    }
}
