using Tollgate.ClickHouse.Audit;
using Tollgate.ClickHouse.Rollup;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests.Audit;

[Collection(nameof(LedgerStore))]
public sealed class LedgerAuditTests(LedgerStore store)
{
    // As a spool begins: unix milliseconds, twenty bits up.
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();
    private static readonly DateTimeOffset Day = MoneySlot.Floor(Now.AddDays(-2));
    private static readonly ulong First = (ulong)Now.AddDays(-3).ToUnixTimeMilliseconds() << 20;

    // Whatever is there is settled, also what comes while the audit runs.
    private static readonly AuditScope Settled = new() { SettlingTime = TimeSpan.FromSeconds(-60) };

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_ledger_in_order_is_clean_also_where_a_second_spool_begins()
    {
        await store.StartAfreshAsync();
        var second = First + (3UL << 30);
        await BeginAsync("g", First);
        await BeginAsync("g", second);
        await WriteAsync(LedgerRows.Between(Day, Day.AddHours(5), 500, First));
        await WriteAsync(LedgerRows.Between(Day.AddHours(5), Day.AddHours(9), 300, second));
        await RollUpAsync();

        var report = await AuditAsync(Settled);

        Assert.True(report.IsClean);
        Assert.Equal([(First, First + 499, 500L), (second, second + 299, 300L)], report.Spools.Select(static spool => (spool.First, spool.Last, spool.Rows)));
        Assert.All(report.Spools, static spool => Assert.Equal((0, 0, 0, 0), (spool.Missing, spool.Excused, spool.Duplicates, spool.Beyond)));
        Assert.Empty(report.Unnumbered);
        Assert.Equal((36, 0, 0), (report.Drift.Slots, report.Drift.Unsettled, report.Drift.Drifting));
    }

    [Fact]
    public async Task Every_planted_hole_is_found_and_no_other_number()
    {
        await store.StartAfreshAsync();
        await BeginAsync("g", First);
        await BeginAsync("h", First + 5);
        var rows = LedgerRows.Between(Day, Day.AddHours(5), 1_000, First);
        await WriteAsync(rows.Where(static (_, i) => i is not (0 or 1 or 100 or 500 or 501 or 502 or 998)));
        await WriteAsync(OfGateway("h", LedgerRows.Between(Day, Day.AddHours(5), 50, First + 5, seed: 2)));
        await RollUpAsync();

        var report = await AuditAsync(Settled);

        Assert.False(report.IsClean);
        Assert.Equal(7, report.Missing);
        Assert.Equal([new(First, First + 1), new(First + 100, First + 100), new(First + 500, First + 502), new(First + 998, First + 998)], report.Spools[0].Holes);
        Assert.Equal((993, 7, 0), (report.Spools[0].Rows, report.Spools[0].Missing, report.Spools[0].Duplicates));
        Assert.Equal((50, 0), (report.Spools[1].Rows, report.Spools[1].Missing));
    }

    [Fact]
    public async Task What_was_acknowledged_must_be_there_to_the_last_number_and_what_lies_beyond_is_no_fault()
    {
        await store.StartAfreshAsync();
        await BeginAsync("g", First);
        await WriteAsync(LedgerRows.Between(Day, Day.AddHours(1), 100, First));

        var lost = (await AuditAsync(Acknowledged(First + 109))).Spools[0];
        Assert.Equal((First + 109, 100, 10), (lost.Last, lost.Rows, lost.Missing));
        Assert.Equal([new(First + 100, First + 109)], lost.Holes);

        var ahead = (await AuditAsync(Acknowledged(First + 79))).Spools[0];
        Assert.Equal((First + 79, 80, 0, 20), (ahead.Last, ahead.Rows, ahead.Missing, ahead.Beyond));

        var nothing = (await AuditAsync(Acknowledged(First - 1))).Spools[0];
        Assert.Equal((First - 1, 0, 0, 100), (nothing.Last, nothing.Rows, nothing.Missing, nothing.Beyond));
    }

    [Fact]
    public async Task A_spool_with_no_row_misses_what_was_acknowledged_and_nothing_otherwise()
    {
        await store.StartAfreshAsync();
        await BeginAsync("g", First);
        Assert.Equal(0, (await AuditAsync(Settled)).Missing);
        Assert.Equal(3, (await AuditAsync(Acknowledged(First + 2))).Missing);
    }

    [Fact]
    public async Task Excused_numbers_are_not_missing_and_excusing_a_stored_one_does_no_harm()
    {
        await store.StartAfreshAsync();
        await BeginAsync("g", First);
        await WriteAsync(LedgerRows.Between(Day, Day.AddHours(1), 100, First).Where(static (_, i) => i is < 40 or > 49));
        var scope = Settled with { Excused = new Dictionary<string, IReadOnlyList<SequenceRange>> { ["g"] = [new(First + 45, First + 60), new(First + 30, First + 41)] } };

        var spool = (await AuditAsync(scope)).Spools[0];

        Assert.Equal((90, 3, 7), (spool.Rows, spool.Missing, spool.Excused));
        Assert.Equal([new(First + 42, First + 44)], spool.Holes);
    }

    [Fact]
    public async Task Rows_stored_twice_are_counted_and_are_no_fault()
    {
        await store.StartAfreshAsync();
        await store.Client.ExecuteAsync("SYSTEM STOP MERGES tollgate.requests", cancellationToken: Cancelled);
        await BeginAsync("g", First);
        var rows = LedgerRows.Between(Day, Day.AddHours(1), 100, First);
        await WriteAsync(rows);
        await WriteAsync(rows.Take(7));
        await RollUpAsync();

        var report = await AuditAsync(Settled);
        Assert.Equal((100, 0, 7), (report.Spools[0].Rows, report.Spools[0].Missing, report.Spools[0].Duplicates));
        Assert.True(report.IsClean);
    }

    [Fact]
    public async Task A_hole_wider_than_many_steps_is_crossed_in_one()
    {
        await store.StartAfreshAsync();
        await BeginAsync("g", First);
        await WriteAsync(LedgerRows.Between(Day, Day.AddHours(1), 10, First));
        await WriteAsync(LedgerRows.Between(Day, Day.AddHours(1), 10, First + 1_000_000_000_000));

        var spool = (await AuditAsync(Settled)).Spools[0];
        Assert.Equal([new(First + 10, First + 1_000_000_000_000 - 1)], spool.Holes);
        Assert.Equal((20, 1_000_000_000_000 - 10), (spool.Rows, spool.Missing));
    }

    [Fact]
    public async Task More_holes_than_are_listed_are_counted_all_the_same_and_walked_again_by_the_next()
    {
        await store.StartAfreshAsync();
        await BeginAsync("g", First);
        var rows = LedgerRows.Between(Day, Day.AddHours(5), 5_001, First);
        await WriteAsync(rows.Where(static (_, i) => i % 2 == 0));
        var audit = new LedgerAudit(store.Client, TimeProvider.System);
        for (var i = 0; i < 2; i++)
        {
            var spool = (await audit.RunAsync(Settled with { IsIncremental = true }, Cancelled)).Spools[0];
            Assert.Equal((2_501, 2_500, LedgerAudit.MostHoles), (spool.Rows, spool.Missing, spool.Holes.Count));
        }

        await WriteAsync(rows.Where(static (_, i) => i % 2 == 1));
        Assert.Equal(0, (await audit.RunAsync(Settled with { IsIncremental = true }, Cancelled)).Missing);
    }

    [Fact]
    public async Task An_incremental_audit_looks_again_at_holes_and_at_what_is_new_only()
    {
        await store.StartAfreshAsync();
        await BeginAsync("g", First);
        var rows = LedgerRows.Between(Day, Day.AddHours(5), 300, First);
        await WriteAsync(rows[..200].Where(static (_, i) => i is not (10 or 11 or 150)));
        await RollUpAsync();
        var audit = new LedgerAudit(store.Client, TimeProvider.System);
        var hourly = Settled with { IsIncremental = true };
        Assert.Equal([new(First + 10, First + 11), new(First + 150, First + 150)], (await audit.RunAsync(hourly, Cancelled)).Spools[0].Holes);

        // One comes late, one new one is lost, and one that was there goes, beyond the holes, which only a whole audit sees.
        await WriteAsync([rows[10]]);
        await WriteAsync(rows[200..].Where(static (_, i) => i != 50));
        await store.Client.ExecuteAsync("DELETE FROM tollgate.requests WHERE wal_seq = {seq:UInt64}", new Dictionary<string, object> { ["seq"] = First + 170 }, Cancelled);
        var second = (await audit.RunAsync(hourly, Cancelled)).Spools[0];
        Assert.Equal([new(First + 11, First + 11), new(First + 150, First + 150), new(First + 250, First + 250)], second.Holes);
        Assert.Equal((297, 3), (second.Rows, second.Missing));
        Assert.Equal(4, (await audit.RunAsync(Settled, Cancelled)).Missing);
    }

    [Fact]
    public async Task A_spool_older_than_the_ledger_begins_at_its_oldest_kept_row()
    {
        await store.StartAfreshAsync();
        await BeginAsync("g", First, Now.AddMonths(-30));
        await WriteAsync(LedgerRows.Between(Day, Day.AddHours(1), 100, First + 5_000).Where(static (_, i) => i != 50));

        var spool = (await AuditAsync(Settled)).Spools[0];
        Assert.Equal((First + 5_000, First + 5_099, 1), (spool.First, spool.Last, spool.Missing));
    }

    [Fact]
    public async Task Since_leaves_out_what_is_older()
    {
        await store.StartAfreshAsync();
        await BeginAsync("g", First);
        await WriteAsync(LedgerRows.Between(Day, Day.AddHours(10), 1_000, First).Where(static (_, i) => i is not (100 or 800)));

        var report = await AuditAsync(Settled with { Since = Day.AddHours(5) });
        Assert.Equal([new(First + 800, First + 800)], report.Spools[0].Holes);
        Assert.Equal(First + 500, report.Spools[0].First);
        Assert.Equal(20, report.Drift.Drifting);
    }

    [Fact]
    public async Task Rows_of_before_there_were_spools_are_told_apart()
    {
        await store.StartAfreshAsync();
        await BeginAsync("g", First);
        await WriteAsync(LedgerRows.Between(Day, Day.AddHours(1), 10, 1));
        await WriteAsync(LedgerRows.Between(Day, Day.AddHours(1), 10, First, seed: 2));
        await WriteAsync(OfGateway("old", LedgerRows.Between(Day, Day.AddHours(1), 30, 1, seed: 3)));

        var report = await AuditAsync(Settled);
        Assert.Equal([("g", 10L), ("old", 30L)], report.Unnumbered.OrderBy(static pair => pair.Key).Select(static pair => (pair.Key, pair.Value)));
        Assert.Equal(0, report.Missing);

        var one = await AuditAsync(Settled with { GatewayId = "g" });
        Assert.Equal(("g", 10L), (Assert.Single(one.Spools).GatewayId, Assert.Single(one.Unnumbered).Value));
    }

    [Fact]
    public async Task Every_planted_drift_is_found_to_the_nano_dollar_and_no_other_slot()
    {
        await store.StartAfreshAsync();
        var rows = LedgerRows.Between(Day, Day.AddHours(8), 2_000);
        await WriteAsync(rows);
        await LedgerFolds.WriteAsync(store, Guid.NewGuid(), rows[0], 9, 123);
        await RollUpAsync();
        Assert.Equal(0, (await AuditAsync(Settled)).Drift.Drifting);

        // A row of a nano-dollar too few, a fold that came unseen, and money moved from one team to another.
        var (few, unseen, moved) = (MoneySlot.Floor(rows[400].Timestamp), MoneySlot.Floor(rows[900].Timestamp), MoneySlot.Floor(rows[1_500].Timestamp));
        await ChangeRollupAsync(few, "cost - toDecimal64('0.000000001', 9)", "team");
        await LedgerFolds.WriteAsync(store, Guid.NewGuid(), rows[900], 3, 5_000_000_000);
        await ChangeRollupAsync(moved, "cost", "concat(team, '2')");
        await ChangeRollupAsync(moved, "toDecimal64(0, 9)", "team", requests: "0");

        var drift = (await AuditAsync(Settled)).Drift;

        Assert.Equal([few, unseen, moved], drift.Worst.Select(static slot => slot.Slot).Order());
        Assert.Equal(3, drift.Drifting);
        var (a, b, c) = (drift.Worst.Single(slot => slot.Slot == few), drift.Worst.Single(slot => slot.Slot == unseen), drift.Worst.Single(slot => slot.Slot == moved));
        var keys = int.Parse(await store.AskAsync($"SELECT toString(count()) FROM tollgate.usage_15m WHERE slot = fromUnixTimestamp({few.ToUnixTimeSeconds()})"), System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal((0, keys, keys), (a.Attempts, a.Cost.Value, a.LedgerCost.Value - a.RollupCost.Value));
        Assert.Equal((3, 5_000_000_000, 3, 5_000_000_000), (b.Attempts, b.Cost.Value, b.LedgerAttempts - b.RollupAttempts, b.LedgerCost.Value - b.RollupCost.Value));
        Assert.Equal((2 * c.LedgerAttempts, c.LedgerAttempts, c.LedgerCost), (c.Attempts, c.RollupAttempts, c.RollupCost));
        Assert.Equal((a.Attempts + b.Attempts + c.Attempts, a.Cost + b.Cost + c.Cost), (drift.Attempts, drift.Cost));

        await new MoneyRollup(store.Client, TimeProvider.System).RecomputeAsync(drift.Worst.Select(static slot => slot.Slot), Cancelled);
        Assert.True((await AuditAsync(Settled)).IsClean);
    }

    [Fact]
    public async Task Slots_that_got_rows_a_moment_ago_are_not_compared_yet()
    {
        await store.StartAfreshAsync();
        await WriteAsync(LedgerRows.Between(Day, Day.AddHours(2), 100));
        var report = await AuditAsync(new AuditScope());
        Assert.Equal((0, 8, 0), (report.Drift.Slots, report.Drift.Unsettled, report.Drift.Drifting));
    }

    [Fact]
    public async Task An_incremental_audit_compares_what_got_rows_and_what_drifted_before()
    {
        await store.StartAfreshAsync();
        var rows = LedgerRows.Between(Day, Day.AddHours(4), 400);
        await WriteAsync(rows);
        await store.AgeRowsAsync(hours: 2);
        await RollUpAsync();
        await ChangeRollupAsync(Day, "cost + 1", "team");
        var audit = new LedgerAudit(store.Client, TimeProvider.System);
        var hourly = Settled with { IsIncremental = true };
        Assert.Equal((16, 1), Drifting(await audit.RunAsync(hourly, Cancelled)));

        await WriteAsync(LedgerRows.Between(Day.AddHours(3), Day.AddHours(4), 10, 401, seed: 2));
        Assert.Equal((5, 5), Drifting(await audit.RunAsync(hourly, Cancelled)));

        await new MoneyRollup(store.Client, TimeProvider.System).RefreshAsync(Cancelled);
        await RollUpAsync();
        Assert.Equal((5, 0), Drifting(await audit.RunAsync(hourly, Cancelled)));

        static (int, int) Drifting(AuditReport report) => (report.Drift.Slots, report.Drift.Drifting);
    }

    private Task<AuditReport> AuditAsync(AuditScope scope) => new LedgerAudit(store.Client, TimeProvider.System).RunAsync(scope, Cancelled);

    private static AuditScope Acknowledged(ulong number) => Settled with { Acknowledged = new Dictionary<string, ulong> { ["g"] = number } };

    private Task<RebuildReport> RollUpAsync() => new MoneyRollup(store.Client, TimeProvider.System).RebuildAsync(Day.AddDays(-1), Now, null, Cancelled);

    private Task WriteAsync(IEnumerable<UsageRow> rows) =>
        new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch(Guid.NewGuid().ToString(), rows.ToArray()), Cancelled);

    private static UsageRow[] OfGateway(string id, UsageRow[] rows)
    {
        foreach (var row in rows)
        {
            row.GatewayId = id;
        }

        return rows;
    }

    private Task BeginAsync(string gateway, ulong first, DateTimeOffset? at = null) => store.Client.ExecuteAsync(
        "INSERT INTO tollgate.spools (gateway_id, first_seq, created_at) VALUES ({gateway:String}, {first:UInt64}, fromUnixTimestamp64Milli({at:Int64}))",
        new Dictionary<string, object> { ["gateway"] = gateway, ["first"] = first, ["at"] = (at ?? Now.AddDays(-3)).ToUnixTimeMilliseconds() },
        Cancelled);

    /// <summary>Writes a slot of the rollup as a computation gone wrong would.</summary>
    private Task ChangeRollupAsync(DateTimeOffset slot, string cost, string team, string requests = "requests") => store.Client.ExecuteAsync(
        $"INSERT INTO tollgate.usage_15m_data SELECT * REPLACE({cost} AS cost, {team} AS team, {requests} AS requests, now64(6) AS computed_at) FROM tollgate.usage_15m_data AS d FINAL "
        + $"WHERE d.slot = fromUnixTimestamp({slot.ToUnixTimeSeconds()}) AND NOT endsWith(d.team, '2')",
        cancellationToken: Cancelled);
}
