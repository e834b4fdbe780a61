using System.Globalization;
using System.Text.Json;

namespace Tollgate.Demo.Dashboards;

/// <summary>A Grafana dashboard's file, as far as its queries go.</summary>
/// <param name="Name">The file's name without its ending, below its folder: <c>clickhouse/spend</c>.</param>
/// <param name="IsPrometheus">Whether its queries are PromQL; else they are SQL.</param>
/// <param name="Length">The time range that it opens with.</param>
/// <param name="Queries">The queries of its panels.</param>
/// <param name="Variables">Queries that fill its variables, by name.</param>
internal sealed record Dashboard(string Name, bool IsPrometheus, TimeSpan Length, IReadOnlyList<DashboardQuery> Queries, IReadOnlyDictionary<string, string> Variables)
{
    /// <summary>Reads every dashboard in a folder's folders.</summary>
    public static IReadOnlyList<Dashboard> ReadAll(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(Read)];

    /// <summary>A span in Grafana's notation: <c>30d</c>, <c>6h</c>, <c>15m</c>, <c>30s</c>.</summary>
    public static TimeSpan Span(string text) => int.Parse(text[..^1], CultureInfo.InvariantCulture) * text[^1] switch
    {
        'd' => TimeSpan.FromDays(1),
        'h' => TimeSpan.FromHours(1),
        'm' => TimeSpan.FromMinutes(1),
        's' => TimeSpan.FromSeconds(1),
        _ => throw new FormatException($"{text} is no span of time; give a number and d, h, m or s."),
    };

    private static Dashboard Read(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        var root = document.RootElement;
        var set = Path.GetFileName(Path.GetDirectoryName(path)!);
        var queries = from panel in root.GetProperty("panels").EnumerateArray()
                      from target in panel.GetProperty("targets").EnumerateArray()
                      select QueryOf(panel, target);
        var variables = root.GetProperty("templating").GetProperty("list").EnumerateArray()
            .Where(static variable => variable.GetProperty("type").GetString() == "query")
            .ToDictionary(static variable => variable.GetProperty("name").GetString()!, static variable => variable.GetProperty("definition").GetString()!);
        return new(
            $"{set}/{Path.GetFileNameWithoutExtension(path)}",
            set == "prometheus",
            Span(root.GetProperty("time").GetProperty("from").GetString()!["now-".Length..]),
            [.. queries],
            variables);
    }

    private static DashboardQuery QueryOf(JsonElement panel, JsonElement target)
    {
        var sql = target.TryGetProperty("rawSql", out var text);
        return new(
            panel.GetProperty("id").GetInt32(),
            panel.GetProperty("title").GetString()!,
            target.GetProperty("refId").GetString()!,
            (sql ? text : target.GetProperty("expr")).GetString()!,
            sql ? target.GetProperty("queryType").GetString() == "timeseries" : target.TryGetProperty("range", out var range) && range.GetBoolean(),
            panel.TryGetProperty("interval", out var interval) ? Span(interval.GetString()!) : TimeSpan.FromSeconds(1),
            panel.TryGetProperty("maxDataPoints", out var points) ? points.GetInt32() : 100);
    }
}
