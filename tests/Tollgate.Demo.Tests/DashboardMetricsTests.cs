using System.Text.RegularExpressions;
using Tollgate.Demo.Dashboards;

namespace Tollgate.Demo.Tests;

/// <summary>What the Prometheus dashboards ask, asked of a real Prometheus that scrapes the demo's gateway.</summary>
public sealed partial class DashboardMetricsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);
    private static readonly Dictionary<string, string> Nothing = [];

    private static readonly IReadOnlyList<Dashboard> Dashboards =
        [.. Dashboard.ReadAll(RepositoryRoot.File("deploy", "grafana")).Where(static dashboard => dashboard.IsPrometheus)];

    /// <summary>Queries that seconds of traffic cannot answer, and why; they are only held to be understood.</summary>
    private static readonly Dictionary<string, string> Unanswered = new()
    {
        ["Rows missing A"] = "a gateway audits its ledger for the first time a minute after its start",
        ["Rollup differs by A"] = "a gateway audits its ledger for the first time a minute after its start",
        ["Spend an hour against a week before B"] = "there is no week before",
    };

    [Fact]
    public async Task Every_query_returns_series_of_the_running_demo()
    {
        Assert.Equal(["prometheus/gateway-health", "prometheus/sessions-and-cache", "prometheus/spend"], Dashboards.Select(static dashboard => dashboard.Name));
        using var home = new TemporaryDirectory();
        await using var demo = new DemoProcess(home.Subdirectory("demo"));
        await demo.UntilPrintedAsync("It is stopped by Ctrl-C");
        await using var prometheus = await PrometheusProcess.StartAsync(home.Subdirectory("prometheus"), new Uri(Metrics().Match(demo.Output).Groups[1].Value));

        var waiting = Dashboards.SelectMany(static dashboard => dashboard.Queries.Select(query => (dashboard.Name, Query: query))).ToList();
        Assert.Equal(Unanswered.Keys, waiting.Select(static one => $"{one.Query.Panel} {one.Query.RefId}").Intersect(Unanswered.Keys));
        using var tick = new PeriodicTimer(TimeSpan.FromSeconds(1));
        using var late = new CancellationTokenSource(Patience);
        try
        {
            while (waiting.Count > 0)
            {
                await tick.WaitForNextTickAsync(late.Token);
                waiting = await StillWithoutAsync(prometheus, waiting);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"No series after {Patience.TotalSeconds} s:\n{string.Join('\n', waiting.Select(static one => $"{one.Name}, {one.Query.Panel} {one.Query.RefId}: {one.Query.Text}"))}\n{prometheus.Output}");
        }

        foreach (var variable in Dashboards.SelectMany(static dashboard => dashboard.Variables.Values).Distinct())
        {
            var parts = LabelValues().Match(variable);
            Assert.True(await prometheus.CountLabelValuesAsync(parts.Groups[1].Value, parts.Groups[2].Value) > 0, variable);
        }

        await demo.SignalAsync("INT");
        Assert.True(await demo.WaitForExitAsync() == 0, demo.Output);
    }

    private static async Task<List<(string Name, DashboardQuery Query)>> StillWithoutAsync(PrometheusProcess prometheus, List<(string Name, DashboardQuery Query)> waiting)
    {
        var now = TimeProvider.System.GetUtcNow();
        var macros = new DashboardMacros(now - (3 * Window), now, Nothing);
        var left = new List<(string Name, DashboardQuery Query)>();
        foreach (var one in waiting)
        {
            var values = await prometheus.AskAsync(macros.PromQl(one.Query.Text, Window), now, one.Query.IsRange ? Window : null);
            if (!values.Any(double.IsFinite) && !Unanswered.ContainsKey($"{one.Query.Panel} {one.Query.RefId}"))
            {
                left.Add(one);
            }
        }

        return left;
    }

    [GeneratedRegex(@"metrics +(http://\S+)/metrics")]
    private static partial Regex Metrics();

    [GeneratedRegex(@"^label_values\((\w+), (\w+)\)$")]
    private static partial Regex LabelValues();
}
