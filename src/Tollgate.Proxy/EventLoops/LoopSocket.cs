using System.Net;

namespace Tollgate.Proxy.EventLoops;

/// <summary>A connected TCP socket that belongs to a loop.</summary>
/// <remarks>
/// One read and one write may be under way at a time. Both are tried at once, and go on when the loop tells that they can; on another thread than the loop's they are taken there first.
/// It may move to another loop while neither is under way, so that whoever comes from another thread looks again once it is there.
/// Closing is safe at any time, from anywhere: what is under way fails with <see cref="ObjectDisposedException"/>.
/// </remarks>
public sealed class LoopSocket : ILoopSocket, IDisposable
{
    private readonly LoopOperation _receive = new();
    private readonly LoopOperation _send = new();
    private Memory<byte> _receiveInto;
    private ReadOnlyMemory<byte> _sendFrom;
    private EventLoop _loop;

    // Of the loop, like all that is not said to be anybody's.
    private int _descriptor;
    private int _place = -1;
    private bool _isReadable;
    private bool _isWritable;
    private bool _hasEnd;
    private bool _isConnecting;

    // Anybody's.
    private int _isDisposed;

    private LoopSocket(EventLoop loop, int descriptor)
    {
        _loop = loop;
        _descriptor = descriptor;
    }

    /// <summary>Whose it is.</summary>
    public EventLoop Loop => Volatile.Read(ref _loop);

    /// <summary>The peer's address; null when it is none of IP.</summary>
    public IPEndPoint? RemoteEndPoint { get; internal set; }

    /// <summary>This end's address; null when it is none of IP.</summary>
    public IPEndPoint? LocalEndPoint { get; internal set; }

    /// <summary>Takes over a connected, non-blocking descriptor. <see cref="Join"/> must follow.</summary>
    internal static LoopSocket Of(EventLoop loop, int descriptor) => new(loop, descriptor) { _isWritable = true };

    /// <summary>Connects. On the loop only.</summary>
    /// <exception cref="IOException">It could not be connected.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> fired.</exception>
    public static async ValueTask<LoopSocket> ConnectAsync(EventLoop loop, IPEndPoint to, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var socket = new LoopSocket(loop, LinuxSockets.BeginConnect(to)) { _isConnecting = true };
        try
        {
            socket.Join();

            // Before the token is asked to close the socket: it may do so at once, and only what waits is told.
            var connected = socket._send.BeginWithoutResult();
            await using (cancellationToken.UnsafeRegister(static self => ((LoopSocket)self!).Dispose(), socket))
            {
                await connected;
            }

            return socket;
        }
        catch (Exception failed)
        {
            socket.Dispose();
            if (failed is ObjectDisposedException)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            throw;
        }
    }

    /// <summary>Begins to be watched, which an accepted one isn't yet. On the loop only, once.</summary>
    public void Join() => _place = Loop.Join(this, _descriptor);

    /// <summary>Whether it can move: nothing waits to be sent or read. On the loop only.</summary>
    public bool CanMove => _descriptor >= 0 && !_receive.IsPending && !_send.IsPending;

    /// <summary>Leaves its loop for another. On the loop only, while it <see cref="CanMove"/>; the caller enters the other and calls <see cref="EndMove"/> there.</summary>
    public void BeginMove(EventLoop to)
    {
        Loop.Leave(_place, _descriptor);
        _place = -1;
        Volatile.Write(ref _loop, to);
    }

    /// <summary>Arrives at the loop that it was moved to. There only.</summary>
    /// <exception cref="ObjectDisposedException">It was closed meanwhile, or the loop has ended.</exception>
    public void EndMove()
    {
        if (EventLoop.Current != Loop)
        {
            Dispose();
            throw new ObjectDisposedException(nameof(LoopSocket));
        }

        ObjectDisposedException.ThrowIf(_descriptor < 0, this);

        // What came in between is told of, as to any that begins to be watched.
        Join();
    }

    /// <summary>Whether nothing has come and nothing has ended, as far as this host knows by now.</summary>
    public bool IsQuiet => Volatile.Read(ref _isDisposed) == 0 && !LinuxSockets.HasSomethingToRead(_descriptor);

    /// <summary>Completes when a read is worth trying.</summary>
    public ValueTask<int> WhenReadableAsync() => ReceiveAsync(Memory<byte>.Empty);

    /// <summary>Reads what is there, without waiting; -1 when there is nothing. On the loop only.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    public int TryReceive(Span<byte> into)
    {
        ObjectDisposedException.ThrowIf(_descriptor < 0, this);
        var count = LinuxSockets.Receive(_descriptor, into);
        if (count == -LinuxSockets.WouldBlock)
        {
            _isReadable = false;
            return -1;
        }

        if (count < 0)
        {
            throw LinuxSockets.Failed("recv", -count);
        }

        // Less than there was room for: the rest would be told anew. Not so an end, which may have been told already.
        _isReadable = count == into.Length || _hasEnd;
        return count;
    }

    /// <summary>Reads what arrives next; 0 at the peer's end. With an empty buffer: waits until a read is worth trying, and returns 0.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    public ValueTask<int> ReceiveAsync(Memory<byte> into)
    {
        if (Volatile.Read(ref _isDisposed) != 0)
        {
            return ValueTask.FromException<int>(new ObjectDisposedException(nameof(LoopSocket)));
        }

        if (EventLoop.Current != Loop)
        {
            return ReceiveOnLoopAsync(into);
        }

        if (_isReadable)
        {
            if (into.IsEmpty)
            {
                return new ValueTask<int>(0);
            }

            try
            {
                var count = TryReceive(into.Span);
                if (count >= 0)
                {
                    return new ValueTask<int>(count);
                }
            }
            catch (IOException broken)
            {
                return ValueTask.FromException<int>(broken);
            }
        }

        _receiveInto = into;
        return _receive.Begin();
    }

    /// <summary>Sends all of <paramref name="bytes"/>.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        if (Volatile.Read(ref _isDisposed) != 0)
        {
            return ValueTask.FromException(new ObjectDisposedException(nameof(LoopSocket)));
        }

        if (EventLoop.Current != Loop)
        {
            return SendOnLoopAsync(bytes);
        }

        _sendFrom = bytes;
        try
        {
            if (TrySend())
            {
                return ValueTask.CompletedTask;
            }
        }
        catch (IOException broken)
        {
            return ValueTask.FromException(broken);
        }

        return _send.BeginWithoutResult();
    }

    /// <summary>Tells the peer that nothing more comes. On the loop only.</summary>
    public void ShutDown()
    {
        if (_descriptor >= 0)
        {
            LinuxSockets.ShutDown(_descriptor);
        }
    }

    /// <summary>Closes it with a reset: what was not sent is thrown away.</summary>
    public void Abort()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        RunOnLoop(static socket =>
        {
            LinuxSockets.SetReset(socket._descriptor);
            socket.Close();
        });
    }

    /// <summary>Closes it.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            RunOnLoop(static socket => socket.Close());
        }
    }

    void ILoopSocket.OnReady(uint what)
    {
        _hasEnd |= (what & LinuxSockets.Ended) != 0;
        if ((what & (LinuxSockets.Readable | LinuxSockets.Ended)) != 0 && !_isConnecting)
        {
            _isReadable = true;
            if (_receive.IsPending)
            {
                GoOnReceiving();
                if (EventLoop.Current != Loop)
                {
                    return; // Moved; the other loop is told anew of what can be done.
                }
            }
        }

        if ((what & (LinuxSockets.Writable | LinuxSockets.Ended)) != 0 && _descriptor >= 0)
        {
            _isWritable = true;
            if (_send.IsPending)
            {
                GoOnSending();
            }
        }
    }

    void ILoopSocket.OnStop() => Dispose();

    private async ValueTask<int> ReceiveOnLoopAsync(Memory<byte> into)
    {
        await Loop.EnterAsync();
        return await ReceiveAsync(into);
    }

    private async ValueTask SendOnLoopAsync(ReadOnlyMemory<byte> bytes)
    {
        await Loop.EnterAsync();
        await SendAsync(bytes);
    }

    private void RunOnLoop(Action<LoopSocket> action)
    {
        if (EventLoop.Current == Loop)
        {
            action(this);
        }
        else
        {
            Loop.Post(static visit => ((Visit)visit!).Run(), new Visit(this, action));
        }
    }

    private void GoOnReceiving()
    {
        var into = _receiveInto;
        int count;
        try
        {
            count = into.IsEmpty ? 0 : TryReceive(into.Span);
        }
        catch (IOException broken)
        {
            _receiveInto = default;
            _receive.Fail(broken);
            return;
        }

        if (count >= 0)
        {
            _receiveInto = default;
            _receive.Complete(count);
        }
    }

    private void GoOnSending()
    {
        try
        {
            if (_isConnecting)
            {
                _isConnecting = false;
                var error = LinuxSockets.ErrorOf(_descriptor);
                if (error != 0)
                {
                    throw LinuxSockets.Failed("connect", error);
                }
            }
            else if (!TrySend())
            {
                return;
            }
        }
        catch (IOException broken)
        {
            _sendFrom = default;
            _send.Fail(broken);
            return;
        }

        _send.Complete(0);
    }

    /// <summary>Sends what there is room for. Returns whether that was all.</summary>
    private bool TrySend()
    {
        while (_isWritable && _sendFrom.Length > 0)
        {
            var count = LinuxSockets.Send(_descriptor, _sendFrom.Span);
            if (count == -LinuxSockets.WouldBlock)
            {
                _isWritable = false;
            }
            else if (count < 0)
            {
                throw LinuxSockets.Failed("send", -count);
            }
            else
            {
                _sendFrom = _sendFrom[count..];
            }
        }

        return _sendFrom.IsEmpty;
    }

    private void Close()
    {
        var descriptor = _descriptor;
        _descriptor = -1;
        if (_place >= 0)
        {
            Loop.Leave(_place);
        }

        LinuxSockets.CloseDescriptor(descriptor);
        if (_receive.IsPending)
        {
            _receiveInto = default;
            _receive.Fail(new ObjectDisposedException(nameof(LoopSocket)));
        }

        if (_send.IsPending)
        {
            _sendFrom = default;
            _send.Fail(new ObjectDisposedException(nameof(LoopSocket)));
        }
    }

    private sealed record Visit(LoopSocket Socket, Action<LoopSocket> Action)
    {
        public void Run()
        {
            // It may have moved on. A loop that has ended has its visits made by whoever comes: then there is nobody to be in the way of.
            if (EventLoop.Current is not null)
            {
                Socket.RunOnLoop(Action);
            }
            else
            {
                Action(Socket);
            }
        }
    }
}
