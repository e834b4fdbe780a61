namespace Tollgate.ClickHouse.Spend;

/// <summary>Cuts what was used into blocks of five hours, by ccusage's rule.</summary>
/// <remarks>
/// A block begins with the hour of UTC of its first use. A use later than five hours after that, or more than five hours after the use before it, begins
/// the next; in the second case a gap lies between them.
/// Hours are enough to know that: a block can end only on the stroke of an hour, so all uses within an hour, the stroke apart, fall into one block.
/// </remarks>
internal static class UsageBlocks
{
    /// <summary>How long a block is.</summary>
    public static readonly TimeSpan Length = TimeSpan.FromHours(5);

    /// <summary>The blocks and gaps of <paramref name="hours"/>, oldest first.</summary>
    /// <param name="hours">In order of their first use.</param>
    /// <param name="now">Decides which block is active.</param>
    public static List<UsageBlock> Cut(IEnumerable<HourOfUse> hours, DateTimeOffset now)
    {
        var blocks = new List<UsageBlock>();
        var current = new List<HourOfUse>();
        var (start, last) = (DateTimeOffset.MinValue, DateTimeOffset.MinValue);
        foreach (var hour in hours)
        {
            var isAfterGap = current.Count > 0 && hour.First - last > Length;
            if (current.Count > 0 && (isAfterGap || hour.First - start > Length))
            {
                blocks.Add(Close(start, last, current, now));
                current.Clear();
                if (isAfterGap)
                {
                    blocks.Add(new UsageBlock(last + Length, hour.First, [], last + Length, null, false));
                }
            }

            start = current.Count == 0 ? FloorToHour(hour.First) : start;
            last = current.Count == 0 || hour.Last > last ? hour.Last : last;
            current.Add(hour);
        }

        if (current.Count > 0)
        {
            blocks.Add(Close(start, last, current, now));
        }

        return blocks;
    }

    private static UsageBlock Close(DateTimeOffset start, DateTimeOffset last, List<HourOfUse> hours, DateTimeOffset now) => new(
        start,
        start + Length,
        [.. hours.GroupBy(static hour => hour.Spend.Model, StringComparer.Ordinal).Select(static model => ModelSpend.Join(model.Select(static hour => hour.Spend)))],
        hours[0].First,
        last,
        now - last < Length && now < start + Length);

    private static DateTimeOffset FloorToHour(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero);
}
