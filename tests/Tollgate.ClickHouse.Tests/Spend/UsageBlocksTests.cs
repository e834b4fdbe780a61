using Microsoft.Extensions.Time.Testing;
using Tollgate.ClickHouse.Spend;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests.Spend;

/// <summary>Blocks of five hours, against ccusage's rule told row by row.</summary>
[Collection(nameof(LedgerStore))]
public sealed class UsageBlocksTests(LedgerStore store) : IClassFixture<SpendStore>
{
    private static readonly TimeSpan FiveHours = TimeSpan.FromHours(5);
    private static readonly DateTimeOffset Noon = new(2026, 11, 3, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>A block as the rule has it.</summary>
    private sealed record Block(DateTimeOffset Start, DateTimeOffset End, DateTimeOffset? Last, bool IsGap, bool IsActive, int Entries, long Nanodollars, string Models);

    [Theory]
    [InlineData("cho", "UTC", null, null)]
    [InlineData("ada", "Europe/Berlin", null, null)]
    [InlineData("fay", "UTC", "2026-10-20", "2026-11-08")]
    [InlineData("eli", "America/New_York", "2026-10-29", "2026-11-02")]
    [InlineData("cho", "Asia/Kolkata", "2026-11-06", "2026-11-07")]
    [InlineData("*", "UTC", "2026-11-06", null)]
    [InlineData("*", "Europe/Berlin", null, "2026-10-26")]
    public async Task Blocks_are_those_of_ccusages_rule_over_all_rows(string developer, string zone, string? since, string? until)
    {
        var now = new DateTimeOffset(2026, 11, 15, 23, 30, 0, TimeSpan.Zero);
        var scope = new ReportScope { Developers = [developer], TimeZone = zone, Since = since is null ? null : DateOnly.Parse(since, null), Until = until is null ? null : DateOnly.Parse(until, null) };
        var expected = Cut([.. SpendRows.All.Where(row => developer is "*" || row.Developer == developer)], now)
            .Where(block => IsWithin(DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(block.Start, TimeZoneInfo.FindSystemTimeZoneById(zone)).DateTime), scope)).ToArray();
        Assert.NotEmpty(expected);
        Assert.Equal(expected, (await new SpendReports(store.Client, new FakeTimeProvider(now)).BlocksAsync(scope, Cancelled)).Select(Of));
    }

    [Theory]
    [InlineData("one use", "12:34:56.789")]
    [InlineData("five hours to the millisecond belong to the block", "12:00:00.000 17:00:00.000")]
    [InlineData("a millisecond more does not", "12:00:00.000 16:00:00.000 17:00:00.001")]
    [InlineData("the block begins with its hour, not with its use", "12:59:59.999 17:00:00.000 17:00:00.001 21:59:00.000")]
    [InlineData("a pause of five hours is no gap", "12:30:00.000 17:30:00.000")]
    [InlineData("a longer one is", "12:30:00.000 17:30:00.001")]
    [InlineData("two uses at once", "12:30:00.000 12:30:00.000 17:30:00.001 17:30:00.001")]
    [InlineData("the stroke of an hour within a block and at its end", "12:00:00.000 13:00:00.000 17:00:00.000 17:00:00.000 18:00:00.000 23:00:00.000")]
    [InlineData("nothing", "")]
    public void The_rules_edges_are_the_same_to_the_millisecond(string what, string times)
    {
        var rows = times.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select((time, i) => Row(Noon.AddHours(-12) + TimeSpan.Parse(time, System.Globalization.CultureInfo.InvariantCulture), i)).ToArray();
        var hours = rows.GroupBy(static row => (row.Timestamp.UtcTicks / TimeSpan.TicksPerHour, row.Timestamp.UtcTicks % TimeSpan.TicksPerHour == 0, row.Model)).Select(static group => new HourOfUse(
            group.Min(static row => row.Timestamp), group.Max(static row => row.Timestamp),
            new ModelSpend(group.Key.Model, group.Count(), default, new(group.Sum(static row => row.Cost.Total.Value))))).OrderBy(static hour => hour.First).ThenBy(static hour => hour.Spend.Model, StringComparer.Ordinal).ToArray();
        foreach (var now in rows.SelectMany(static row => (DateTimeOffset[])[row.Timestamp, row.Timestamp + FiveHours, row.Timestamp + FiveHours - TimeSpan.FromMilliseconds(1)]).Append(Noon))
        {
            Assert.Equal((what, string.Join('\n', Cut(rows, now))), (what, string.Join('\n', UsageBlocks.Cut(hours, now).Select(Of))));
        }
    }

    private static UsageRow Row(DateTimeOffset at, int i) => new() { Timestamp = at, Model = i % 2 == 0 ? "claude-opus-5-5" : "claude-haiku-5-5", Cost = new Cost(new(i + 1), default, default, default, default, default) };

    private static bool IsWithin(DateOnly day, ReportScope scope) => (scope.Since is null || day >= scope.Since) && (scope.Until is null || day <= scope.Until);

    private static Block Of(UsageBlock block) => new(
        block.Start, block.End, block.Last, block.IsGap, block.IsActive, (int)block.Entries, block.Cost.Value, string.Join(' ', block.Models.Select(static model => model.Model)));

    // The rule as ccusage's own documentation and behaviour have it, entry by entry.
    private static List<Block> Cut(UsageRow[] rows, DateTimeOffset now)
    {
        var blocks = new List<Block>();
        var entries = new List<UsageRow>();
        DateTimeOffset? start = null;
        foreach (var row in rows.OrderBy(static row => row.Timestamp).ThenBy(static row => row.Model, StringComparer.Ordinal))
        {
            if (start is { } begun && entries is [.., var previous])
            {
                if (row.Timestamp - begun > FiveHours || row.Timestamp - previous.Timestamp > FiveHours)
                {
                    blocks.Add(Close(begun));
                    if (row.Timestamp - previous.Timestamp > FiveHours)
                    {
                        blocks.Add(new Block(previous.Timestamp + FiveHours, row.Timestamp, null, true, false, 0, 0, ""));
                    }

                    entries.Clear();
                    start = Hour(row.Timestamp);
                }
            }
            else
            {
                start = Hour(row.Timestamp);
            }

            entries.Add(row);
        }

        if (start is { } open)
        {
            blocks.Add(Close(open));
        }

        return blocks;

        Block Close(DateTimeOffset begun) => new(
            begun, begun + FiveHours, entries[^1].Timestamp, false, now - entries[^1].Timestamp < FiveHours && now < begun + FiveHours, entries.Count,
            entries.Sum(static row => row.Cost.Total.Value), string.Join(' ', entries.Select(static row => row.Model).Distinct()));

        static DateTimeOffset Hour(DateTimeOffset time) => new(time.Year, time.Month, time.Day, time.Hour, 0, 0, time.Offset);
    }
}
