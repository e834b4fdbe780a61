using System.Text.Json;
using Tollgate.Demo.Dashboards;

namespace Tollgate.Demo.Tests;

/// <summary>What the ClickHouse dashboards ask, asked of the real store with the demo's month.</summary>
[Collection(nameof(HistoryStore))]
public sealed class DashboardQueryTests(HistoryStore store)
{
    private static readonly IReadOnlyList<Dashboard> Dashboards =
        [.. Dashboard.ReadAll(RepositoryRoot.File("deploy", "grafana")).Where(static dashboard => !dashboard.IsPrometheus)];

    private static readonly Dictionary<string, string> Nothing = [];

    // Nothing in order is missing or differs.
    private static readonly string[] Zeros = ["Rows missing", "Rollup differs by"];

    private static readonly Dictionary<string, string> Chosen = new() { ["team"] = "payments", ["project"] = "checkout", ["developer"] = "jonas", ["model"] = "claude-opus-5-5", ["tz"] = "Asia/Kolkata" };

    /// <summary>Every query of a panel.</summary>
    public static TheoryData<string, string, string> Queries { get; } =
        new(Dashboards.SelectMany(static dashboard => dashboard.Queries.Select(query => (dashboard.Name, query.Panel, query.RefId))));

    /// <summary>Every query of a variable.</summary>
    public static TheoryData<string, string> Variables { get; } = new(Dashboards.SelectMany(static dashboard => dashboard.Variables.Keys.Select(name => (dashboard.Name, name))));

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task Every_query_has_rows_that_say_something(string dashboard, string panel, string refId)
    {
        var rows = await AskAsync(dashboard, panel, refId, Nothing);
        Assert.NotEmpty(rows);
        Assert.Equal(!Zeros.Contains(panel), rows.SelectMany(static row => row.EnumerateArray()).Any(static cell => cell.ToString() is not ("" or "0" or "0.0" or "nan" or "1970-01-01")));
    }

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task Every_query_has_rows_when_something_is_chosen(string dashboard, string panel, string refId)
    {
        Assert.NotEmpty(await AskAsync(dashboard, panel, refId, Chosen));
    }

    [Theory]
    [MemberData(nameof(Variables))]
    public async Task Every_variable_has_values_and_no_empty_one(string dashboard, string name)
    {
        var (shown, macros) = Shown(dashboard, Nothing);
        var values = (await store.AskAsync(macros.Sql(shown.Variables[name], TimeSpan.Zero))).Split('\n');
        Assert.True(values.Length >= 4, string.Join(", ", values));
        Assert.DoesNotContain(string.Empty, values);
    }

    [Fact]
    public void There_are_three_dashboards_and_they_ask_each_view_but_those_of_prices()
    {
        // What another model would have cost is a question about one model, asked of the report or by hand.
        string[] notAsked = ["price_list", "what_if"];
        Assert.Equal(["clickhouse/gateway-health", "clickhouse/sessions-and-cache", "clickhouse/spend"], Dashboards.Select(static dashboard => dashboard.Name));
        var asked = string.Join('\n', Dashboards.SelectMany(static dashboard => dashboard.Queries).Select(static query => query.Text)) + "\n";
        Assert.All(HistoryInStoreTests.Views.Select(static view => view.Data.Split('(')[0]).Except(notAsked), view => Assert.Matches($@"FROM tollgate\.{view}[( ]", asked));
    }

    private static (Dashboard Dashboard, DashboardMacros Macros) Shown(string name, IReadOnlyDictionary<string, string> choices)
    {
        var dashboard = Dashboards.Single(dashboard => dashboard.Name == name);
        return (dashboard, new DashboardMacros(SampleHistory.End - dashboard.Length, SampleHistory.End, choices));
    }

    private async Task<List<JsonElement>> AskAsync(string name, string panel, string refId, IReadOnlyDictionary<string, string> choices)
    {
        var (dashboard, macros) = Shown(name, choices);
        var query = dashboard.Queries.Single(query => query.Panel == panel && query.RefId == refId);
        using var answer = JsonDocument.Parse(await store.AskAsync(macros.Sql(query.Text, macros.Step(query)) + "\nFORMAT JSONCompact"));
        return [.. answer.RootElement.GetProperty("data").Clone().EnumerateArray()];
    }
}
