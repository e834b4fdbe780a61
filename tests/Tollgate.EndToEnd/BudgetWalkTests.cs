using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>What a team lead does with a new gateway, by the commands of docs/budgets.md alone: a team, two keys, a budget, spend until it bites.</summary>
public sealed class BudgetWalkTests
{
    private const string Token = "walk-admin-token-0123456789";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_team_with_two_keys_spends_its_daily_budget_and_rest_cli_metrics_and_sql_agree_to_the_last_digit()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, configure: static configuration => configuration["admin"]!["token"] = Token);
        using var admin = new HttpClient { BaseAddress = new Uri(gateway.AdminAddress), DefaultRequestHeaders = { Authorization = new("Bearer", Token) } };
        using (var team = await admin.PostAsJsonAsync("/api/teams", new { id = "search" }, Cancellation))
        {
            Assert.Equal(System.Net.HttpStatusCode.Created, team.StatusCode);
        }

        var alice = await MakeKeyAsync(gateway, "alice");
        var bob = await MakeKeyAsync(gateway, "bob");
        await VerbAsync(gateway, "budgets", "set", "search-daily", "--scope", "team", "--value", "search", "--limit-usd", "5.00", "--window", "day", "--time-zone", Daytime.Zone(), "--contact", "#ai-budget");

        // In force at once, and a pass for one is a pass for the other until the team has nothing left.
        var answers = new List<int>();
        using var first = new MessageClient(alice);
        using var second = new MessageClient(bob);
        while (answers.Count < 500 && (answers.Count == 0 || answers[^1] == 200))
        {
            answers.Add((await (answers.Count % 2 == 0 ? first : second).CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation)).Status);
        }

        Assert.Equal(429, answers[^1]);
        Assert.InRange(answers.Count, 10, 100);
        await gateway.RowsAsync("anthropic", answers.Count, Cancellation);

        var sql = decimal.Parse(await gateway.QueryAsync("SELECT sum(cost) FROM tollgate.requests FINAL WHERE team = 'search'", Cancellation), CultureInfo.InvariantCulture);
        Assert.InRange(sql, 4.9m, 5.2m);
        await Until.TrueAsync(() => Metric(gateway, "held").Result == 0m, Ledger.Patience, "nothing is held", Cancellation);
        var rest = (await admin.GetFromJsonAsync<JsonNode>("/api/budgets/state", Cancellation))!["data"]!.AsArray().Single()!;
        Assert.Equal(sql, decimal.Parse(rest["spentUsd"]!.GetValue<string>(), CultureInfo.InvariantCulture));
        var cli = JsonNode.Parse(await VerbAsync(gateway, "budgets", "state", "--json"))!.AsArray().Single()!;
        Assert.Equal(sql, decimal.Parse(cli["spentUsd"]!.GetValue<string>(), CultureInfo.InvariantCulture));
        Assert.Equal(sql, await Metric(gateway, "spent"));

        using var own = new HttpClient { BaseAddress = new Uri(gateway.AdminAddress), DefaultRequestHeaders = { Authorization = new("Bearer", alice) } };
        var me = await own.GetStringAsync(new Uri("/api/me", UriKind.Relative), Cancellation);
        Assert.Contains("search-daily", me, StringComparison.Ordinal);
        Assert.Contains(rest["spentUsd"]!.GetValue<string>(), me, StringComparison.Ordinal);

        // A raise lets them go on; all of it survives a restart.
        await VerbAsync(gateway, "budgets", "raise", "search-daily", "--usd", "1.00", "--days", "1");
        Assert.Equal(200, (await first.CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation)).Status);
        await gateway.RowsAsync("anthropic", answers.Count + 1, Cancellation);
        await gateway.KillAsync();
        await gateway.RestartAsync(cancellationToken: Cancellation);
        var now = decimal.Parse(await gateway.QueryAsync("SELECT sum(cost) FROM tollgate.requests FINAL WHERE team = 'search'", Cancellation), CultureInfo.InvariantCulture);
        await Until.TrueAsync(() => Metric(gateway, "spent").Result == now, Ledger.Patience, "the budget is what the ledger says", Cancellation);
        Assert.Equal(6m, await Metric(gateway, "limit"));

        // A key that is revoked is refused with the next request.
        using var stillThere = new MessageClient(alice);
        Assert.Equal(200, (await stillThere.CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation)).Status);
        await VerbAsync(gateway, "keys", "revoke", alice.Split('_')[1]);
        Assert.Equal(401, (await stillThere.CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation)).Status);
        Assert.DoesNotContain(alice, gateway.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Token, gateway.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_providers_key_that_is_given_to_the_admin_api_is_used_and_shown_to_nobody()
    {
        const string Secret = "sk-ant-api03-given-to-the-admin-api";
        await using var upstream = await FakeUpstream.StartAsync();
        using var directory = new TemporaryDirectory();
        await using var gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl, embeddedStore: false, configure: static configuration => configuration["admin"]!["token"] = Token, directory: directory);
        using var admin = new HttpClient { BaseAddress = new Uri(gateway.AdminAddress), DefaultRequestHeaders = { Authorization = new("Bearer", Token) } };
        using var made = await admin.PostAsJsonAsync("/api/provider-keys", new { id = "main", upstream = "anthropic", secret = Secret }, Cancellation);
        Assert.Equal(System.Net.HttpStatusCode.Created, made.StatusCode);
        using var client = new MessageClient();
        Assert.Equal(200, (await client.CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation)).Status);

        Assert.Equal(Secret, Assert.Single(upstream.MessageRequests).Header("x-api-key"));
        foreach (var shown in new[] { await made.Content.ReadAsStringAsync(Cancellation), await admin.GetStringAsync(new Uri("/api/provider-keys", UriKind.Relative), Cancellation), await admin.GetStringAsync(new Uri("/api/audit", UriKind.Relative), Cancellation), await gateway.MetricsAsync(Cancellation), gateway.Output })
        {
            Assert.DoesNotContain(Secret, shown, StringComparison.Ordinal);
        }

        Assert.Equal(0, await gateway.StopAsync());
        foreach (var file in Directory.EnumerateFiles(directory.Path, "*", SearchOption.AllDirectories))
        {
            Assert.False((await File.ReadAllBytesAsync(file, Cancellation)).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(Secret)) >= 0, file);
        }
    }

    private static async Task<string> MakeKeyAsync(GatewayProcess gateway, string developer)
    {
        var made = JsonNode.Parse(await VerbAsync(gateway, "keys", "create", "--developer", developer, "--team", "search", "--json"))!;
        return made["key"]!.GetValue<string>();
    }

    private static Task<string> VerbAsync(GatewayProcess gateway, params string[] arguments) =>
        GatewayProcess.RunVerbAsync(Cancellation, [.. arguments, "--url", gateway.AdminAddress, "--token", Token]);

    private static async Task<decimal> Metric(GatewayProcess gateway, string what)
    {
        var line = (await gateway.MetricsAsync(Cancellation)).Split('\n').Single(line => line.StartsWith($"tollgate_budget_{what}_usd{{", StringComparison.Ordinal));
        return Math.Round(decimal.Parse(line[(line.LastIndexOf(' ') + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture), 9);
    }
}
