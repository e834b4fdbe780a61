using System.Globalization;
using Tollgate.ClickHouse.Rollup;
using Tollgate.ClickHouse.Tests.Rollup;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;

namespace Tollgate.ClickHouse.Tests;

[Collection(nameof(LedgerStore))]
public sealed class FoldTests(LedgerStore store)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rows_and_folds_together_are_the_total_however_often_the_folds_are_sent()
    {
        await store.StartAfreshAsync();
        var now = TimeProvider.System.GetUtcNow();
        var rows = LedgerRows.Between(now.AddHours(-2), now.AddHours(-1), 4_000);
        await WriteRowsAsync([.. rows.Where(static (_, i) => i % 2 == 0)]);
        var folds = Fold(rows.Where(static (_, i) => i % 2 == 1));
        var sink = new ClickHouseUsageSink(store.Client, "g", TimeProvider.System);
        for (var sent = 0; sent < 3; sent++)
        {
            await sink.WriteFoldsAsync(folds, Cancelled);
        }

        await new MoneyRollup(store.Client, TimeProvider.System).RefreshAsync(Cancelled);
        Assert.Equal(MoneyByHand.Of(rows).Lines, await store.ListAsync(MoneyByHand.Read));
        Assert.Equal(folds.Count.ToString(CultureInfo.InvariantCulture), await store.AskAsync("SELECT toString(count()) FROM tollgate.usage_folded FINAL"));
    }

    [Fact]
    public async Task Folds_that_come_after_a_refresh_are_in_the_next()
    {
        await store.StartAfreshAsync();
        var now = TimeProvider.System.GetUtcNow();
        var rows = LedgerRows.Between(now.AddHours(-2), now.AddHours(-1), 400);
        var rollup = new MoneyRollup(store.Client, TimeProvider.System);
        await WriteRowsAsync([.. rows.Take(200)]);
        await rollup.RefreshAsync(Cancelled);
        await new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteFoldsAsync(Fold(rows.Skip(200)), Cancelled);
        await rollup.RefreshAsync(Cancelled);
        Assert.Equal(MoneyByHand.Of(rows).Lines, await store.ListAsync(MoneyByHand.Read));
    }

    [Fact]
    public async Task A_fold_at_every_limit_arrives_as_it_is()
    {
        await store.StartAfreshAsync();
        const string Odd = "größe 漢字 🧮\n\t'\\\0";
        var sums = new FoldSums(
            long.MaxValue, 1, 2, 3, 4, 5, 6, FoldSums.MostNanodollars, -FoldSums.MostNanodollars, 7, 8, 9, FoldSums.MostNanodollars, 10, -FoldSums.MostNanodollars);
        var slot = MoneySlot.Floor(TimeProvider.System.GetUtcNow());
        var fold = new Fold(Guid.NewGuid(), new FoldKey(slot, Odd, Odd, Odd, Odd, Odd, Odd, Odd), sums);
        await new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteFoldsAsync([fold], Cancelled);

        Assert.Equal(fold.Id.ToString(), await store.AskAsync("SELECT toString(fold_id) FROM tollgate.usage_folded"));
        Assert.Equal(Odd, await store.AskAsync("SELECT model FROM tollgate.usage_folded"));
        Assert.Equal(slot.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), await store.AskAsync("SELECT toString(toUnixTimestamp(slot)) FROM tollgate.usage_folded"));
        Assert.Equal(
            "9223372036854775807 1 2 3 4 5 6 999999999.999999999 -999999999.999999999 0.000000007 0.000000008 0.000000009 999999999.999999999 0.00000001 -999999999.999999999 g",
            await store.AskAsync("""
                SELECT arrayStringConcat([toString(requests), toString(errors), toString(input_tokens), toString(output_tokens), toString(cache_read_tokens),
                  toString(cache_w5m_tokens), toString(cache_w1h_tokens), toString(cost_input), toString(cost_output), toString(cost_cache_read),
                  toString(cost_cache_write), toString(cost_other), toString(cost), toString(cost_uncached), toString(estimated_cost), gateway_id], ' ')
                FROM tollgate.usage_folded
                """));
    }

    [Fact]
    public async Task A_store_without_the_table_can_be_tried_again_once_it_is_there()
    {
        await store.ForgetAsync();
        var sink = new ClickHouseUsageSink(store.Client, "g", TimeProvider.System);
        var fold = Fold(LedgerRows.Between(TimeProvider.System.GetUtcNow(), TimeProvider.System.GetUtcNow(), 1));
        Assert.Equal(SinkFault.Setup, (await Assert.ThrowsAsync<UsageSinkException>(() => sink.WriteFoldsAsync(fold, Cancelled))).Fault);
        await store.StartAfreshAsync();
        await sink.WriteFoldsAsync(fold, Cancelled);
        Assert.Equal("1", await store.AskAsync("SELECT toString(sum(requests)) FROM tollgate.usage_folded FINAL"));
    }

    private static List<Fold> Fold(IEnumerable<UsageRow> rows) =>
        [.. rows.GroupBy(FoldKey.Of).Select(static group => new Fold(
            Guid.NewGuid(),
            group.Key,
            group.Aggregate(default(FoldSums), static (sum, row) => FoldSums.TryAdd(sum, FoldSums.Of(row), out var more) ? more : throw new OverflowException())))];

    private Task WriteRowsAsync(UsageRow[] rows) =>
        new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch("rows", rows), Cancelled);
}
