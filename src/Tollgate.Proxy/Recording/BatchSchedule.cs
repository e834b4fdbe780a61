using Tollgate.Proxy.Configuration;

namespace Tollgate.Proxy.Recording;

/// <summary>How large a batch is, and how long to pause after a failure. The policy of <see cref="UsageSender"/>, apart from its loop.</summary>
/// <remarks>
/// Pause after the n-th failure in a row: <c>min(100 ms × 2^(n-1), MaxRetryInterval) × (0.5 … 1)</c>. The random half keeps
/// gateways that lost the same store at the same moment from coming back at the same moment.
/// Owner: one loop; not for several threads.
/// </remarks>
internal sealed class BatchSchedule(RecordingOptions options)
{
    /// <summary>The pause after the first failure, before jitter.</summary>
    public static readonly TimeSpan FirstRetryInterval = TimeSpan.FromMilliseconds(100);

    // 4 MiB: some 10,000 rows. One body in memory, and one block for the store.
    private const int FullBytes = 4 * 1024 * 1024;

    private int _failures;

    /// <summary>How often to look for rows when there are few.</summary>
    public TimeSpan Interval => options.BatchInterval;

    /// <summary>Failures since the last success.</summary>
    public int Failures => _failures;

    /// <summary>Whether a batch has no room for another row.</summary>
    public bool IsFull(int rows, int bytes) => rows >= options.BatchRows || bytes >= FullBytes;

    /// <summary>Counts a failure and gives the pause before the next try.</summary>
    /// <param name="random">From 0 up to 1: where in its upper half the pause lies.</param>
    public TimeSpan PauseAfterFailure(double random)
    {
        // 2^20 × 100 ms is above a day: past it the maximum rules anyway, and the shift can't overflow.
        var doublings = Math.Min(_failures++, 20);
        var full = Math.Min(FirstRetryInterval.Ticks << doublings, options.MaxRetryInterval.Ticks);
        return TimeSpan.FromTicks((long)(full * (0.5 + (random / 2))));
    }

    /// <summary>Forgets the failures: the store is answering.</summary>
    public void Reset() => _failures = 0;
}
