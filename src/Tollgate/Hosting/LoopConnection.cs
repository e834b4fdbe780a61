using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Tollgate.Proxy.EventLoops;

namespace Tollgate.Hosting;

/// <summary>A client's connection on an event loop, as Kestrel wants it.</summary>
/// <remarks>
/// Bytes are read when there are any, into as much as the last reads were worth, so that a connection that waits holds no buffer. Everything runs on the loop's thread: the server,
/// the request, and the connection to the upstream that answers it. Between two requests it may move: where one loop has several to serve and another sleeps, the sleeping one takes it.
/// </remarks>
internal sealed class LoopConnection : DefaultConnectionContext, IDuplexPipe
{
    private const int LeastRead = 4 * 1024;
    private const int MostRead = 64 * 1024;

    // As Kestrel's own sockets: what was read and not yet taken.
    private const long MostUnread = 1024 * 1024;

    private static long _last;

    private readonly LoopSocket _socket;
    private readonly Pipe _input;
    private readonly LoopPipeWriter _output;
    private readonly CancellationTokenSource _closed = new();
    private readonly TaskCompletionSource _closedTold = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _receiving = Task.CompletedTask;
    private volatile ConnectionAbortedException? _abort;
    private bool _isBegun;
    private bool _mayMove;

    /// <summary>Takes over an accepted socket.</summary>
    public LoopConnection(LoopSocket socket)
        : base("L" + Interlocked.Increment(ref _last).ToString("X8", System.Globalization.CultureInfo.InvariantCulture))
    {
        _socket = socket;
        var scheduler = new SocketScheduler(socket);
        _input = new Pipe(new PipeOptions(
            readerScheduler: scheduler,
            writerScheduler: scheduler,
            pauseWriterThreshold: MostUnread,
            resumeWriterThreshold: MostUnread / 2,
            minimumSegmentSize: LeastRead,
            useSynchronizationContext: false));
        _output = new LoopPipeWriter(socket);
        Transport = this;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        ConnectionClosed = _closed.Token;
    }

    /// <inheritdoc/>
    public PipeReader Input => _input.Reader;

    /// <inheritdoc/>
    public PipeWriter Output => _output;

    /// <summary>Whose it is.</summary>
    public EventLoop Loop => _socket.Loop;

    /// <summary>Begins to read. On the loop only, once.</summary>
    /// <param name="mayMove">Whether it may change loops between requests: where nothing but the server's pipe waits for bytes, as without TLS, and one request is served at a time.</param>
    public void Begin(bool mayMove)
    {
        _mayMove = mayMove;
        _socket.Join();
        _isBegun = true;
        _receiving = ReceiveAsync();
    }

    /// <inheritdoc/>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        _abort = abortReason;
        _socket.Abort();
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        // Awaited here and not in a method of its own, which may have ended before it is awaited: then this would go on where it is.
        do
        {
            await _socket.Loop.EnterAsync();
        }
        while (EventLoop.Current is { } here && here != _socket.Loop);

        _mayMove = false;
        _input.Reader.Complete();
        _output.Complete();
        await _output.DrainAsync();
        _socket.ShutDown();
        _socket.Dispose();
        await _receiving;
        if (_isBegun)
        {
            await _closedTold.Task;
        }

        _closed.Dispose();
        await base.DisposeAsync();
    }

    private async Task ReceiveAsync()
    {
        Exception? fault = null;
        try
        {
            await ReceiveAllAsync();
        }
        catch (IOException broken)
        {
            fault = new ConnectionResetException(broken.Message, broken);
        }
        catch (ObjectDisposedException)
        {
            fault = _abort ?? new ConnectionAbortedException();
        }

        _input.Writer.Complete(fault);

        // Whoever listens may do anything, and the loop must not wait for it.
        ThreadPool.UnsafeQueueUserWorkItem(
            static connection =>
            {
                connection._closed.Cancel();
                connection._closedTold.TrySetResult();
            },
            this,
            preferLocal: false);
    }

    private async Task ReceiveAllAsync()
    {
        var wish = LeastRead;
        while (true)
        {
            await _socket.WhenReadableAsync();
            if (_mayMove && _output.HasAnswered && _socket.CanMove && _socket.Loop.FindRelief() is { } relief)
            {
                _socket.BeginMove(relief);
                await relief.EnterAsync();
                _socket.EndMove();
            }

            var memory = _input.Writer.GetMemory(wish);
            var count = _socket.TryReceive(memory.Span);
            if (count == 0)
            {
                return;
            }

            if (count < 0)
            {
                continue;
            }

            _output.HasAnswered = false;

            wish = count == memory.Length ? Math.Min(memory.Length * 2, MostRead) : count < wish / 4 ? Math.Max(wish / 2, LeastRead) : wish;
            _input.Writer.Advance(count);
            var flushed = await _input.Writer.FlushAsync();
            if (flushed.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>Runs what waits for the client's bytes where the socket is by then.</summary>
    private sealed class SocketScheduler(LoopSocket socket) : PipeScheduler
    {
        public override void Schedule(Action<object?> action, object? state) => socket.Loop.Scheduler.Schedule(action, state);
    }
}
