using Tollgate.ClickHouse.Rollup;

namespace Tollgate.ClickHouse.Tests.Spend;

/// <summary>Puts <see cref="SpendRows"/> into the shared engine, once for a class.</summary>
public sealed class SpendStore(LedgerStore store) : IAsyncLifetime
{
    private const int SentTwice = 100;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await store.StartAfreshAsync();

        // The rows' days are fixed: they must not end by age one day.
        await store.Client.ExecuteAsync("ALTER TABLE tollgate.requests REMOVE TTL", cancellationToken: Cancelled);
        await store.Client.ExecuteAsync("SYSTEM STOP MERGES tollgate.requests", cancellationToken: Cancelled);
        var sink = new ClickHouseUsageSink(store.Client, SpendRows.Gateway, TimeProvider.System);
        await sink.RegisterAsync(1, Cancelled);
        await sink.WriteAsync(EncodedRows.Batch("spend", SpendRows.All), Cancelled);
        await sink.WriteAsync(EncodedRows.Batch("again", SpendRows.All[..SentTwice]), Cancelled);
        await store.Client.ExecuteAsync(RollupStatements.Recompute(onlySlots: false), new SlotRange(SpendRows.Begin, SpendRows.Begin.AddDays(61)).ToParameters(), Cancelled);
        await store.Client.ExecuteAsync(
            "INSERT INTO tollgate.budget_events (ts, customer, budget_id, kind, developer, spent, limit_usd) VALUES "
            + "('2026-11-02 10:00:00.000', 'acme', 'search-daily', 'soft', 'ada', 4.1, 5), ('2026-11-02 12:00:00.000', 'acme', 'search-daily', 'blocked', 'ben', 5.000000001, 5)",
            cancellationToken: Cancelled);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
