namespace Tollgate.ClickHouse.Rollup;

/// <summary>The quarter of an hour that money is kept by, in UTC; and what of the ledger may be computed again.</summary>
public static class MoneySlot
{
    /// <summary>Its length: every time zone's offset is a multiple of it.</summary>
    public static readonly TimeSpan Length = TimeSpan.FromMinutes(15);

    // requests is kept 25 months and dropped by whole parts, whose youngest row decides. So 24 months back every row is still there,
    // while an older slot may have lost some of its own, and computing it again would take away money that usage_15m keeps for good.
    private const int CompleteMonths = 24;

    /// <summary>The slot that holds <paramref name="time"/>.</summary>
    public static DateTimeOffset Floor(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % Length.Ticks), TimeSpan.Zero);

    /// <summary>The first slot that does not begin before <paramref name="time"/>.</summary>
    public static DateTimeOffset Ceiling(DateTimeOffset time) => Floor(time) == time ? Floor(time) : Floor(time) + Length;

    /// <summary>The first slot whose rows are all kept, as of <paramref name="now"/>: 24 months back.</summary>
    public static DateTimeOffset OldestComplete(DateTimeOffset now) => Ceiling(now.ToUniversalTime().AddMonths(-CompleteMonths));

    /// <summary>Slots by the UTC day they lie in, days and slots in order.</summary>
    internal static IEnumerable<(SlotRange Day, DateTimeOffset[] Slots)> ByDay(IEnumerable<DateTimeOffset> slots) =>
        slots.GroupBy(static slot => slot.UtcDateTime.Date).OrderBy(static day => day.Key).Select(static day =>
        {
            var start = new DateTimeOffset(day.Key, TimeSpan.Zero);
            return (new SlotRange(start, start.AddDays(1)), day.Order().ToArray());
        });
}
