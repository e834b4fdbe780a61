using System.Text.Json;
using System.Text.RegularExpressions;

namespace Tollgate.Tests.Repository;

/// <summary>The Grafana dashboards in deploy/grafana are whole. What they ask is run by DashboardQueryTests and DashboardMetricsTests.</summary>
public sealed partial class DashboardTests
{
    private const string Folder = "deploy/grafana";

    private static readonly string[] Names = ["gateway-health", "sessions-and-cache", "spend"];

    private static readonly Dictionary<string, string> Plugins = new() { ["prometheus"] = "prometheus", ["clickhouse"] = "grafana-clickhouse-datasource" };

    private static readonly Dictionary<string, JsonElement> Dashboards = SourceTree.Files(Folder, "*.json").ToDictionary(
        static path => path,
        static path => JsonDocument.Parse(File.ReadAllText(Path.Combine(SourceTree.Root, path))).RootElement);

    [Fact]
    public void Each_data_source_has_the_same_three()
    {
        Assert.Equal(Plugins.Keys.Order().SelectMany(static set => Names.Select(name => $"{Folder}/{set}/{name}.json")), Dashboards.Keys);
    }

    [Fact]
    public void Uids_and_titles_are_there_once_and_short_enough_for_grafana()
    {
        Assert.Equal(Dashboards.Count, Dashboards.Values.Select(static dashboard => dashboard.GetProperty("uid").GetString()).Distinct().Count());
        Assert.Equal(Dashboards.Count, Dashboards.Values.Select(static dashboard => dashboard.GetProperty("title").GetString()).Distinct().Count());
        Assert.All(Dashboards.Values, static dashboard => Assert.Matches("^[a-z-]{1,40}$", dashboard.GetProperty("uid").GetString()));
    }

    [Fact]
    public void Every_dashboard_has_a_schema_a_time_range_a_refresh_and_variables() => Assert.All(Dashboards, static dashboard =>
    {
        Assert.True(dashboard.Value.GetProperty("schemaVersion").GetInt32() >= 39);
        Assert.Matches(@"^now-\d+[hd]$", dashboard.Value.GetProperty("time").GetProperty("from").GetString());
        Assert.Matches(@"^\d+[sm]$", dashboard.Value.GetProperty("refresh").GetString());
        var variables = dashboard.Value.GetProperty("templating").GetProperty("list").EnumerateArray().Select(static variable => variable.GetProperty("name").GetString()!).ToList();
        Assert.Equal("datasource", variables[0]);
        Assert.Empty(new[] { "team", "model" }.Except(variables));
        Assert.Equal(dashboard.Key.Contains("clickhouse", StringComparison.Ordinal), variables.Contains("developer"));
    });

    [Fact]
    public void Every_panel_has_a_number_of_its_own_and_a_place_that_no_other_takes() => Assert.All(Dashboards.Values, static dashboard =>
    {
        var panels = Panels(dashboard);
        Assert.Equal(panels.Count, panels.Select(static panel => panel.GetProperty("id").GetInt32()).Distinct().Count());
        Assert.Equal(panels.Count, panels.Select(static panel => panel.GetProperty("title").GetString()).Distinct().Count());
        var cells = panels.SelectMany(static panel => CellsOf(panel.GetProperty("gridPos"))).ToList();
        Assert.All(cells, static cell => Assert.InRange(cell.X, 0, 23));
        Assert.Equal(cells.Count, cells.Distinct().Count());
    });

    [Fact]
    public void Every_panel_says_what_it_shows_and_asks_the_chosen_data_source() => Assert.All(Dashboards, static dashboard => Assert.All(Panels(dashboard.Value), panel =>
    {
        Assert.NotEmpty(panel.GetProperty("title").GetString()!);
        Assert.EndsWith(".", panel.GetProperty("description").GetString(), StringComparison.Ordinal);
        var sources = panel.GetProperty("targets").EnumerateArray().Append(panel).Select(static part => part.GetProperty("datasource"));
        Assert.All(sources, source =>
        {
            Assert.Equal("${datasource}", source.GetProperty("uid").GetString());
            Assert.Equal(Plugins[dashboard.Key.Split('/')[2]], source.GetProperty("type").GetString());
        });
        Assert.NotEmpty(panel.GetProperty("targets").EnumerateArray());
    }));

    [Fact]
    public void Money_is_shown_as_dollars() => Assert.All(Dashboards.Values.SelectMany(Panels), static panel =>
    {
        var queries = Queries(panel).ToList();
        var money = queries.Any(static query => Money().IsMatch(query.Split("FROM")[0]));
        var config = panel.GetProperty("fieldConfig");
        var units = config.GetProperty("overrides").EnumerateArray().SelectMany(static part => part.GetProperty("properties").EnumerateArray()).Select(static part => part.GetProperty("value").GetString())
            .Append(config.GetProperty("defaults").TryGetProperty("unit", out var unit) ? unit.GetString() : null).ToList();
        Assert.True(!money || units.Contains("currencyUSD") || units.Contains("percentunit"), $"{panel.GetProperty("title")} shows money without a unit.");
    });

    [Fact]
    public void Every_variable_in_a_query_is_one_of_the_dashboards() => Assert.All(Dashboards.Values, static dashboard =>
    {
        var variables = dashboard.GetProperty("templating").GetProperty("list").EnumerateArray().Select(static variable => variable.GetProperty("name").GetString()!).ToHashSet();
        var used = Panels(dashboard).SelectMany(Queries).SelectMany(static query => Variable().Matches(query)).Select(static match => match.Groups[1].Value).ToHashSet();
        Assert.NotEmpty(used);
        Assert.Empty(used.Except(variables));
        Assert.Empty(variables.Except(used).Except(["datasource"]));
    });

    [Fact]
    public void Every_metric_in_a_query_exists_or_is_recorded()
    {
        var metrics = SourceTree.Lines("tests/Tollgate.Proxy.Tests/Approved/metrics.txt")
            .Where(static line => line.StartsWith("# TYPE ", StringComparison.Ordinal))
            .Select(static line => line.Split(' '))
            .SelectMany(static words => words[3] == "histogram" ? new[] { $"{words[2]}_bucket", $"{words[2]}_sum", $"{words[2]}_count" } : [words[2]])
            .Concat(SourceTree.Lines("deploy/prometheus/tollgate.rules.yml").Select(static line => Recorded().Match(line)).Where(static match => match.Success).Select(static match => match.Groups[1].Value))
            .ToHashSet();
        var used = Dashboards.Where(static dashboard => dashboard.Key.Contains("prometheus", StringComparison.Ordinal)).SelectMany(static dashboard => Panels(dashboard.Value)).SelectMany(Queries)
            .SelectMany(static query => Metric().Matches(query)).Select(static match => match.Value).ToHashSet();
        Assert.NotEmpty(used);
        Assert.Empty(used.Except(metrics));
    }

    private static List<JsonElement> Panels(JsonElement dashboard) => [.. dashboard.GetProperty("panels").EnumerateArray()];

    private static IEnumerable<string> Queries(JsonElement panel) => panel.GetProperty("targets").EnumerateArray()
        .Select(static target => (target.TryGetProperty("rawSql", out var sql) ? sql : target.GetProperty("expr")).GetString()!);

    private static IEnumerable<(int X, int Y)> CellsOf(JsonElement place) =>
        from x in Enumerable.Range(place.GetProperty("x").GetInt32(), place.GetProperty("w").GetInt32())
        from y in Enumerable.Range(place.GetProperty("y").GetInt32(), place.GetProperty("h").GetInt32())
        select (x, y);

    [GeneratedRegex(@"cost|_usd|spent|forecast|drift_|saved")]
    private static partial Regex Money();

    [GeneratedRegex(@"\$\{?((?!__)\w+)")]
    private static partial Regex Variable();

    [GeneratedRegex(@"\btollgate[_:][\w:]+")]
    private static partial Regex Metric();

    [GeneratedRegex(@"- record: (\S+)")]
    private static partial Regex Recorded();
}
