namespace Tollgate.Proxy.Tests.Admission;

/// <summary>A clock that stands still until it is set, also back; its timestamps only go on.</summary>
internal sealed class HandClock(DateTimeOffset start) : TimeProvider
{
    private long _utc = start.UtcTicks;
    private long _timestamp = 1;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public long Ticks => Volatile.Read(ref _utc);

    public override DateTimeOffset GetUtcNow() => new(Ticks, TimeSpan.Zero);

    public override long GetTimestamp() => Volatile.Read(ref _timestamp);

    public void Pass(TimeSpan time)
    {
        Interlocked.Add(ref _utc, time.Ticks);
        Interlocked.Add(ref _timestamp, time.Ticks);
    }

    public void SetBack(TimeSpan time) => Interlocked.Add(ref _utc, -time.Ticks);
}
