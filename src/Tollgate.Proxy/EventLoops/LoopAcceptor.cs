using System.Threading.Channels;

namespace Tollgate.Proxy.EventLoops;

/// <summary>Accepts from a listening socket and gives each connection to the loop whose turn it is.</summary>
public sealed class LoopAcceptor : ILoopSocket
{
    // errno: too many open files, here or in the system; no memory. What waits to be accepted goes on waiting, and is told of only once.
    private static readonly int[] Passing = [24, 23, 105, 12];

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    private readonly EventLoopGroup _loops;

    // Of the loop that accepts for all.
    private readonly EventLoop _loop;
    private readonly int _listener;
    private readonly Channel<LoopSocket> _accepted = Channel.CreateUnbounded<LoopSocket>(new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = false });
    private readonly ITimer _retry;
    private int _place = -1;

    /// <summary>Begins to accept.</summary>
    /// <param name="loops">Whose the connections will be.</param>
    /// <param name="listener">The descriptor of a listening, non-blocking socket; the caller's to close, after <see cref="StopAsync"/>.</param>
    /// <param name="time">The clock.</param>
    public LoopAcceptor(EventLoopGroup loops, int listener, TimeProvider time)
    {
        _loops = loops;
        _loop = loops.All[0];
        _listener = listener;
        _retry = time.CreateTimer(static self => ((LoopAcceptor)self!).Retry(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _loop.Post(static self => ((LoopAcceptor)self!).Begin(), this);
    }

    /// <summary>What was accepted. Ends after <see cref="StopAsync"/>, with what had been accepted by then.</summary>
    public ChannelReader<LoopSocket> Accepted => _accepted.Reader;

    /// <summary>Accepts no more. Returns when nobody touches the descriptor any longer.</summary>
    public async Task StopAsync()
    {
        await _retry.DisposeAsync();
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Post(_ => End(stopped), null);
        await stopped.Task;
    }

    void ILoopSocket.OnReady(uint what) => AcceptAll();

    void ILoopSocket.OnStop()
    {
        _place = -1;
        _accepted.Writer.TryComplete();
    }

    private void Begin() => _place = _loop.Join(this, _listener);

    private void End(TaskCompletionSource stopped)
    {
        if (_place >= 0)
        {
            _loop.Unwatch(_listener);
            _loop.Leave(_place);
            _place = -1;
        }

        _accepted.Writer.TryComplete();
        stopped.TrySetResult();
    }

    private void Retry() => _loop.Post(static self => ((LoopAcceptor)self!).AcceptAll(), this);

    private void AcceptAll()
    {
        while (_place >= 0)
        {
            var accepted = LinuxSockets.Accept(_listener, out var peer);
            if (accepted >= 0)
            {
                LinuxSockets.SetNoDelay(accepted);
                var socket = LoopSocket.Of(_loops.Next(), accepted);
                socket.RemoteEndPoint = peer;
                socket.LocalEndPoint = LinuxSockets.LocalEndPoint(accepted);
                if (!_accepted.Writer.TryWrite(socket))
                {
                    socket.Dispose();
                }
            }
            else if (accepted == -LinuxSockets.WouldBlock)
            {
                return;
            }
            else if (Passing.Contains(-accepted))
            {
                _retry.Change(RetryDelay, Timeout.InfiniteTimeSpan);
                return;
            }

            // Others are the error of one connection that ended before it was accepted.
        }
    }
}
