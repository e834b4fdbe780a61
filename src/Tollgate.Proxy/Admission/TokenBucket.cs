namespace Tollgate.Proxy.Admission;

/// <summary>One rate limit's count: fills by time, empties by use, exact in integers (the generic cell rate algorithm).</summary>
/// <remarks>
/// Units: amounts are requests or tokens, 0 to <see cref="MostAmount"/>; what is outside is taken as the nearest inside. Clock readings are
/// <see cref="TimeProvider.GetTimestamp"/>'s, in ticks of the frequency given.
/// Shape: starts full. In any time T at most burst + limit × T / per is let in, of amounts up to the burst. A larger amount waits for a full bucket and
/// leaves a debt that time pays back: slowed, never impossible.
/// Clock: a reading below the highest at which it was changed counts as no time passed, so that threads that read the clock in one order and come here in
/// another gain nothing.
/// Owner: not for several threads. Callers hold one lock over asking and taking, over all the limits of a request.
/// Hot path: asking and taking neither divide nor allocate. See TokenBucketTests.Asking_taking_and_correcting_allocate_nothing.
/// </remarks>
internal sealed class TokenBucket
{
    /// <summary>The largest limit, burst and amount.</summary>
    public const long MostAmount = 1_000_000_000_000;

    private const long MostFrequency = 10_000_000_000;
    private static readonly TimeSpan LeastPer = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MostPer = TimeSpan.FromDays(31);

    // A debt stops growing here: at the largest limits after some 300 corrections by 10^12 that nothing paid back, which would take ages to pay.
    private static readonly UInt128 MostUsed = UInt128.One << 126;

    private readonly long _frequency;
    private readonly long _burst;

    // One of what is counted is _one parts, and each tick of the clock gives back _perTick parts, both without a remainder:
    //   _one = per (in 100 ns) × frequency <= 2.7e13 × 1e10 < 2^78, _perTick = limit × 10^7 <= 1e19 < 2^64.
    private readonly UInt128 _one;
    private readonly ulong _perTick;
    private readonly UInt128 _full;

    // Invariant: 0 <= _used <= MostUsed, true at the reading _seen, the highest at which it was changed. _used > _full is debt.
    // _full <= 1e12 × 2^78 < 2^118, one more amount as well: nothing below comes near 2^128.
    private UInt128 _used;
    private long _seen;

    /// <summary>A full bucket.</summary>
    /// <param name="limit">How many per <paramref name="per"/>, 1 to <see cref="MostAmount"/>.</param>
    /// <param name="per">The time that <paramref name="limit"/> is for, 1 s to 31 d.</param>
    /// <param name="burst">How many may come at one moment after a pause, up to <see cref="MostAmount"/>; 0 for as many as <paramref name="limit"/>.</param>
    /// <param name="frequency">Ticks of the clock in a second: <see cref="TimeProvider.TimestampFrequency"/>.</param>
    /// <param name="now">The clock's reading.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value outside its range.</exception>
    public TokenBucket(long limit, TimeSpan per, long burst, long frequency, long now)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, MostAmount);
        ArgumentOutOfRangeException.ThrowIfLessThan(per, LeastPer);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(per, MostPer);
        ArgumentOutOfRangeException.ThrowIfNegative(burst);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(burst, MostAmount);
        ArgumentOutOfRangeException.ThrowIfLessThan(frequency, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(frequency, MostFrequency);

        _frequency = frequency;
        _burst = burst == 0 ? limit : burst;
        _one = (UInt128)(ulong)per.Ticks * (ulong)frequency;
        _perTick = (ulong)limit * (ulong)TimeSpan.TicksPerSecond;
        _full = _one * (ulong)_burst;
        _seen = now;
    }

    /// <summary>Whether an amount may be taken now. Changes nothing.</summary>
    /// <remarks>In debt not even 0 may.</remarks>
    public bool CanTake_NeedsLock(long now, long amount) => UsedAt(now) + Needed(amount) <= _full;

    /// <summary>Takes an amount, whether or not it may be: ask first.</summary>
    public void Take_NeedsLock(long now, long amount) => Add(now, Parts(amount));

    /// <summary>Settles what was taken by an estimate: adds <paramref name="delta"/>, the actual amount less the estimate.</summary>
    /// <param name="now">The clock's reading.</param>
    /// <param name="delta">Above 0 takes more, if need be on debt; below 0 gives back, at most until the bucket is full.</param>
    public void Correct_NeedsLock(long now, long delta)
    {
        if (delta >= 0)
        {
            Add(now, Parts(delta));
            return;
        }

        var back = Parts(-Math.Max(delta, -MostAmount));
        Advance(now);
        _used -= UInt128.Min(back, _used);
    }

    /// <summary>How long until an amount may be taken, if nobody takes or gives back before.</summary>
    /// <returns>
    /// Zero when it may be now. Exact to the 100 ns: enough whatever the clock's frequency, and one less is not enough.
    /// <see cref="TimeSpan.MaxValue"/> for more than 29,000 years.
    /// </returns>
    public TimeSpan WaitFor_NeedsLock(long now, long amount)
    {
        var wanted = _used + Needed(amount);
        if (wanted <= _full)
        {
            return TimeSpan.Zero;
        }

        // In the clock's ticks, from its reading now: what has passed since _seen is waited already, and a clock that went back is waited for.
        var ticks = (Int128)Quotient(wanted - _full, _perTick) + _seen - now;
        if (ticks <= 0)
        {
            return TimeSpan.Zero;
        }

        // Beyond this the product would overflow, and even 10^10 ticks a second would be more than TimeSpan holds.
        if (ticks > Int128.MaxValue / TimeSpan.TicksPerSecond)
        {
            return TimeSpan.MaxValue;
        }

        var wait = Quotient((UInt128)ticks * (ulong)TimeSpan.TicksPerSecond, (ulong)_frequency);
        return wait > (ulong)long.MaxValue ? TimeSpan.MaxValue : TimeSpan.FromTicks((long)wait);

        // Rounded up.
        static UInt128 Quotient(UInt128 dividend, ulong divisor) => (dividend + divisor - 1) / divisor;
    }

    /// <summary>How much is taken and not yet given back by time, rounded up; more than the burst when in debt.</summary>
    public long Used_NeedsLock(long now)
    {
        var (whole, rest) = UInt128.DivRem(UsedAt(now), _one);
        whole += rest == 0 ? UInt128.Zero : UInt128.One;
        return whole > (ulong)long.MaxValue ? long.MaxValue : (long)whole;
    }

    private void Add(long now, UInt128 parts)
    {
        Advance(now);
        _used = UInt128.Min(_used + parts, MostUsed);
    }

    private void Advance(long now)
    {
        _used = UsedAt(now);
        _seen = Math.Max(_seen, now);
    }

    private UInt128 UsedAt(long now)
    {
        if (now <= _seen || _used == 0)
        {
            return _used;
        }

        // Right also where the difference is more than a long holds: at most 2^64 × 1e19 < 2^128.
        var back = (UInt128)unchecked((ulong)(now - _seen)) * _perTick;
        return back >= _used ? UInt128.Zero : _used - back;
    }

    // More than the burst is never in the bucket: such an amount needs a full one.
    private UInt128 Needed(long amount) => _one * (ulong)Math.Clamp(amount, 0, _burst);

    private UInt128 Parts(long amount) => _one * (ulong)Math.Clamp(amount, 0, MostAmount);
}
