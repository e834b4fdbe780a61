using System.Buffers;
using System.IO.Pipelines;
using Tollgate.Proxy.EventLoops;

namespace Tollgate.Hosting;

/// <summary>Writes to a client's socket: each flush is one send, and what there is no room for waits for the client.</summary>
/// <remarks>
/// One flush at a time, which Kestrel sees to. While one waits its bytes are in a buffer of their own, so that what is written meanwhile doesn't touch them.
/// A send that fails is told as Kestrel expects of a transport: the flush says that nobody reads any more.
/// </remarks>
internal sealed class LoopPipeWriter(LoopSocket socket) : PipeWriter
{
    private const int BufferBytes = 4096;

    private byte[] _buffer = [];
    private int _length;
    private Task _flushing = Task.CompletedTask;
    private bool _isCompleted;
    private volatile bool _isBroken;

    /// <summary>Whether something was sent since this was last set to false: the connection's reader does that for what it reads. True at first.</summary>
    public bool HasAnswered { get; set; } = true;

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => true;

    /// <inheritdoc/>
    public override long UnflushedBytes => _length;

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)(_buffer.Length - _length));
        _length += bytes;
    }

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        EnsureRoom(sizeHint);
        return _buffer.AsMemory(_length);
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        EnsureRoom(sizeHint);
        return _buffer.AsSpan(_length);
    }

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_length == 0 || _isBroken)
        {
            Drop();
            return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: _isBroken));
        }

        HasAnswered = true;
        var sending = socket.SendAsync(_buffer.AsMemory(0, _length));
        if (!sending.IsCompletedSuccessfully)
        {
            return FlushSlowlyAsync(sending, cancellationToken);
        }

        sending.GetAwaiter().GetResult();
        Drop();
        return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: false));
    }

    /// <summary>Ends a flush that waits by ending the connection: what is sent of it can't be taken back.</summary>
    public override void CancelPendingFlush()
    {
        if (!_flushing.IsCompleted)
        {
            socket.Abort();
        }
    }

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => _isCompleted = true;

    /// <summary>After <see cref="Complete"/>: sends what was written and not flushed. Returns when the socket has all of it, or is broken.</summary>
    public async ValueTask DrainAsync()
    {
        await _flushing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await FlushAsync();
        Drop();
    }

    private async ValueTask<FlushResult> FlushSlowlyAsync(ValueTask sending, CancellationToken cancellationToken)
    {
        var buffer = _buffer;
        _buffer = [];
        _length = 0;
        var flushed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _flushing = flushed.Task;
        try
        {
            await using (cancellationToken.UnsafeRegister(static writer => ((LoopPipeWriter)writer!).CancelPendingFlush(), this))
            {
                await sending;
            }

            return new FlushResult(isCanceled: false, isCompleted: false);
        }
        catch (Exception broken) when (broken is IOException or ObjectDisposedException)
        {
            _isBroken = true;
            cancellationToken.ThrowIfCancellationRequested();
            return new FlushResult(isCanceled: false, isCompleted: true);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            flushed.TrySetResult();
        }
    }

    private void EnsureRoom(int sizeHint)
    {
        ObjectDisposedException.ThrowIf(_isCompleted, this);
        var room = Math.Max(sizeHint, 1);
        if (_buffer.Length - _length >= room)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(BufferBytes, _length + room), _length * 2));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        var length = _length;
        Drop();
        _buffer = larger;
        _length = length;
    }

    private void Drop()
    {
        var buffer = _buffer;
        _buffer = [];
        _length = 0;
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
