using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Schema;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Demo.History;

/// <summary><c>history</c>: brings the team's history into a store that runs already, for work on queries and dashboards.</summary>
internal static class HistoryVerb
{
    /// <summary>Under which gateway's name the rows stand.</summary>
    public const string GatewayId = "demo";

    /// <summary>The verb.</summary>
    public static Command Create(TextWriter output, TimeProvider time)
    {
        var store = new Option<string>("--store") { Description = "Address of a store (tollgate-store, or a ClickHouse server on loopback).", DefaultValueFactory = static _ => "http://127.0.0.1:8123" };
        var seed = DemoOptions.Seed();
        var days = DemoOptions.Days();
        var end = new Option<DateTimeOffset?>("--end") { Description = "When the history ends, such as 2026-11-20T17:00:00Z. Default now." };
        var command = new Command("history", "Writes the simulated team's history to a store that runs already.") { store, seed, days, end };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var history = DemoHistory.Make(parsed.GetValue(seed), parsed.GetValue(end) ?? time.GetUtcNow(), parsed.GetValue(days), GatewayId, PriceList.Embedded);
            using var client = new StoreClient(new StorageOptions { Listen = parsed.GetValue(store)! });
            await new MigrationRunner(client, string.Empty, NullLogger<MigrationRunner>.Instance).MigrateAsync(cancellationToken);
            if (await client.CountAsync($"SELECT count() FROM tollgate.spools WHERE gateway_id = '{GatewayId}'", null, cancellationToken) > 0)
            {
                await output.WriteLineAsync($"The store at {parsed.GetValue(store)} has a demo history already; a second one would double every sum. Start the store on an empty directory.");
                return 1;
            }

            await WriteAsync(history, client, cancellationToken);
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture, $"{history.Rows.Count:N0} attempts of {history.Sessions.Count:N0} sessions from {history.Start:yyyy-MM-dd} on are in the store."));
            return 0;
        });
        return command;
    }

    /// <summary>Brings a history into a store that has the schema.</summary>
    internal static async Task WriteAsync(DemoHistory history, StoreClient store, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("tollgate-demo-").FullName;
        try
        {
            // A spool's first number follows from the time: with the history's own, the store is the same each time.
            var clock = new StoppedClock(history.End);
            HistorySpool.Write(directory, history.Rows, GatewayId, clock);
            await HistorySpool.DeliverAsync(directory, store, GatewayId, clock, cancellationToken);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        await BudgetEvents.WriteAsync(store, BudgetEvents.Of(history, DemoBudgets.Of(history)), cancellationToken);
    }

    /// <summary>Tells one time of day; its timers run.</summary>
    private sealed class StoppedClock(DateTimeOffset at) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => at;
    }
}
