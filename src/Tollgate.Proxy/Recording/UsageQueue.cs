using System.Runtime.InteropServices;

namespace Tollgate.Proxy.Recording;

/// <summary>The rows between requests, of which there are many, and the batcher, of which there is one.</summary>
/// <remarks>
/// Producers never block and never allocate; a full queue says no and the caller counts the drop. One consumer at a time.
///
/// Waking the consumer. <c>WakeAt</c> is the position whose row ends the consumer's sleep; <see cref="Awake"/> while it is up.
/// A producer, in order: (1) publishes its row's slot number; (2) reads <c>WakeAt</c>; (3) only if its position has reached it,
/// swaps <see cref="Awake"/> in and, if it was the one to do so, completes the sleep. The consumer, in order: (a) writes
/// <c>WakeAt</c>; (b) passes a barrier in every thread of the process; (c) looks whether the awaited position is published
/// already, and if so does not sleep.
///
/// No wake-up is lost: it would take a producer that read <c>WakeAt</c> before (a) while the consumer's look at (c) came before
/// (1). The processor may let (2) overtake (1), since a store waits in its buffer; the barrier of (b) drains that buffer on
/// every core, so a producer that had read at (2) before (b) has its (1) visible at (c), and one that reads after (b) sees (a).
/// That is why a producer gets by without a fence of its own: the price is paid by the consumer, once per sleep.
///
/// A wake-up may come for nothing (a producer that was slow at (3) meets the next sleep, or a later position is published before
/// the awaited one), so a wake-up is a hint to look, never a count.
/// </remarks>
public sealed class UsageQueue
{
    private const long Awake = long.MaxValue;

    private readonly RowRing _ring;
    private readonly TimeProvider _time;
    private Consumer _consumer;

    /// <summary>An empty queue.</summary>
    /// <param name="capacity">Rows that fit, rounded up to a power of two.</param>
    /// <param name="time">The clock of <see cref="WaitAsync"/>'s timeout.</param>
    public UsageQueue(int capacity, TimeProvider time)
    {
        _ring = new RowRing(capacity);
        _time = time;
        _consumer.WakeAt = Awake;
        _consumer.Sleep = new TaskCompletionSource<bool>();
    }

    /// <summary>Rows that fit.</summary>
    public int Capacity => _ring.Capacity;

    /// <summary>Rows inside; a moment's truth while others are at work.</summary>
    public int Count => _ring.Count;

    /// <summary>Hands a row over; false when the queue is full, and then the row stays the caller's.</summary>
    /// <remarks>Hot path: no allocation, no lock, no fence beyond the one compare-and-swap on the tail. See UsageQueueTests.</remarks>
    public bool TryEnqueue(UsageRow row)
    {
        if (!_ring.TryPut(row, out var position))
        {
            return false;
        }

        if (position >= Volatile.Read(ref _consumer.WakeAt))
        {
            Wake();
        }

        return true;
    }

    /// <summary>Takes the oldest row out. Consumer only.</summary>
    public bool TryDequeue([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out UsageRow? row)
    {
        row = _ring.TryTake();
        return row is not null;
    }

    /// <summary>Sleeps until <paramref name="rows"/> rows are likely to be there. Consumer only.</summary>
    /// <param name="rows">From 1 to <see cref="Capacity"/>.</param>
    /// <param name="timeout">Sleeps no longer than this; <see cref="Timeout.InfiniteTimeSpan"/> for as long as it takes.</param>
    /// <param name="cancellationToken">Ends the sleep early; nothing is thrown.</param>
    /// <returns>True when woken by rows, false when time or the token ended the sleep. Rows may be there either way.</returns>
    public async ValueTask<bool> WaitAsync(int rows, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, Capacity);
        var awaited = _ring.Head + rows - 1;
        if (_ring.IsPublished(awaited))
        {
            return true;
        }

        if (cancellationToken.IsCancellationRequested || timeout == TimeSpan.Zero)
        {
            return false;
        }

        // Continuations elsewhere: a producer that wakes the consumer must not become it.
        var sleep = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _consumer.Sleep, sleep);
        Volatile.Write(ref _consumer.WakeAt, awaited);
        Interlocked.MemoryBarrierProcessWide();
        try
        {
            if (_ring.IsPublished(awaited))
            {
                return true;
            }

            await using var alarm = timeout == Timeout.InfiniteTimeSpan
                ? null
                : _time.CreateTimer(static state => ((TaskCompletionSource<bool>)state!).TrySetResult(false), sleep, timeout, Timeout.InfiniteTimeSpan);
            await using var cancelled = cancellationToken.UnsafeRegister(static state => ((TaskCompletionSource<bool>)state!).TrySetResult(false), sleep);
            return await sleep.Task;
        }
        finally
        {
            Volatile.Write(ref _consumer.WakeAt, Awake);
        }
    }

    private void Wake()
    {
        if (Interlocked.Exchange(ref _consumer.WakeAt, Awake) != Awake)
        {
            Volatile.Read(ref _consumer.Sleep).TrySetResult(true);
        }
    }

    // Read by every producer, written a few times a second: on lines of its own, so that those reads stay in each core's cache.
    [StructLayout(LayoutKind.Sequential)]
    private struct Consumer
    {
        private readonly Padding _before;
        public long WakeAt;
        public TaskCompletionSource<bool> Sleep;
        private readonly Padding _after;
    }

    [System.Runtime.CompilerServices.InlineArray(16)]
    private struct Padding
    {
        private long _first;
    }
}
