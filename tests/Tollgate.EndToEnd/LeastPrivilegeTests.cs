using System.Text.Json.Nodes;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>Several gateways feed one store as users that may do no more than deploy/clickhouse/grants.sql says.</summary>
public sealed class LeastPrivilegeTests
{
    // More than a spool of 1 MiB takes: the rest is folded.
    private const int MoreThanTheSpoolTakes = 2000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_gateways_keep_whole_ledgers_in_one_store_with_the_rights_of_a_writer_alone()
    {
        await using var store = await GrantedStore.StartAsync("tollgate_migrator");
        using var home = new TemporaryDirectory();
        var file = ConfigurationFor(store, home);
        await GatewayProcess.RunVerbAsync(Cancellation, "migrate", "--config", file);
        await store.BecomeAsync("tollgate_writer");

        await using var upstream = await FakeUpstream.StartAsync();
        using var homeOfAlice = new TemporaryDirectory();
        await using var alice = await GatewayProcess.StartAsync(
            upstream.BaseUrl,
            directory: homeOfAlice,
            store: store.Address,
            configure: static configuration => configuration["budgets"] = new JsonArray(new JsonObject { ["id"] = "walk", ["limitUsd"] = 1, ["window"] = "lifetime", ["mode"] = "watch", ["thresholds"] = new JsonArray(90) }),
            cancellationToken: Cancellation);
        await using var bob = await GatewayProcess.StartAsync(
            upstream.BaseUrl,
            store: store.Address,
            configure: static configuration => configuration["spool"] = new JsonObject { ["segmentBytes"] = 65_536, ["maxBytes"] = 1024 * 1024 },
            cancellationToken: Cancellation);
        using var client = new MessageClient();
        await CallManyAsync(alice, 60);
        await CallManyAsync(bob, 40);

        await alice.QueryUntilAsync("SELECT count() > 0 FROM tollgate.prices", static answer => answer == "1\n", Ledger.Patience, Cancellation);

        // The store goes away until one of them has to fold: sums are written, asked for and rolled up by rights of their own.
        await store.StopAsync();
        await CallManyAsync(alice, 20);
        await CallManyAsync(bob, MoreThanTheSpoolTakes);
        await store.BecomeAsync("tollgate_writer");
        const int Attempts = 60 + 40 + 20 + MoreThanTheSpoolTakes;
        await alice.QueryUntilAsync(
            "SELECT (SELECT count() FROM tollgate.requests FINAL) + (SELECT sum(requests) FROM tollgate.usage_folded FINAL)",
            static answer => answer == $"{Attempts}\n",
            Ledger.Patience,
            Cancellation);
        Assert.NotEqual("0", await store.QueryAsync("SELECT sum(requests) FROM tollgate.usage_folded FINAL"));
        await alice.QueryUntilAsync(
            "SELECT sum(requests) FROM tollgate.usage_15m_data FINAL", static answer => answer == $"{Attempts}\n", TimeSpan.FromMinutes(3), Cancellation);

        await alice.QueryUntilAsync("SELECT groupArray(toString(kind)) FROM (SELECT kind FROM tollgate.budget_events ORDER BY kind)", static answer => answer == "['soft','hard']\n", Ledger.Patience, Cancellation);

        // No number is missing, by the gateways' own audit with the same rights; and to the last digit, what the upstream served is what is stored.
        await GatewayProcess.RunVerbAsync(Cancellation, "verify", "--config", file);
        var served = upstream.Replies.Sum(static reply => UpstreamPrice.OfOpus48(reply.Figures!));
        Assert.Equal(served, await alice.NumberAsync("SELECT sum(cost) FROM tollgate.usage_15m_data FINAL", Cancellation));
        Assert.Equal("2", await store.QueryAsync("SELECT uniqExact(gateway_id) FROM tollgate.requests"));
        Assert.Equal("80", await store.QueryAsync($"SELECT count() FROM tollgate.requests FINAL WHERE gateway_id = '{IdOf(homeOfAlice)}'"));

        string[] refused =
        [
            "DROP TABLE tollgate.requests", "TRUNCATE TABLE tollgate.requests", "DELETE FROM tollgate.requests WHERE 1", "ALTER TABLE tollgate.requests DELETE WHERE 1",
            "ALTER TABLE tollgate.requests ADD COLUMN x UInt8", "CREATE TABLE tollgate.x (x UInt8) ENGINE = Memory", "INSERT INTO tollgate.schema_migrations (version) VALUES (99)",
            "INSERT INTO tollgate.invoice_lines (day) VALUES (today())", "DELETE FROM tollgate.budget_events WHERE 1", "SELECT * FROM tollgate.payloads", "SELECT * FROM tollgate.sessions",
        ];
        foreach (var statement in refused)
        {
            await store.RefusesAsync(statement);
        }

        await store.BecomeAsync("tollgate_reader");
        Assert.Equal("0", await store.QueryAsync("SELECT sum(missing) FROM tollgate.sequence_holes"));
        Assert.Equal($"{120 + MoreThanTheSpoolTakes}", await store.QueryAsync("SELECT sum(requests) FROM tollgate.usage_15m"));
        Assert.Equal($"{120 + MoreThanTheSpoolTakes}", await store.QueryAsync("SELECT sum(requests) FROM tollgate.usage_1d(tz = 'UTC')"));
        await store.QueryAsync("SELECT * FROM tollgate.budget_history LIMIT 1");
        await store.RefusesAsync("INSERT INTO tollgate.requests (cost) VALUES (1)");

        await store.BecomeAsync("tollgate_migrator");
        await GatewayProcess.RunVerbAsync(Cancellation, "migrate", "rebuild", "--from", Day(-1), "--to", Day(1), "--config", file);

        Task CallManyAsync(GatewayProcess gateway, int count) => Parallel.ForAsync(
            0,
            count,
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Cancellation },
            async (_, cancellationToken) => Assert.True((await client.CallAsync(gateway.ProxyAddress + "/anthropic", cancellationToken)).IsWholeStream));
    }

    [Fact]
    public async Task A_writer_before_a_store_without_a_schema_says_which_right_is_missing_and_loses_nothing()
    {
        await using var store = await GrantedStore.StartAsync("tollgate_writer");
        using var home = new TemporaryDirectory();
        var file = ConfigurationFor(store, home);
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => GatewayProcess.RunVerbAsync(Cancellation, "migrate", "--config", file));
        Assert.Contains("CREATE DATABASE ON tollgate.*", refusal.Message, StringComparison.Ordinal);

        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, store: store.Address, until: GatewayProcess.Serving, cancellationToken: Cancellation);
        using var client = new MessageClient();
        Assert.True((await client.CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation)).IsWholeStream);
        Assert.Contains("CREATE DATABASE ON tollgate.*", (await gateway.AskAsync(GatewayProcess.Ready, Cancellation)).Text, StringComparison.Ordinal);

        await store.BecomeAsync("tollgate_migrator");
        await GatewayProcess.RunVerbAsync(Cancellation, "migrate", "--config", file);
        await store.BecomeAsync("tollgate_writer");
        Assert.Single(await gateway.RowsAsync("anthropic", 1, Cancellation));
    }

    private static string ConfigurationFor(GrantedStore store, TemporaryDirectory home)
    {
        var file = Path.Combine(home.Path, "operator.json");
        File.WriteAllText(file, new JsonObject
        {
            ["storage"] = new JsonObject
            {
                ["mode"] = "clickhouse",
                ["connectionString"] = $"Host={store.Address.Host};Port={store.Address.Port}",
                ["dataDirectory"] = home.Subdirectory("operator"),
            },
        }.ToJsonString());
        return file;
    }

    private static string IdOf(TemporaryDirectory home) => File.ReadAllText(Path.Combine(home.Path, "data", "gateway-id")).Trim();

    private static string Day(int offset) => DateTimeOffset.UtcNow.AddDays(offset).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
}
