using System.Globalization;

namespace Tollgate.ClickHouse.Spend;

/// <summary>The SQL of the reports.</summary>
/// <remarks>
/// Every column is read as t.name: an alias of the same name would otherwise be taken in its place.
/// What came before <c>split</c> is read from the money rollup, the rest from the rows and the folds: so a report has a row as soon as the ledger has it.
/// </remarks>
internal static class ReportStatements
{
    // What the store's Date and DateTime can hold.
    private static readonly DateOnly FirstDay = new(1970, 1, 1);
    private static readonly DateOnly LastDay = new(2149, 6, 6);
    private const long LastSecond = uint.MaxValue;

    private const string Sums = """
        sum(p.requests) AS requests, sum(p.input_tokens) AS input_tokens, sum(p.output_tokens) AS output_tokens, sum(p.cache_read_tokens) AS cache_read_tokens,
          sum(p.cache_w5m_tokens) AS cache_w5m_tokens, sum(p.cache_w1h_tokens) AS cache_w1h_tokens, toString(toInt128(sum(p.cost) * 1000000000)) AS nanodollars
        """;

    /// <summary>Lines by key and model: key, model, then the figures.</summary>
    public static string Lines(ReportKey key, ReportScope scope) => $$"""
        SELECT p.key, p.model, {{Sums}}
        FROM (
        {{Parts(scope, (table, moment) => $"{Key(key, scope, table, moment)} AS key, toString({table}.model) AS model", "key, model")}}) AS p
        GROUP BY p.key, p.model HAVING requests > 0
        """;

    /// <summary>Lines by key and local day: key, day, nano-dollars.</summary>
    public static string Days(ReportKey key, ReportScope scope) => $$"""
        SELECT p.key, p.day, toString(toInt128(sum(p.cost) * 1000000000))
        FROM (
        {{Parts(scope, (table, moment) => $"{Key(key, scope, table, moment)} AS key, toString({Day(moment)}) AS day", "key, day")}}) AS p
        GROUP BY p.key, p.day HAVING sum(p.requests) > 0
        """;

    /// <summary>Sessions by model, from the rows alone: key, model, the figures, then developer, project, first and last in ms, clients. Folds have no session.</summary>
    public static string Sessions(ReportScope scope) => $$"""
        SELECT p.key, p.model, {{Sums}}, argMax(p.developer, p.last), argMax(p.project, p.last), min(p.first), max(p.last), arraySort(groupUniqArrayArray(p.clients))
        FROM (
          SELECT toString(r.session_id) AS key, toString(r.model) AS model, {{RowSums}},
            toString(argMax(r.developer, r.ts)) AS developer, toString(argMax(r.project, r.ts)) AS project,
            min(toUnixTimestamp64Milli(r.ts)) AS first, max(toUnixTimestamp64Milli(r.ts)) AS last, groupUniqArrayIf(toString(r.client), r.client != '') AS clients
          FROM tollgate.requests AS r FINAL WHERE {{Within("r", "r.ts", scope)}} GROUP BY key, model
          UNION ALL
          SELECT '' AS key, toString(s.model) AS model, {{SlotSums("s")}}, '' AS developer, '' AS project,
            toInt64(toUnixTimestamp(min(s.slot))) * 1000 AS first, toInt64(toUnixTimestamp(max(s.slot))) * 1000 AS last, [] AS clients
          FROM tollgate.usage_folded AS s FINAL WHERE {{Within("s", "s.slot", scope)}} GROUP BY key, model) AS p
        GROUP BY p.key, p.model HAVING requests > 0
        """;

    /// <summary>Attempts that used something, added up by hour of UTC and model: model, the figures, first and last in ms.</summary>
    /// <remarks>What is on the very stroke of an hour stands apart: it may still belong to the block that ends there. A fold counts as at the middle of its quarter.</remarks>
    public static string Hours(ReportScope scope) => $$"""
        SELECT p.model, {{Sums}}, min(p.ms) AS first, max(p.ms) AS last
        FROM (
          SELECT toUnixTimestamp64Milli(r.ts) AS ms, toString(r.model) AS model, toUInt64(1) AS requests, toUInt64(r.input_tokens) AS input_tokens,
            toUInt64(r.output_tokens) AS output_tokens, toUInt64(r.cache_read_tokens) AS cache_read_tokens, toUInt64(r.cache_w5m_tokens) AS cache_w5m_tokens,
            toUInt64(r.cache_w1h_tokens) AS cache_w1h_tokens, toDecimal128(r.cost, 9) AS cost
          FROM tollgate.requests AS r FINAL WHERE r.ts >= toDateTime64({begin:Int64}, 3, 'UTC') AND {{IsUse("r")}}{{Filters("r", scope)}}
          UNION ALL
          SELECT (toInt64(toUnixTimestamp(s.slot)) + 450) * 1000 AS ms, toString(s.model) AS model, s.requests AS requests, s.input_tokens AS input_tokens,
            s.output_tokens AS output_tokens, s.cache_read_tokens AS cache_read_tokens, s.cache_w5m_tokens AS cache_w5m_tokens,
            s.cache_w1h_tokens AS cache_w1h_tokens, toDecimal128(s.cost, 9) AS cost
          FROM tollgate.usage_folded AS s FINAL WHERE s.slot >= toDateTime({begin:Int64}, 'UTC') AND {{IsUse("s")}}{{Filters("s", scope)}}) AS p
        GROUP BY intDiv(p.ms, 3600000), p.ms % 3600000 = 0, p.model
        ORDER BY first, p.model
        """;

    /// <summary>
    /// The newest slot before <c>before</c> (Unix seconds) that comes more than five hours after the use before it: no block reaches over such a gap.
    /// 0 when there is none.
    /// </summary>
    /// <remarks>A use is less than 15 minutes after its slot's beginning, so 5 h 15 min between two slots are more than 5 h between any two uses.</remarks>
    public static string BlockAnchor(ReportScope scope) => $$"""
        SELECT toInt64(toUnixTimestamp(max(g.slot))) FROM (
          SELECT d.slot AS slot, lagInFrame(d.slot, 1, toDateTime(0, 'UTC')) OVER (ORDER BY d.slot ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS previous
          FROM (
            SELECT DISTINCT u.slot AS slot FROM tollgate.usage_15m AS u
            WHERE u.slot < toDateTime({before:Int64}, 'UTC') AND {{IsUse("u")}}{{Filters("u", scope)}}) AS d) AS g
        WHERE g.slot - g.previous >= 18900
        """;

    /// <summary>What requests of each name would have cost at the prices of <c>other</c>: key, requests, those left out, then nano-dollars: cost, of that fast, what-if.</summary>
    public static string WhatIf(ReportKey key, ReportScope scope) => $$"""
        SELECT {{Key(key, scope, "w", string.Empty)}} AS key, toUInt64(sum(w.requests)), toUInt64(sum(w.requests_left_out)), toString(toInt128(sum(w.cost) * 1000000000)),
          toString(toInt128(sum(w.cost_fast) * 1000000000)), toString(toInt128(sum(w.what_if) * 1000000000))
        FROM tollgate.what_if(tz = {tz:String}, since = {since:Date}, until = {until:Date}, model = {other:String}) AS w WHERE true{{Filters("w", scope)}}
        GROUP BY key
        """;

    /// <summary>The models that the price list in force has a price for.</summary>
    public const string PricedModels = "SELECT DISTINCT toString(p.model) FROM tollgate.price_list AS p";

    /// <summary>The parameters of a scope, for any of the statements.</summary>
    public static Dictionary<string, object> Parameters(ReportScope scope, DateTimeOffset split)
    {
        var since = Clamp(scope.Since ?? FirstDay);
        var until = Clamp(scope.Until ?? LastDay);

        // A local day begins at most 14 hours before, and ends at most 12 hours after, the day of UTC of the same name.
        var parameters = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["tz"] = scope.TimeZone,
            ["since"] = since.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            ["until"] = until.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            ["from"] = Math.Max(Seconds(since) - 86_400, 0),
            ["to"] = Math.Min(Seconds(until) + (2 * 86_400), LastSecond),
            ["split"] = split.ToUnixTimeSeconds(),
            ["week"] = ((int)scope.WeekStart + 6) % 7,
        };
        foreach (var (column, names) in Columns(scope))
        {
            for (var i = 0; i < names.Count; i++)
            {
                parameters[$"{column}{i}"] = IsPattern(names[i]) ? ToLike(names[i]) : names[i];
            }
        }

        return parameters;
    }

    private const string RowSums = """
        toUInt64(count()) AS requests, sum(toUInt64(r.input_tokens)) AS input_tokens, sum(toUInt64(r.output_tokens)) AS output_tokens,
            sum(toUInt64(r.cache_read_tokens)) AS cache_read_tokens, sum(toUInt64(r.cache_w5m_tokens)) AS cache_w5m_tokens,
            sum(toUInt64(r.cache_w1h_tokens)) AS cache_w1h_tokens, sum(r.cost) AS cost
        """;

    private static string SlotSums(string table) => $"""
        sum({table}.requests) AS requests, sum({table}.input_tokens) AS input_tokens, sum({table}.output_tokens) AS output_tokens,
            sum({table}.cache_read_tokens) AS cache_read_tokens, sum({table}.cache_w5m_tokens) AS cache_w5m_tokens,
            sum({table}.cache_w1h_tokens) AS cache_w1h_tokens, sum({table}.cost) AS cost
        """;

    private static string Parts(ReportScope scope, Func<string, string, string> select, string by) => $$"""
          SELECT {{select("r", "r.ts")}}, {{RowSums}}
          FROM tollgate.requests AS r FINAL WHERE r.ts >= toDateTime64({split:Int64}, 3, 'UTC') AND {{Within("r", "r.ts", scope)}} GROUP BY {{by}}
          UNION ALL
          SELECT {{select("s", "s.slot")}}, {{SlotSums("s")}}
          FROM tollgate.usage_folded AS s FINAL WHERE s.slot >= toDateTime({split:Int64}, 'UTC') AND {{Within("s", "s.slot", scope)}} GROUP BY {{by}}
          UNION ALL
          SELECT {{select("u", "u.slot")}}, {{SlotSums("u")}}
          FROM tollgate.usage_15m AS u WHERE u.slot < toDateTime({split:Int64}, 'UTC') AND {{Within("u", "u.slot", scope)}} GROUP BY {{by}}
        """;

    private static string Key(ReportKey key, ReportScope scope, string table, string moment) => key switch
    {
        ReportKey.Day => $"toString({Day(moment)})",
        ReportKey.Week => $"toString({Day(moment)} - (toDayOfWeek({Day(moment)}) + 6 - {{week:Int32}}) % 7)",
        ReportKey.Month => $"substring(toString({Day(moment)}), 1, 7)",
        ReportKey.Developer => $"toString({table}.developer)",
        ReportKey.Team => $"toString({table}.team)",
        ReportKey.Project => $"toString({table}.project)",
        ReportKey.Model => $"toString({table}.model)",
        _ => throw new ArgumentOutOfRangeException(nameof(key), key, "Sessions have a statement of their own."),
    };

    private static string Day(string moment) => $"toDate(toTimeZone({moment}, {{tz:String}}))";

    // The seconds are for the primary key; the days decide.
    private static string Within(string table, string moment, ReportScope scope) =>
        $"{moment} >= toDateTime({{from:Int64}}, 'UTC') AND {moment} < toDateTime({{to:Int64}}, 'UTC') AND {Day(moment)} BETWEEN {{since:Date}} AND {{until:Date}}{Filters(table, scope)}";

    private static string IsUse(string table) =>
        $"({table}.input_tokens + {table}.output_tokens + {table}.cache_read_tokens + {table}.cache_w5m_tokens + {table}.cache_w1h_tokens > 0 OR {table}.cost > 0)";

    private static string Filters(string table, ReportScope scope) => string.Concat(Columns(scope).Where(static filter => filter.Names.Count > 0).Select(filter =>
        $" AND ({string.Join(" OR ", filter.Names.Select((name, i) => $"{table}.{filter.Column} {(IsPattern(name) ? "LIKE" : "=")} {{{filter.Column}{i}:String}}"))})"));

    private static IEnumerable<(string Column, IReadOnlyList<string> Names)> Columns(ReportScope scope) =>
        [("developer", scope.Developers), ("team", scope.Teams), ("project", scope.Projects), ("model", scope.Models)];

    private static bool IsPattern(string name) => name.Contains('*', StringComparison.Ordinal);

    private static string ToLike(string name) => name
        .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)
        .Replace('*', '%');

    private static DateOnly Clamp(DateOnly day) => day < FirstDay ? FirstDay : day > LastDay ? LastDay : day;

    private static long Seconds(DateOnly day) => new DateTimeOffset(day, TimeOnly.MinValue, TimeSpan.Zero).ToUnixTimeSeconds();
}
