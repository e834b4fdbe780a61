using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.ClickHouse.Schema;
using Tollgate.Proxy.Configuration;
using Tollgate.Testing;

namespace Tollgate.ClickHouse.Tests;

/// <summary>The real engine, one for all classes of the collection, which therefore run one after the other.</summary>
public sealed class LedgerStore : IAsyncLifetime
{
    private StoreProcess _process = null!;

    public StoreClient Client { get; private set; } = null!;

    public Uri Address => _process.Address;

    /// <summary>How a client of a ClickHouse server would name it.</summary>
    public string ConnectionString => $"Host={_process.Address.Host};Port={_process.Address.Port};Protocol=http;Compression=false";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _process = await StoreProcess.StartAsync();
        Client = new StoreClient(new StorageOptions { Listen = _process.Address.ToString() });
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _process.DisposeAsync();
    }

    /// <summary>Leaves a store that has never seen Tollgate.</summary>
    public Task ForgetAsync() => Client.ExecuteAsync("DROP DATABASE IF EXISTS tollgate SYNC", cancellationToken: Cancelled);

    /// <summary>Leaves a store with the whole schema and no rows.</summary>
    public async Task StartAfreshAsync()
    {
        await ForgetAsync();
        await new MigrationRunner(Client, string.Empty, NullLogger<MigrationRunner>.Instance).MigrateAsync(Cancelled);
    }

    /// <summary>Makes every row as if the store had taken it so many hours ago. The views do not hear of it.</summary>
    public async Task AgeRowsAsync(int hours)
    {
        await Client.ExecuteAsync("CREATE TABLE tollgate.aged AS tollgate.requests", cancellationToken: Cancelled);
        await Client.ExecuteAsync($"INSERT INTO tollgate.aged SELECT * REPLACE(now64(3) - INTERVAL {hours} HOUR AS ingested_at) FROM tollgate.requests", cancellationToken: Cancelled);
        foreach (var partition in await ListAsync("SELECT DISTINCT partition FROM system.parts WHERE database = 'tollgate' AND table = 'aged' AND active"))
        {
            await Client.ExecuteAsync($"ALTER TABLE tollgate.requests REPLACE PARTITION {partition} FROM tollgate.aged", cancellationToken: Cancelled);
        }

        await Client.ExecuteAsync("DROP TABLE tollgate.aged SYNC", cancellationToken: Cancelled);
    }

    /// <summary>The first column of the first row, as text.</summary>
    public async Task<string> AskAsync(string sql) =>
        (await Client.QueryAsync(sql, reader => Convert.ToString(reader.GetValue(0), CultureInfo.InvariantCulture)!, cancellationToken: Cancelled))[0];

    /// <summary>The first column of every row, as text.</summary>
    public Task<List<string>> ListAsync(string sql) =>
        Client.QueryAsync(sql, reader => Convert.ToString(reader.GetValue(0), CultureInfo.InvariantCulture)!, cancellationToken: Cancelled);
}

[CollectionDefinition(nameof(LedgerStore))]
public sealed class SharedLedgerStore : ICollectionFixture<LedgerStore>;
