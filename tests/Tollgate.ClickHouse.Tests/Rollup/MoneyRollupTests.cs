using System.Globalization;
using Tollgate.ClickHouse.Audit;
using Tollgate.ClickHouse.Rollup;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests.Rollup;

[Collection(nameof(LedgerStore))]
public sealed class MoneyRollupTests(LedgerStore store)
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    // The turn of a month, two months back: in the middle of most tests' rows.
    private static readonly DateTimeOffset Turn = new(Now.AddMonths(-2).Year, Now.AddMonths(-2).Month, 1, 0, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_rollup_equals_what_is_added_up_by_hand_over_the_turn_of_a_month()
    {
        await store.StartAfreshAsync();
        var rows = LedgerRows.Between(Turn.AddHours(-3), Turn.AddHours(3), 3_000);
        await WriteAsync(rows);

        var report = await Rollup().RefreshAsync(Cancelled);

        Assert.Equal((24, Turn.AddHours(-3), true), (report.Slots, report.OldestSlot!.Value, report.IsFirst));
        Assert.Equal(MoneyByHand.Of(rows).Lines, await ReadAsync());
    }

    [Fact]
    public async Task Any_random_rows_are_rolled_up_to_the_nano_dollar()
    {
        await store.StartAfreshAsync();
        var rows = RandomRows.Many(2_000, seed: 7);
        foreach (var row in rows)
        {
            // The key's texts must be what they are after a trip through UTF-8.
            (row.Project, row.Developer, row.KeyId, row.Provider) = ("größe 漢字 🧮", "a'\\\n", string.Empty, "p");
        }

        await WriteAsync(rows);
        await Rollup().RefreshAsync(Cancelled);
        Assert.Equal(MoneyByHand.Of(rows).Lines, await ReadAsync());
    }

    [Fact]
    public async Task A_fold_is_added_to_the_rows_and_counts_once_however_often_it_is_sent()
    {
        await store.StartAfreshAsync();
        var rows = LedgerRows.Between(Turn, Turn.AddHours(1), 100);
        await WriteAsync(rows);
        var fold = Guid.NewGuid();
        await LedgerFolds.WriteAsync(store, fold, rows[0], 40, 7_000_000_001);
        await LedgerFolds.WriteAsync(store, fold, rows[0], 40, 7_000_000_001);
        await LedgerFolds.WriteAsync(store, Guid.NewGuid(), rows[0], 2, 3);

        await Rollup().RefreshAsync(Cancelled);

        var expected = MoneyByHand.Of(rows);
        expected.AddFold(rows[0], 40, 7_000_000_001);
        expected.AddFold(rows[0], 2, 3);
        Assert.Equal(expected.Lines, await ReadAsync());
    }

    [Fact]
    public async Task A_row_replaced_under_another_team_leaves_zeros_where_it_was()
    {
        await store.StartAfreshAsync();
        var rows = LedgerRows.Between(Turn, Turn.AddMinutes(15), 40);
        await WriteAsync(rows);
        var rollup = Rollup();
        await rollup.RefreshAsync(Cancelled);

        var moved = LedgerRows.Again(rows[5], static row => row.Team = "moved");
        await WriteAsync([moved]);
        await rollup.RefreshAsync(Cancelled);

        var expected = MoneyByHand.Of(rows.Where((_, i) => i != 5).Append(moved));
        expected.AddNothing(rows[5]);
        Assert.Equal(expected.Lines, await ReadAsync());
    }

    [Fact]
    public async Task A_deleted_customer_keeps_no_money_after_a_rebuild()
    {
        await store.StartAfreshAsync();
        var rows = LedgerRows.Between(Turn, Turn.AddHours(2), 200);
        await WriteAsync(rows);
        await Rollup().RefreshAsync(Cancelled);
        await store.Client.ExecuteAsync("DELETE FROM tollgate.requests WHERE customer = 'acme'", cancellationToken: Cancelled);

        await Rollup().RebuildAsync(Turn, Turn.AddHours(2), null, Cancelled);

        var expected = MoneyByHand.Of(rows.Where(static row => row.Customer != "acme"));
        foreach (var row in rows.Where(static row => row.Customer == "acme"))
        {
            expected.AddNothing(row);
        }

        Assert.Equal(expected.Lines, await ReadAsync());
    }

    [Fact]
    public async Task Old_rows_that_come_late_are_found_by_a_rollup_that_ran_before_and_by_one_that_starts()
    {
        await store.StartAfreshAsync();
        var first = LedgerRows.Between(Turn, Turn.AddHours(1), 50);
        var late = LedgerRows.Between(Turn.AddDays(-20), Turn.AddHours(1), 60, first: 51, seed: 2);
        var later = LedgerRows.Between(Turn.AddDays(-9), Turn.AddDays(9), 70, first: 111, seed: 3);
        var rollup = Rollup();
        await WriteAsync(first);
        await rollup.RefreshAsync(Cancelled);
        await WriteAsync(late);
        Assert.False((await rollup.RefreshAsync(Cancelled)).IsFirst);
        Assert.Equal(MoneyByHand.Of(first.Concat(late)).Lines, await ReadAsync());

        await WriteAsync(later);
        Assert.True((await Rollup().RefreshAsync(Cancelled)).IsFirst);
        Assert.Equal(MoneyByHand.Of(first.Concat(late).Concat(later)).Lines, await ReadAsync());
    }

    [Fact]
    public async Task A_refresh_that_died_after_its_first_day_is_finished_by_the_next_process()
    {
        await store.StartAfreshAsync();
        var rows = LedgerRows.Between(Turn.AddDays(-5), Turn, 500);
        await WriteAsync(rows);

        // As a killed process leaves it: some slots are computed, and long after the rows of the others came.
        await store.AgeRowsAsync(hours: 5);
        await Rollup().RecomputeAsync(rows.Take(100).Select(static row => row.Timestamp), Cancelled);

        var report = await Rollup().RefreshAsync(Cancelled);

        Assert.Equal(rows.Skip(100).Select(static row => MoneySlot.Floor(row.Timestamp)).Distinct().Count(), report.Slots);
        Assert.Equal(MoneyByHand.Of(rows).Lines, await ReadAsync());
    }

    [Fact]
    public async Task A_slot_computed_again_outruns_a_clock_that_was_ahead()
    {
        await store.StartAfreshAsync();
        var rows = LedgerRows.Between(Turn, Turn.AddMinutes(15), 20);
        await WriteAsync(rows[..10]);
        await Rollup().RefreshAsync(Cancelled);
        await store.Client.ExecuteAsync(
            "INSERT INTO tollgate.usage_15m_data SELECT * REPLACE(computed_at + INTERVAL 1 DAY AS computed_at) FROM tollgate.usage_15m_data", cancellationToken: Cancelled);

        await WriteAsync(rows[10..]);
        await Rollup().RecomputeAsync([Turn], Cancelled);
        Assert.Equal(MoneyByHand.Of(rows).Lines, await ReadAsync());
    }

    [Fact]
    public async Task Each_day_is_written_as_one_part_so_that_a_slot_is_never_half_computed()
    {
        await store.StartAfreshAsync();
        await WriteAsync(LedgerRows.Between(Turn, Turn.AddDays(2), 5_000));
        await store.Client.ExecuteAsync("SYSTEM STOP MERGES tollgate.usage_15m_data", cancellationToken: Cancelled);
        await Rollup().RefreshAsync(Cancelled);
        Assert.Equal("2", await store.AskAsync("SELECT toString(count()) FROM system.parts WHERE database = 'tollgate' AND table = 'usage_15m_data' AND active"));
    }

    [Fact]
    public async Task Rollups_of_several_gateways_at_once_agree_in_the_end()
    {
        await store.StartAfreshAsync();
        var rows = LedgerRows.Between(Turn, Turn.AddHours(4), 2_000);
        MoneyRollup[] rollups = [Rollup(), Rollup(), Rollup()];
        for (var i = 0; i < 10; i++)
        {
            var batch = rows[(i * 200)..((i + 1) * 200)];
            await Task.WhenAll(rollups.Select(rollup => (Task)rollup.RefreshAsync(Cancelled)).Append(WriteAsync(batch)));
        }

        await rollups[1].RefreshAsync(Cancelled);
        Assert.Equal(MoneyByHand.Of(rows).Lines, await ReadAsync());
    }

    [Fact]
    public async Task Money_older_than_the_ledger_is_left_as_it_is_and_its_rebuild_refused()
    {
        await store.StartAfreshAsync();
        var old = MoneySlot.OldestComplete(Now).AddDays(-2);
        await WriteAsync(LedgerRows.Between(old, old.AddHours(1), 10));
        Assert.Equal(0, (await Rollup().RefreshAsync(Cancelled)).Slots);

        var refusal = await Assert.ThrowsAsync<RebuildRangeException>(() => Rollup().RebuildAsync(old, Now, null, Cancelled));
        Assert.Contains(old.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm'Z'", CultureInfo.InvariantCulture), refusal.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<RebuildRangeException>(() => Rollup().RebuildAsync(Now, Now.AddDays(-1), null, Cancelled));
    }

    [Fact]
    public async Task A_rebuild_puts_minutes_and_sessions_right_that_views_left_wrong_and_twice_does_no_harm()
    {
        await store.StartAfreshAsync();
        var from = MoneySlot.Floor(Now.AddDays(-3));
        var rows = LedgerRows.Between(from, from.AddDays(2), 2_000);
        await WriteAsync(rows);
        var minutes = await MinutesAsync();
        var sessions = await SessionsAsync();
        await store.AgeRowsAsync(hours: 1);

        // A batch short here, a batch twice there.
        await store.Client.ExecuteAsync("DELETE FROM tollgate.usage_1m WHERE developer = 'dev1'", cancellationToken: Cancelled);
        await store.Client.ExecuteAsync("INSERT INTO tollgate.usage_1m SELECT * FROM tollgate.usage_1m WHERE developer = 'dev2'", cancellationToken: Cancelled);
        await store.Client.ExecuteAsync("DELETE FROM tollgate.sessions WHERE customer = 'acme'", cancellationToken: Cancelled);
        await store.Client.ExecuteAsync("INSERT INTO tollgate.sessions SELECT * FROM tollgate.sessions", cancellationToken: Cancelled);
        Assert.NotEqual(minutes, await MinutesAsync());
        Assert.NotEqual(sessions, await SessionsAsync());

        var progress = new List<RebuiltDay>();
        for (var i = 0; i < 2; i++)
        {
            progress.Clear();
            var report = await Rollup().RebuildAsync(from, from.AddDays(2), new Listener(progress), Cancelled);
            Assert.Equal(minutes, await MinutesAsync());
            Assert.Equal(sessions, await SessionsAsync());
            Assert.Equal(MoneyByHand.Of(rows).Lines, await ReadAsync());
            Assert.Equal(progress, report.Days);
            Assert.All(report.Days, static day => Assert.True(day.IsSettled && day.BusySessions == 0 && day.Sessions > 0 && day.MinutesTo == day.To));
            Assert.Equal(2_000, report.Days.Sum(static day => day.Attempts));
            Assert.Equal(rows.Aggregate(Nanodollars.Zero, static (sum, row) => sum + row.Cost.Total), report.Days.Aggregate(Nanodollars.Zero, static (sum, day) => sum + day.Cost));
        }
    }

    [Fact]
    public async Task A_rebuild_of_part_of_a_day_rebuilds_sessions_over_their_whole_life_and_leaves_other_minutes()
    {
        await store.StartAfreshAsync();
        var from = MoneySlot.Floor(Now.AddDays(-3));
        await WriteAsync(LedgerRows.Between(from, from.AddDays(2), 2_000));
        var inRange = $"ts >= fromUnixTimestamp({from.AddHours(4).ToUnixTimeSeconds()}) AND ts < fromUnixTimestamp({from.AddHours(6).ToUnixTimeSeconds()})";
        var sessions = await SessionsAsync($"session_id IN (SELECT session_id FROM tollgate.requests WHERE {inRange})");
        await store.AgeRowsAsync(hours: 1);
        await store.Client.ExecuteAsync("DELETE FROM tollgate.sessions WHERE 1", cancellationToken: Cancelled);
        await store.Client.ExecuteAsync("DELETE FROM tollgate.usage_1m WHERE 1", cancellationToken: Cancelled);

        await Rollup().RebuildAsync(from.AddHours(4), from.AddHours(6), null, Cancelled);

        Assert.Equal(sessions, await SessionsAsync());
        Assert.NotEmpty(sessions);
        Assert.Equal(
            await store.AskAsync($"SELECT toString(count()) FROM tollgate.requests WHERE {inRange}"),
            await store.AskAsync("SELECT toString(sum(requests)) FROM tollgate.usage_1m"));
    }

    [Fact]
    public async Task A_day_that_takes_too_much_memory_is_done_in_pieces_to_the_same_result()
    {
        await store.StartAfreshAsync();
        var from = new DateTimeOffset(Now.AddDays(-3).UtcDateTime.Date, TimeSpan.Zero);
        var rows = LedgerRows.Between(from, from.AddDays(1), 20_000);
        foreach (var row in rows)
        {
            row.Developer = $"{row.Sequence}{new string('x', 1_000)}";
        }

        await WriteAsync(rows);
        var minutes = await MinutesAsync();
        await store.AgeRowsAsync(hours: 1);
        using var narrow = new StoreClient(new StorageOptions { Mode = StorageMode.ClickHouse, ConnectionString = store.ConnectionString + ";set_max_memory_usage=100000000" });
        var day = new SlotRange(from, from.AddDays(1));
        var failure = await Assert.ThrowsAsync<StoreException>(() => narrow.ExecuteAsync(RollupStatements.Recompute(onlySlots: false), day.ToParameters(), Cancelled));
        Assert.Equal(241, failure.Code);

        var report = await new MoneyRollup(narrow, TimeProvider.System).RebuildAsync(day.From, day.To, null, Cancelled);

        Assert.Equal((20_000, true), (report.Days[0].Attempts, report.Days[0].IsSettled));
        Assert.Equal(MoneyByHand.Of(rows).Lines, await ReadAsync());
        Assert.Equal(minutes, await MinutesAsync());
        Assert.Equal(0, (await new LedgerAudit(narrow, TimeProvider.System).RunAsync(new AuditScope(), Cancelled)).Drift.Drifting);
    }

    [Fact]
    public async Task What_got_rows_a_moment_ago_is_left_to_its_view()
    {
        await store.StartAfreshAsync();
        await WriteAsync(LedgerRows.Between(Now.AddHours(-2), Now, 500));
        var minutes = await MinutesAsync();
        var sessions = await SessionsAsync();

        var report = await Rollup().RebuildAsync(Now.AddHours(-2), Now.AddHours(1), null, Cancelled);

        Assert.Equal(minutes, await MinutesAsync());
        Assert.Equal(sessions, await SessionsAsync());
        Assert.All(report.Days, static day => Assert.Equal(0, day.Sessions));
        Assert.True(report.Days.Sum(static day => day.BusySessions) > 0);
        Assert.All(report.Days, static day => Assert.True(day.MinutesTo <= Now.AddMinutes(-9) || day.MinutesTo == day.From));
        Assert.All(report.Days, static day => Assert.True(day.IsSettled));
    }

    private MoneyRollup Rollup() => new(store.Client, TimeProvider.System);

    private Task<List<string>> ReadAsync() => ReadSortedAsync(MoneyByHand.Read);

    private Task<List<string>> MinutesAsync() => ReadSortedAsync("""
        SELECT toString((customer, minute, team, project, developer, provider, model, sum(requests), sum(errors), sum(input_tokens), sum(output_tokens),
          sum(cache_read_tokens), sum(cache_write_tokens), sum(cost), sum(cost_uncached), finalizeAggregation(quantilesTDigestMergeState(0.5,0.95,0.99)(latency_q))[3] > 0))
        FROM tollgate.usage_1m GROUP BY customer, minute, team, project, developer, provider, model
        """);

    private Task<List<string>> SessionsAsync(string where = "1") => ReadSortedAsync($$"""
        SELECT toString((customer, session_id, min(first_ts), max(last_ts), sum(requests), sum(errors), arraySort(groupUniqArrayArray(models)), sum(input_tokens),
          sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens), max(max_context), sum(cost)))
        FROM tollgate.sessions WHERE {{where}} GROUP BY customer, session_id
        """);

    private async Task<List<string>> ReadSortedAsync(string sql) => [.. (await store.ListAsync(sql)).Order(StringComparer.Ordinal)];

    private Task WriteAsync(UsageRow[] rows) => new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch(Guid.NewGuid().ToString(), rows), Cancelled);

    private sealed class Listener(List<RebuiltDay> days) : IProgress<RebuiltDay>
    {
        public void Report(RebuiltDay value) => days.Add(value);
    }
}
