using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Schema;
using Tollgate.ClickHouse.Spend;
using Tollgate.Demo.History;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Configuration;
using Tollgate.Testing;

namespace Tollgate.Demo.Tests;

/// <summary>A store that the history was brought into, one for all classes of the collection.</summary>
public sealed class HistoryStore : IAsyncLifetime
{
    private StoreProcess _process = null!;

    public Task<string> AskAsync(string sql) => _process.QueryAsync(sql);

    public async ValueTask InitializeAsync()
    {
        _process = await StoreProcess.StartAsync();
        using var client = new StoreClient(new StorageOptions { Listen = _process.Address.ToString() });
        await new MigrationRunner(client, string.Empty, NullLogger<MigrationRunner>.Instance).MigrateAsync(TestContext.Current.CancellationToken);

        // The rows' days are fixed: they must not end by age one day.
        await client.ExecuteAsync("ALTER TABLE tollgate.requests REMOVE TTL", cancellationToken: TestContext.Current.CancellationToken);
        await new PriceTable(client).WriteAsync(PriceList.Embedded, DateTimeOffset.UnixEpoch, TestContext.Current.CancellationToken);
        await HistoryVerb.WriteAsync(SampleHistory.Month, client, TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}

[CollectionDefinition(nameof(HistoryStore))]
public sealed class SharedHistoryStore : ICollectionFixture<HistoryStore>;
