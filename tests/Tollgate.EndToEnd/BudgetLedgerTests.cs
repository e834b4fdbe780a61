using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>What budgets say is what the ledger says, to the nano-dollar: through kills, restarts and changes of the configuration.</summary>
public sealed partial class BudgetLedgerTests
{
    // One for all changes of the configuration: a changed zone begins another window.
    private static readonly string Today = Daytime.Zone();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_budget_equals_the_ledger_after_every_restart_and_every_change()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        using var directory = new TemporaryDirectory();
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, configure: static configuration => SetBudgets(configuration, "day-5"), directory: directory);
        using var client = new MessageClient();
        var url = gateway.ProxyAddress + "/anthropic";
        for (var i = 0; i < 5; i++)
        {
            await client.CallAsync(url, Cancellation);
        }

        await AssertEqualAsync(gateway, 5, "day-5");

        // A budget of another window finds the past in the ledger, also what came a moment before.
        await client.CallAsync(url, Cancellation);
        await ReconfigureAsync(gateway, directory, "day-5", "lifetime-9", "5h-9");
        await AssertEqualAsync(gateway, 6, "day-5", "lifetime-9", "5h-9");
        await client.CallAsync(url, Cancellation);
        await AssertEqualAsync(gateway, 7, "day-5", "lifetime-9", "5h-9");

        // Killed in the middle of an answer, of which the ledger keeps an estimate.
        upstream.Script.Next(Reply.Text("never told to its end") with { Delivery = Delivery.StallAfter(4) });
        var cut = client.CallAsync(url, Cancellation);
        await upstream.WaitForRepliesAsync(8, Ledger.Patience);
        await gateway.KillAsync();
        await WhateverItsEndAsync(cut);
        await gateway.RestartAsync(cancellationToken: Cancellation);
        await AssertEqualAsync(gateway, 8, "day-5", "lifetime-9", "5h-9");
        await client.CallAsync(url, Cancellation);
        await AssertEqualAsync(gateway, 9, "day-5", "lifetime-9", "5h-9");

        // A changed limit starts nothing anew.
        await ReconfigureAsync(gateway, directory, "day-100", "lifetime-9");
        await AssertEqualAsync(gateway, 9, "day-100", "lifetime-9");
        Assert.Equal(0, await gateway.StopAsync());
        await gateway.RestartAsync(cancellationToken: Cancellation);
        await AssertEqualAsync(gateway, 9, "day-100", "lifetime-9");
    }

    [Fact]
    public async Task A_strict_budget_lets_nobody_in_until_the_ledger_has_said_what_was_spent()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        using var directory = new TemporaryDirectory();
        await using var gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl,
            configure: static configuration =>
            {
                SetBudgets(configuration, "day-9");
                configuration["budgets"]![0]!["mode"] = "strict";

                // A store that never answers.
                configuration["storage"]!["mode"] = "clickhouse";
                configuration["storage"]!["connectionString"] = $"Host=127.0.0.1;Port={LoopbackPort.Free()}";
            },
            directory: directory,
            until: GatewayProcess.Serving);
        using var client = new MessageClient();
        var answer = await client.CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation);
        Assert.Equal(503, answer.Status);
        Assert.Empty(upstream.MessageRequests);
    }

    /// <summary>Cut before its head, an answer is an exception; after it, one that broke off.</summary>
    private static Task WhateverItsEndAsync(Task answer) => answer.ContinueWith(static _ => { }, Cancellation, TaskContinuationOptions.None, TaskScheduler.Default);

    private static void SetBudgets(JsonObject configuration, params string[] budgets) => configuration["budgets"] = new JsonArray(
        [.. budgets.Select(static name => (JsonNode)new JsonObject
        {
            ["id"] = name[..name.IndexOf('-', StringComparison.Ordinal)],
            ["limitUsd"] = int.Parse(name[(name.IndexOf('-', StringComparison.Ordinal) + 1)..], CultureInfo.InvariantCulture),
            ["window"] = name[..name.IndexOf('-', StringComparison.Ordinal)],
            ["timeZone"] = name.StartsWith("day-", StringComparison.Ordinal) ? Today : "UTC",
        })]);

    private static async Task ReconfigureAsync(GatewayProcess gateway, TemporaryDirectory directory, params string[] budgets)
    {
        var file = Path.Combine(directory.Path, "tollgate.json");
        var configuration = (JsonObject)JsonNode.Parse(await File.ReadAllTextAsync(file, Cancellation))!;
        SetBudgets(configuration, budgets);
        await File.WriteAllTextAsync(file, configuration.ToJsonString(), Cancellation);
        var limits = budgets.Select(static name => $"name=\"{name[..name.IndexOf('-', StringComparison.Ordinal)]}\"").ToArray();
        await UntilAsync(gateway, metrics => limits.All(limit => Spent(metrics, "limit", limit) is not null) && Count(metrics) == budgets.Length);
    }

    private static async Task AssertEqualAsync(GatewayProcess gateway, int rows, params string[] budgets)
    {
        await gateway.RowsAsync("anthropic", rows, Cancellation);
        var sum = await gateway.QueryAsync("SELECT toString(toInt64(sum(cost) * 1000000000)) FROM tollgate.requests FINAL", Cancellation);
        var expected = long.Parse(sum, CultureInfo.InvariantCulture);
        Assert.NotEqual(0, expected);
        foreach (var budget in budgets)
        {
            var id = budget[..budget.IndexOf('-', StringComparison.Ordinal)];
            await UntilAsync(gateway, metrics => Spent(metrics, "spent", $"name=\"{id}\"") == expected && Spent(metrics, "held", $"name=\"{id}\"") == 0);
        }
    }

    private static async Task UntilAsync(GatewayProcess gateway, Func<string, bool> isSo)
    {
        using var late = new CancellationTokenSource(Ledger.Patience);
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        var metrics = string.Empty;
        while (!isSo(metrics = await gateway.MetricsAsync(Cancellation)))
        {
            Assert.False(late.IsCancellationRequested, string.Join('\n', metrics.Split('\n').Where(static line => line.Contains("budget_", StringComparison.Ordinal))));
            await tick.WaitForNextTickAsync(Cancellation);
        }
    }

    private static int Count(string metrics) => metrics.Split('\n').Count(static line => line.StartsWith("tollgate_budget_limit_usd{", StringComparison.Ordinal));

    private static long? Spent(string metrics, string what, string label)
    {
        foreach (Match line in Gauge().Matches(metrics))
        {
            if (line.Groups["what"].Value == what && line.Groups["labels"].Value.Contains(label, StringComparison.Ordinal))
            {
                return (long)Math.Round(decimal.Parse(line.Groups["value"].Value, NumberStyles.Float, CultureInfo.InvariantCulture) * 1_000_000_000m);
            }
        }

        return null;
    }

    [GeneratedRegex("^tollgate_budget_(?<what>limit|spent|held)_usd\\{(?<labels>[^}]*)\\} (?<value>[0-9.eE+-]+)$", RegexOptions.Multiline)]
    private static partial Regex Gauge();
}
