using System.Text.Json.Nodes;
using Tollgate.EndToEnd.Clients;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>The real CLI at a budget: it goes on while something is left, and stops with our sentence when nothing is.</summary>
public sealed class BudgetClientTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task At_its_limit_the_cli_asks_once_prints_the_sentence_and_stops()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl, embeddedStore: false, configure: static configuration => SetBudget(configuration, "0.05", "remaining"), cancellationToken: Cancellation);

        // Its request costs more than is left; so it is let in only while its own cost is a guess.
        var within = await RunAsync(gateway, "claude-haiku-4-5");
        Assert.False(within.IsError, within.Error);
        var before = upstream.MessageRequests.Count;

        var over = await RunAsync(gateway, "claude-opus-4-8");
        Assert.True(over.IsError);
        Assert.Contains("Budget \"team-day\" ", over.Text, StringComparison.Ordinal);
        Assert.Contains("Ask #ai-budget.", over.Text, StringComparison.Ordinal);
        Assert.Equal(before, upstream.MessageRequests.Count);
        var metrics = await gateway.MetricsAsync(Cancellation);
        Assert.Contains("tollgate_refused_requests_total{reason=\"budget\"} 1\n", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Past_a_soft_threshold_the_cli_goes_on()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl, embeddedStore: false, configure: static configuration => SetBudget(configuration, "0.5", "unified"), cancellationToken: Cancellation);
        for (var i = 0; i < 2; i++)
        {
            var run = await RunAsync(gateway, "claude-opus-4-8");
            Assert.False(run.IsError, run.Text);
        }

        Assert.Contains("Budget team-day of  has reached 10 %", gateway.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Under_a_strict_budget_the_cli_works_as_long_as_the_most_that_it_may_cost_fits()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl,
            embeddedStore: false,
            configure: static configuration =>
            {
                SetBudget(configuration, "6", "remaining");
                configuration["budgets"]![0]!["mode"] = "strict";
            },
            cancellationToken: Cancellation);
        var run = await RunAsync(gateway, "claude-opus-4-8");
        Assert.False(run.IsError, run.Text);
    }

    private static void SetBudget(JsonObject configuration, string limit, string headers)
    {
        configuration["budgets"] = new JsonArray(new JsonObject
        {
            ["id"] = "team-day",
            ["limitUsd"] = JsonNode.Parse(limit),
            ["window"] = "day",
            ["timeZone"] = Daytime.Zone(),
            ["thresholds"] = new JsonArray(10),
            ["contact"] = "#ai-budget",
        });
        configuration["admission"] = new JsonObject { ["headers"] = headers };
    }

    private static Task<ClaudeResult> RunAsync(GatewayProcess gateway, string model) => ClaudeCode.RunAsync(
        new ClaudeRun { BaseUrl = gateway.ProxyAddress + "/anthropic", Prompts = ["say hi"], Model = model }, Cancellation);
}
