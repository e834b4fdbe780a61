using Tollgate.Proxy.EventLoops;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>A loop's socket as the stream that TLS stands on.</summary>
/// <remarks>A read or write that is cancelled closes the socket: what TLS has half sent or read is of no use to anybody.</remarks>
internal sealed class LoopStream(LoopSocket socket) : AsyncOnlyStream
{
    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var reading = socket.ReceiveAsync(buffer);
        return reading.IsCompleted || !cancellationToken.CanBeCanceled ? reading : UntilCancelledAsync(reading, cancellationToken);
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var sending = socket.SendAsync(buffer);
        return sending.IsCompleted || !cancellationToken.CanBeCanceled ? sending : UntilCancelledAsync(sending, cancellationToken);
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async ValueTask<int> UntilCancelledAsync(ValueTask<int> reading, CancellationToken cancellationToken)
    {
        await using (cancellationToken.UnsafeRegister(static closed => ((LoopSocket)closed!).Dispose(), socket))
        {
            try
            {
                return await reading;
            }
            catch (ObjectDisposedException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw;
            }
        }
    }

    private async ValueTask UntilCancelledAsync(ValueTask sending, CancellationToken cancellationToken)
    {
        await using (cancellationToken.UnsafeRegister(static closed => ((LoopSocket)closed!).Dispose(), socket))
        {
            try
            {
                await sending;
            }
            catch (ObjectDisposedException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw;
            }
        }
    }
}
