namespace Tollgate.Control.Storage;

/// <summary>Times as the tables keep them: whole microseconds since 1970 UTC.</summary>
internal static class Instant
{
    /// <summary>A time as the tables keep it, cut to the microsecond.</summary>
    public static long From(DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    /// <inheritdoc cref="From(DateTimeOffset)"/>
    public static long? From(DateTimeOffset? time) => time is { } known ? From(known) : null;

    /// <summary>A time from the tables.</summary>
    public static DateTimeOffset ToTime(long instant) => DateTimeOffset.UnixEpoch.AddTicks(instant * TimeSpan.TicksPerMicrosecond);

    /// <inheritdoc cref="ToTime(long)"/>
    public static DateTimeOffset? ToTime(long? instant) => instant is { } known ? ToTime(known) : null;
}
