using System.Threading.Channels;

namespace Tollgate.Hosting;

/// <summary>Waits until something in a queue is due or something new is in it, so that nobody has to look again and again.</summary>
/// <remarks>For one waiter; anybody may ring. What another process adds and does not take itself, because it ended, is found within <see cref="Longest"/>.</remarks>
internal sealed class QueueWait(TimeProvider time)
{
    /// <summary>The longest wait.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Ends the wait under way, or else the next one at once.</summary>
    public void Ring() => _bell.Writer.TryWrite(true);

    /// <summary>Waits until <paramref name="next"/> or a ring.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task UntilAsync(DateTimeOffset? next, CancellationToken cancellation)
    {
        var pause = next - time.GetUtcNow() is { } left && left < Longest ? left : Longest;
        if (pause > TimeSpan.Zero)
        {
            using var over = new CancellationTokenSource(pause + TimeSpan.FromMilliseconds(1), time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, cancellation);
            try
            {
                await _bell.Reader.WaitToReadAsync(either.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // The time is up.
            }
        }

        _bell.Reader.TryRead(out _);
    }
}
