using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Cli;
using Tollgate.Cli.Report;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Rollup;
using Tollgate.ClickHouse.Schema;
using Tollgate.ClickHouse.Spend;
using Tollgate.ClickHouse.Tests;
using Tollgate.ClickHouse.Tests.Spend;
using Tollgate.Configuration;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Configuration;
using Tollgate.Testing;

namespace Tollgate.Tests.Cli;

/// <summary>A store of its own with the generated sixty days, and a command line to ask it with.</summary>
public sealed class ReportedStore : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-report").FullName;
    private StoreProcess _store = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public string Address => _store.Address.ToString().TrimEnd('/');

    public async ValueTask InitializeAsync()
    {
        _store = await StoreProcess.StartAsync();
        using var client = new StoreClient(new StorageOptions { Listen = Address });
        await new MigrationRunner(client, string.Empty, NullLogger<MigrationRunner>.Instance).MigrateAsync(Cancelled);

        // The rows' days are fixed: they must not end by age one day.
        await client.ExecuteAsync("ALTER TABLE tollgate.requests REMOVE TTL", cancellationToken: Cancelled);
        var sink = new ClickHouseUsageSink(client, SpendRows.Gateway, TimeProvider.System);
        await sink.RegisterAsync(1, Cancelled);
        await sink.WriteAsync(EncodedRows.Batch("report", SpendRows.All), Cancelled);
        await new PriceTable(client).WriteAsync(PriceList.Embedded, DateTimeOffset.UnixEpoch, Cancelled);
        await new MoneyRollup(client, TimeProvider.System).RecomputeAsync(SpendRows.All.Select(static row => row.Timestamp), Cancelled);
        await File.WriteAllTextAsync(Path.Combine(_directory, "tollgate.json"), $$$"""{"storage": {"listen": "{{{Address}}}"}}""", Cancelled);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Runs a command on Saturday, 14 November 2026, 15:30 UTC.</summary>
    internal async Task<(int Code, string Output, string Error)> RunAsync(Terminal terminal, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 14, 15, 30, 0, TimeSpan.Zero));
        var code = await new CommandLine(
            new ConfigurationLoader(new Dictionary<string, string>(), _directory), clock, static (_, _) => throw new InvalidOperationException("Nothing is served here."), (_, _) => terminal)
            .RunAsync(arguments, output, error, Cancelled);
        return (code, output.ToString(), error.ToString());
    }

    /// <summary>The same without a terminal; words are apart by spaces.</summary>
    internal Task<(int Code, string Output, string Error)> RunAsync(string command) => RunAsync(Terminal.None, command.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
