using System.Globalization;
using System.Text.RegularExpressions;

namespace Tollgate.Demo.Dashboards;

/// <summary>Puts a time range and choices in the place of what Grafana and its ClickHouse plugin call macros and variables; those that the dashboards use, no others.</summary>
/// <param name="from">Where the time range begins.</param>
/// <param name="to">Where it ends.</param>
/// <param name="choices">Chosen values by variable; a variable that is not among them is at All.</param>
internal sealed partial class DashboardMacros(DateTimeOffset from, DateTimeOffset to, IReadOnlyDictionary<string, string> choices)
{
    private static readonly int[] NiceSeconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

    /// <summary>The step between the points of a query, as Grafana chooses it: the range by the most points, rounded up.</summary>
    public TimeSpan Step(DashboardQuery query)
    {
        var least = Math.Max((to - from).TotalSeconds / query.MaxPoints, query.MinInterval.TotalSeconds);
        return TimeSpan.FromSeconds(NiceSeconds.FirstOrDefault(seconds => seconds >= least, NiceSeconds[^1]));
    }

    /// <summary>SQL that a store understands.</summary>
    public string Sql(string text, TimeSpan step)
    {
        var sql = ConditionalAll().Replace(text, match => choices.ContainsKey(match.Groups["variable"].Value) ? match.Groups["condition"].Value : "1=1");
        sql = TimeFilter().Replace(sql, match => $"{match.Groups[1].Value} >= toDateTime({Unix(from)}) AND {match.Groups[1].Value} <= toDateTime({Unix(to)})");
        sql = TimeInterval().Replace(sql, match => string.Create(CultureInfo.InvariantCulture, $"toStartOfInterval(toDateTime({match.Groups[1].Value}), INTERVAL {step.TotalSeconds} second)"));
        sql = Quoted().Replace(sql, match => $"'{choices[match.Groups[1].Value]}'");
        return WithoutRest(sql.Replace("${__from:date:YYYY-MM-DD}", Day(from), StringComparison.Ordinal)
            .Replace("${__to:date:YYYY-MM-DD}", Day(to), StringComparison.Ordinal)
            .Replace("${__to:date:seconds}", Unix(to), StringComparison.Ordinal)
            .Replace("${tz}", choices.GetValueOrDefault("tz", "UTC"), StringComparison.Ordinal));
    }

    /// <summary>PromQL that a Prometheus understands.</summary>
    public string PromQl(string text, TimeSpan rateInterval)
    {
        var query = text.Replace("$__rate_interval", Seconds(rateInterval), StringComparison.Ordinal).Replace("$__range", Seconds(to - from), StringComparison.Ordinal);
        return WithoutRest(Matched().Replace(query, match => $"=~\"{Regex.Escape(choices.GetValueOrDefault(match.Groups[1].Value, string.Empty)) switch { "" => ".*", var one => one.Replace(@"\", @"\\", StringComparison.Ordinal) }}\""));
    }

    private static string WithoutRest(string text) => text.Contains('$', StringComparison.Ordinal)
        ? throw new FormatException($"A macro or variable that is not known here is left: {text[text.IndexOf('$', StringComparison.Ordinal)..]}")
        : text;

    private static string Unix(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    private static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Seconds(TimeSpan span) => string.Create(CultureInfo.InvariantCulture, $"{(long)span.TotalSeconds}s");

    [GeneratedRegex(@"\$__conditionalAll\((?<condition>.+?), \$(?<variable>\w+)\)")]
    private static partial Regex ConditionalAll();

    [GeneratedRegex(@"\$__timeFilter\(([\w.]+)\)")]
    private static partial Regex TimeFilter();

    [GeneratedRegex(@"\$__timeInterval\(([\w.]+)\)")]
    private static partial Regex TimeInterval();

    [GeneratedRegex(@"\$\{(\w+):singlequote\}")]
    private static partial Regex Quoted();

    [GeneratedRegex("=~\"\\$(\\w+)\"")]
    private static partial Regex Matched();
}
