using System.Globalization;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Rollup;
using Tollgate.Demo.History;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Demo.Live;

/// <summary>What a demo is run with.</summary>
/// <param name="Seed">Everything follows from it.</param>
/// <param name="Days">Days of history.</param>
/// <param name="Speed">How many times faster than life the live team is.</param>
/// <param name="Length">When to end by itself; null: at Ctrl-C.</param>
internal sealed record DemoSettings(ulong Seed, int Days, double Speed, TimeSpan? Length);

/// <summary>The demo from its start to its end: history into the spool, the gateway, live traffic, and the two books held against each other.</summary>
internal sealed class DemoRun(DemoPlaces places, DemoSettings settings, TextWriter output, TimeProvider time)
{
    private static readonly TimeSpan StatusEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Runs it.</summary>
    /// <returns>Whether counters and ledger were equal at the end.</returns>
    public async Task<bool> RunAsync(CancellationToken enough)
    {
        var began = time.GetTimestamp();
        var history = DemoHistory.Make(settings.Seed, time.GetUtcNow(), settings.Days, HistoryVerb.GatewayId, PriceList.Embedded);
        var budgets = DemoBudgets.Of(history);

        // A gateway that finds rows in its spool sends them first, under its own name, and numbers its own behind them.
        await File.WriteAllTextAsync(Path.Combine(places.Directory, "gateway-id"), HistoryVerb.GatewayId + "\n", enough);
        HistorySpool.Write(HistorySpool.DirectoryOf(places.Directory), history.Rows, HistoryVerb.GatewayId, time);
        Say($"[1/4] {settings.Days} days of history are in the spool: {history.Rows.Count:N0} attempts of {history.Sessions.Count:N0} sessions ({time.GetElapsedTime(began).TotalSeconds:0.0} s)");

        await using var provider = await SimulatedProvider.StartAsync(time, enough);
        var keys = DemoKeys.Create();
        await WriteSecretAsync(DemoPlaces.TokenFile, Guid.NewGuid().ToString("N"));
        await WriteSecretAsync(DemoPlaces.ProviderKeyFile, "simulated-provider-key");
        await WriteSecretAsync(DemoPlaces.KeysFile, string.Join('\n', keys.Values));
        await File.WriteAllTextAsync(places.Configuration, DemoConfiguration.Write(places, provider.Address, keys, budgets), enough);
        Say($"[2/4] starting the gateway and its store (log: {places.Log})");
        await using var gateway = await DemoGateway.StartAsync(places, time, enough);

        using var store = new StoreClient(new StorageOptions { Listen = places.Store });
        var rollup = new MoneyRollup(store, time);
        await UntilAsync(gateway, $"the history's {history.Rows.Count} rows are in the store", metrics => metrics.Sum("store_rows_total") >= history.Rows.Count, enough);
        await rollup.RefreshAsync(enough);
        await BudgetEvents.WriteAsync(store, BudgetEvents.Of(history, budgets), enough);
        Say($"[3/4] the gateway has brought them into the ledger: ${history.Rows.Sum(static row => row.Cost.Total.ToDollars())} in all ({time.GetElapsedTime(began).TotalSeconds:0.0} s since the start)");
        Say($"[4/4] the developers are at work, {settings.Speed:0.#} times as fast as life");
        await output.WriteLineAsync(DemoBanner.Write(places, history, settings));

        using var client = new LiveClient(places.Proxy, keys, time);
        var traffic = new LiveTraffic(client, settings.Seed, settings.Speed, time);
        await WorkAsync(traffic, gateway, enough);
        return await CloseAsync(gateway, store, rollup, history);
    }

    /// <summary>Lets the team work until it is enough, and tells of it now and then.</summary>
    private async Task WorkAsync(LiveTraffic traffic, DemoGateway gateway, CancellationToken enough)
    {
        using var length = settings.Length is { } some ? new CancellationTokenSource(some, time) : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(enough, length.Token);
        var began = time.GetTimestamp();
        var work = traffic.RunAsync(either.Token);
        while (await Task.WhenAny(work, Task.Delay(StatusEvery, time, either.Token)) != work && !either.IsCancellationRequested)
        {
            if (gateway.HasEnded)
            {
                await either.CancelAsync();
                await work;
                throw new IOException($"The gateway has ended by itself; see {places.Log}.");
            }

            var metrics = await gateway.MetricsAsync(CancellationToken.None);
            var counts = traffic.Counts;
            Say($"  live: {counts.Sent:N0} requests, {counts.Sent / time.GetElapsedTime(began).TotalSeconds:0.0}/s, ${metrics.Sum("cost_total"):0.00}; {counts.Failed:N0} failed at the provider, {counts.Stopped:N0} stopped, {counts.Refused:N0} refused by a budget");
        }

        await work;
    }

    /// <summary>When nothing is under way any more, what was counted must be what is stored.</summary>
    private async Task<bool> CloseAsync(DemoGateway gateway, StoreClient store, MoneyRollup rollup, DemoHistory history)
    {
        Say("The team has stopped; waiting for the last rows.");
        var metrics = await UntilAsync(
            gateway,
            "the last rows are in the store",
            metrics => metrics.Sum("active_requests") == 0 && metrics.Sum("store_rows_total") == history.Rows.Count + metrics.Sum("spool_rows_total"),
            CancellationToken.None);
        var lines = await ClosingTable.CompareAsync(metrics, store, history.Rows.Count, CancellationToken.None);
        await rollup.RefreshAsync(CancellationToken.None);
        var (holes, drift) = (await store.QueryAsync(
            "SELECT toString((SELECT sum(missing) + sum(duplicates) FROM tollgate.sequence_holes)), toString(sum(abs(drift_cost)) + sum(duplicates)) FROM tollgate.integrity(since = '2000-01-01', until = '2100-01-01')",
            static reader => (reader.GetString(0), reader.GetString(1))))[0];
        Say($"Since the gateway's start, by /metrics and by SQL:\n{ClosingTable.Write(lines)}");
        Say($"Numbers missing or twice in the ledger: {holes}. The money rollup differs by: {drift}.");
        return lines.All(static line => line.IsEqual) && holes == "0" && decimal.Parse(drift, CultureInfo.InvariantCulture) == 0;
    }

    private async Task<MetricsText> UntilAsync(DemoGateway gateway, string what, Func<MetricsText, bool> isSo, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (true)
        {
            var metrics = await gateway.MetricsAsync(cancellationToken);
            if (isSo(metrics))
            {
                return metrics;
            }

            if (gateway.HasEnded || time.GetElapsedTime(since) > Patience)
            {
                throw new IOException($"After {time.GetElapsedTime(since).TotalSeconds:0} s it is not so that {what}: {metrics.Sum("store_rows_total")} rows stored. See {places.Log}.");
            }

            await Task.Delay(Tick, time, cancellationToken);
        }
    }

    private async Task WriteSecretAsync(string name, string secret)
    {
        var file = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            file.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        await using var writer = new StreamWriter(Path.Combine(places.Directory, name), file);
        await writer.WriteLineAsync(secret);
    }

    private void Say(FormattableString line) => output.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private void Say(string line) => output.WriteLine(line);
}
