using System.Globalization;
using System.Net.Http.Json;
using Tollgate.Testing;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>What budgets did is in the store's history, each event once: through refusals, a raise, a store that goes away and a gateway that is killed.</summary>
public sealed class BudgetHistoryTests
{
    private const string Token = "history-admin-token-0123456789";

    // A minute's window has to end, twice.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Thresholds_refusals_raises_and_resets_are_each_written_once_whoever_is_killed_or_away()
    {
        await using var store = await StoreProcess.StartAsync();
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl, store: store.Address, configure: static configuration => configuration["admin"]!["token"] = Token, cancellationToken: Cancellation);
        using var admin = new HttpClient { BaseAddress = new Uri(gateway.AdminAddress), DefaultRequestHeaders = { Authorization = new("Bearer", Token) } };
        await PostAsync(admin, "/api/customers", new { id = "acme" });
        await PostAsync(admin, "/api/teams", new { id = "search", customer = "acme" });
        var made = System.Text.Json.Nodes.JsonNode.Parse(await VerbAsync(gateway, "keys", "create", "--developer", "alice", "--team", "search", "--json"))!;
        await PostAsync(admin, "/api/budgets", new { id = "walk", scope = "team", value = "search", limitUsd = "2.00", window = "lifetime", mode = "watch", thresholds = new[] { 80, 95 } });
        await PostAsync(admin, "/api/budgets", new { id = "stop", scope = "developer", value = "*", limitUsd = "4.00", window = "lifetime", thresholds = Array.Empty<int>() });
        await PostAsync(admin, "/api/budgets", new { id = "minutes", limitUsd = "0.01", window = "minute", mode = "watch", thresholds = Array.Empty<int>() });

        // Over every threshold, and on until refused; then some more.
        using var client = new MessageClient(made["key"]!.GetValue<string>());
        var url = gateway.ProxyAddress + "/anthropic";
        var calls = 0;
        MessageAnswer answer;
        do
        {
            answer = await client.CallAsync(url, Cancellation);
            calls++;
        }
        while (answer.Status == 200 && calls < 500);
        Assert.Equal(429, answer.Status);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(429, (await client.CallAsync(url, Cancellation)).Status);
        }

        await UntilAsync("SELECT groupArray((kind, note)) FROM (SELECT kind, note FROM tollgate.budget_events WHERE budget_id = 'walk' ORDER BY ts, note)",
            "[('soft','80 % of team search'),('soft','95 % of team search'),('hard','100 % of team search')]");
        await UntilAsync("SELECT count(), any(request_id), any(developer), any(customer) FROM tollgate.budget_events WHERE budget_id = 'stop' AND kind = 'blocked'", $"1\t{answer.RequestId}\talice\tacme");

        // The store is away when a raise is given, and the gateway is killed before it is back.
        Assert.Equal(0, await store.StopAsync());
        await VerbAsync(gateway, "budgets", "raise", "stop", "--usd", "100.00", "--days", "1");
        Assert.Equal(200, (await client.CallAsync(url, Cancellation)).Status);
        await gateway.KillAsync();
        await gateway.RestartAsync(GatewayProcess.Serving, Cancellation);
        await store.RestartAsync();
        await UntilAsync("SELECT count() FROM tollgate.budget_events WHERE budget_id = 'stop' AND kind = 'override'", "1");

        // What a start finds in the ledger passes the marks anew. The reset of a minute that begins after that comes behind it in the queue.
        await UntilAsync("SELECT countDistinct(request_id) FROM tollgate.requests FINAL WHERE http_status = 200", calls.ToString(CultureInfo.InvariantCulture));
        var before = await store.QueryAsync("SELECT max(ts) FROM tollgate.budget_events WHERE budget_id = 'minutes' AND kind = 'reset'");
        await AskUntilAsync(
            $"SELECT count() FROM tollgate.budget_events WHERE budget_id = 'minutes' AND kind = 'reset' AND ts > toDateTime64('{before}', 3, 'UTC') + 1",
            static count => count != "0",
            () => client.CallAsync(url, Cancellation));

        Assert.Equal(
            "acme\tstop\t0\t1\t1\nacme\twalk\t2\t0\t0",
            await store.QueryAsync("SELECT customer, budget_id, warnings, refusals, overrides FROM tollgate.budget_history WHERE budget_id IN ('stop', 'walk')"));
        Assert.Equal("3", await store.QueryAsync("SELECT count() FROM tollgate.budget_events WHERE budget_id = 'walk'"));
        Assert.Equal("0", await store.QueryAsync("SELECT count() - countDistinct(event_id) FROM tollgate.budget_events"));

        // Each minute with spend came to its limit once and has one reset, but for the one under way.
        Assert.Equal("0", await store.QueryAsync("""
            SELECT count() FROM (
              SELECT kind = 'reset' ? ts : toStartOfMinute(ts) + 60 AS end, countIf(kind = 'hard') AS hards, countIf(kind = 'reset') AS resets
              FROM tollgate.budget_events WHERE budget_id = 'minutes' GROUP BY end)
            WHERE hards != 1 OR resets > 1 OR (resets = 0 AND end < (SELECT max(ts) FROM tollgate.budget_events WHERE budget_id = 'minutes' AND kind = 'reset'))
            """));

        Task UntilAsync(string sql, string expected) => AskUntilAsync(sql, found => found == expected, static () => Task.CompletedTask);

        async Task AskUntilAsync(string sql, Func<string, bool> isRight, Func<Task> meanwhile)
        {
            var last = string.Empty;
            var started = System.Diagnostics.Stopwatch.GetTimestamp();
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
            while (!isRight(last = (await store.QueryAsync(sql)).Trim()))
            {
                Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(started) < Patience, $"Not within {Patience}: {sql}\nlast answer: {last}\n{gateway.Output}");
                await meanwhile();
                await timer.WaitForNextTickAsync(Cancellation);
            }
        }
    }

    private static async Task PostAsync(HttpClient admin, string path, object body)
    {
        using var answer = await admin.PostAsJsonAsync(path, body, Cancellation);
        Assert.True(answer.StatusCode == System.Net.HttpStatusCode.Created, await answer.Content.ReadAsStringAsync(Cancellation));
    }

    private static Task<string> VerbAsync(GatewayProcess gateway, params string[] arguments) =>
        GatewayProcess.RunVerbAsync(Cancellation, [.. arguments, "--url", gateway.AdminAddress, "--token", Token]);
}
