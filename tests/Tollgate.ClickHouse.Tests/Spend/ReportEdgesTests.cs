using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Tollgate.ClickHouse.Rollup;
using Tollgate.ClickHouse.Spend;
using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Tests.Spend;

/// <summary>What the sixty days have none of: folds, attempts that used nothing, strokes of hours, midnights of zones, rows that the rollup has not seen.</summary>
[Collection(nameof(LedgerStore))]
public sealed class ReportEdgesTests(LedgerStore store) : IAsyncLifetime
{
    // Rows of the first days are older than what is read from the rows alone.
    private static readonly FakeTimeProvider Clock = new(new DateTimeOffset(2026, 11, 5, 12, 0, 0, TimeSpan.Zero));

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private SpendReports Reports => new(store.Client, Clock);

    public async ValueTask InitializeAsync()
    {
        await store.StartAfreshAsync();
        await store.Client.ExecuteAsync("ALTER TABLE tollgate.requests REMOVE TTL", cancellationToken: Cancelled);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_fold_counts_in_every_report_whether_it_is_in_the_rollup_or_not()
    {
        await RowAsync("2026-11-01 10:07:00.000", 1);
        await FoldAsync("2026-11-01 10:00:00", requests: 5, nanodollars: 50);
        await RollUpAsync();
        await RowAsync("2026-11-05 10:07:00.000", 100);
        await FoldAsync("2026-11-05 10:00:00", requests: 3, nanodollars: 700);
        foreach (var key in Enum.GetValues<ReportKey>())
        {
            var lines = await Reports.LinesAsync(key, new ReportScope(), Cancelled);
            Assert.Equal((key, 10, 851), (key, lines.Sum(static line => line.Requests), lines.Sum(static line => line.Cost.Value)));
        }

        Assert.Equal(["2026-11-01|51", "2026-11-05|800"], (await Reports.LinesAsync(ReportKey.Day, new ReportScope(), Cancelled)).Select(Text));
        Assert.Equal(["|750", "s|101"], (await Reports.LinesAsync(ReportKey.Session, new ReportScope(), Cancelled)).Select(Text));

        // At the stroke of the hour a fold would begin the block with the hour before; it counts as at the middle of its quarter.
        Assert.Equal(
            ["2026-11-01T10:00 51 6", "2026-11-01T15:07 0 0", "2026-11-05T10:00 800 4"],
            (await Reports.BlocksAsync(new ReportScope(), Cancelled)).Select(static block => string.Create(CultureInfo.InvariantCulture, $"{block.Start:yyyy-MM-dd'T'HH:mm} {block.Cost.Value} {block.Entries}")));
    }

    [Fact]
    public async Task A_report_has_a_row_before_the_rollup_has_it()
    {
        await RowAsync("2026-11-05 11:59:59.999", 7);
        await RowAsync("2026-11-03 12:00:00.000", 9);
        Assert.Equal(["2026-11-03|9", "2026-11-05|7"], (await Reports.LinesAsync(ReportKey.Day, new ReportScope(), Cancelled)).Select(Text));
        await RollUpAsync();
        Assert.Equal(["2026-11-03|9", "2026-11-05|7"], (await Reports.LinesAsync(ReportKey.Day, new ReportScope(), Cancelled)).Select(Text));
    }

    [Fact]
    public async Task Days_end_at_the_zones_midnight_to_the_millisecond_also_when_clocks_change()
    {
        // Berlin: 25 October has 25 hours, from 22:00 UTC to 23:00 UTC. Kathmandu is 5 h 45 min ahead.
        string[] times = ["2026-10-24 21:59:59.999", "2026-10-24 22:00:00.000", "2026-10-25 22:59:59.999", "2026-10-25 23:00:00.000", "2026-10-25 18:14:59.999", "2026-10-25 18:15:00.000"];
        for (var i = 0; i < times.Length; i++)
        {
            await RowAsync(times[i], 1 << i);
        }

        foreach (var isRolledUp in (bool[])[false, true])
        {
            // Before the rollup the clock stands where all is read from the rows.
            var reports = new SpendReports(store.Client, new FakeTimeProvider(new DateTimeOffset(2026, isRolledUp ? 11 : 10, 26, 0, 0, 0, TimeSpan.Zero)));
            Assert.Equal(["2026-10-24|1", $"2026-10-25|{2 + 4 + 16 + 32}", "2026-10-26|8"], (await reports.LinesAsync(ReportKey.Day, new ReportScope { TimeZone = "Europe/Berlin" }, Cancelled)).Select(Text));
            Assert.Equal([$"2026-10-25|{1 + 2 + 16}", $"2026-10-26|{4 + 8 + 32}"], (await reports.LinesAsync(ReportKey.Day, new ReportScope { TimeZone = "Asia/Kathmandu" }, Cancelled)).Select(Text));
            var day = new DateOnly(2026, 10, 25);
            foreach (var key in Enum.GetValues<ReportKey>())
            {
                var lines = await reports.LinesAsync(key, new ReportScope { TimeZone = "Europe/Berlin", Since = day, Until = day }, Cancelled);
                Assert.Equal((key, 2 + 4 + 16 + 32), (key, lines.Sum(static line => line.Cost.Value)));
            }

            await RollUpAsync();
        }
    }

    [Fact]
    public async Task Blocks_begin_with_use_and_not_with_a_refusal()
    {
        await RowAsync("2026-11-01 09:30:00.000", 0);
        await RowAsync("2026-11-01 12:30:00.000", 1);
        await RowAsync("2026-11-01 17:00:00.000", 2);
        await RowAsync("2026-11-01 17:00:00.001", 4);
        await RowAsync("2026-11-01 22:10:00.000", 0);
        await RowAsync("2026-11-02 00:00:00.000", 8);
        await RollUpAsync();
        string[] all = ["2026-11-01T12:00 3 2 opus", "2026-11-01T17:00 4 1 opus", "2026-11-01T22:00 0 0 ", "2026-11-02T00:00 8 1 opus"];
        Assert.Equal(all, (await Reports.BlocksAsync(new ReportScope(), Cancelled)).Select(Text));

        // Of a later day the blocks are cut as if everything before were read.
        Assert.Equal(all[3..], (await Reports.BlocksAsync(new ReportScope { Since = new DateOnly(2026, 11, 2) }, Cancelled)).Select(Text));
        Assert.Equal(all[..3], (await Reports.BlocksAsync(new ReportScope { Until = new DateOnly(2026, 11, 1) }, Cancelled)).Select(Text));
        Assert.Equal(all[2..], (await Reports.BlocksAsync(new ReportScope { Since = new DateOnly(2026, 11, 2), TimeZone = "Asia/Kathmandu" }, Cancelled)).Select(Text));

        static string Text(UsageBlock block) => string.Create(
            CultureInfo.InvariantCulture, $"{block.Start:yyyy-MM-dd'T'HH:mm} {block.Cost.Value} {block.Entries} {string.Join(' ', block.Models.Select(static model => model.Model))}");
    }

    [Fact]
    public async Task Attempts_that_used_nothing_count_as_requests()
    {
        await RowAsync("2026-11-05 10:00:00.000", 0);
        var line = Assert.Single(await Reports.LinesAsync(ReportKey.Developer, new ReportScope(), Cancelled));
        Assert.Equal((1, 0), (line.Requests, line.Cost.Value));
        Assert.Empty(await Reports.BlocksAsync(new ReportScope(), Cancelled));
    }

    [Fact]
    public async Task A_sum_beyond_what_a_row_can_hold_is_exact()
    {
        // A row holds up to 999,999,999.999999999.
        for (var i = 0; i < 3; i++)
        {
            await RowAsync($"2026-11-05 10:00:00.00{i}", 999_999_999_999_999_999);
        }

        Assert.Equal(new Nanodollars(2_999_999_999_999_999_997), Assert.Single(await Reports.LinesAsync(ReportKey.Month, new ReportScope(), Cancelled)).Cost);
        Assert.Equal(new Nanodollars(2_999_999_999_999_999_997), Assert.Single(await Reports.LinesAsync(ReportKey.Session, new ReportScope(), Cancelled)).Cost);
        Assert.Equal(new Nanodollars(2_999_999_999_999_999_997), Assert.Single(await Reports.BlocksAsync(new ReportScope(), Cancelled)).Cost);
    }

    private static string Text(ReportLine line) => string.Create(CultureInfo.InvariantCulture, $"{line.Key}|{line.Cost.Value}");

    private Task RowAsync(string time, long nanodollars) => store.Client.ExecuteAsync(
        string.Create(CultureInfo.InvariantCulture, $"""
            INSERT INTO tollgate.requests (ts, request_id, attempt_id, gateway_id, customer, session_id, model, cost, ingested_at)
            VALUES ('{time}', generateUUIDv4(), generateUUIDv4(), 'gw', 'acme', 's', 'opus', toDecimal64('{new Nanodollars(nanodollars).ToDollars()}', 9), now64(3) - INTERVAL 1 HOUR)
            """),
        cancellationToken: Cancelled);

    private Task FoldAsync(string slot, int requests, long nanodollars) => store.Client.ExecuteAsync(
        string.Create(CultureInfo.InvariantCulture, $"""
            INSERT INTO tollgate.usage_folded (customer, slot, model, requests, cost, gateway_id, fold_id)
            VALUES ('acme', '{slot}', 'opus', {requests}, toDecimal64('{new Nanodollars(nanodollars).ToDollars()}', 9), 'gw', generateUUIDv4())
            """),
        cancellationToken: Cancelled);

    private Task RollUpAsync() =>
        store.Client.ExecuteAsync(RollupStatements.Recompute(onlySlots: false), new SlotRange(SpendRows.Begin, SpendRows.Begin.AddDays(61)).ToParameters(), Cancelled);
}
