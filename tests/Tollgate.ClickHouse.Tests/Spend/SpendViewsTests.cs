using System.Globalization;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests.Spend;

/// <summary>Each view's figures against the same figures computed from the rows in C#; money to the last digit.</summary>
[Collection(nameof(LedgerStore))]
public sealed class SpendViewsTests(LedgerStore store) : IClassFixture<SpendStore>
{
    private static readonly DateOnly Since = new(2026, 10, 20);
    private static readonly DateOnly Until = new(2026, 11, 8);

    // Rounded by the store: half a unit of its last digit, and what floating point adds.
    private const double Tolerance = 0.0501;

    /// <summary>Without an offset, with a half-hour offset, and two whose clocks go back within the range.</summary>
    public static TheoryData<string> Zones { get; } = ["UTC", "Asia/Kolkata", "America/New_York", "Europe/Berlin"];

    [Theory]
    [MemberData(nameof(Zones))]
    public async Task Sums_by_any_key_equal_those_of_the_rows(string zone)
    {
        var rows = Within(zone, Since, Until);
        var days = rows.GroupBy(row => Day(row, zone)).OrderBy(static group => group.Key).ToArray();
        Assert.Equal(
            days.Select((group, i) => Line(
                group.Key, group.Select(static row => row.Developer).Distinct().Count(), group.Count(), group.Count(IsError), group.Sum(static row => row.Tokens.Input),
                group.Sum(static row => row.Tokens.Output), group.Sum(static row => row.Tokens.CacheRead), group.Sum(static row => row.Tokens.CacheWrite5m + row.Tokens.CacheWrite1h),
                Sum(group), Sum(group) - Sum(days[Math.Max(i - 1, 0)]))),
            await AskAsync("spend_by_day", zone, "day, developers, requests, errors, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost, change"));

        Assert.Equal(
            rows.GroupBy(static row => (row.Team, row.Project, row.Model)).OrderByDescending(Sum).ThenBy(static group => group.Key)
                .Select(static group => Line(group.Key.Team, group.Key.Project, group.Key.Model, group.Count(), Sum(group))),
            await AskAsync("spend_by_team_project_model", zone, "team, project, model, requests, cost"));

        Assert.Equal(
            rows.GroupBy(static row => row.SessionId).OrderByDescending(Sum).ThenBy(static group => group.Key, StringComparer.Ordinal).Select(static group => Line(
                group.Key, group.Last().Developer, group.Count(), group.Sum(static row => row.Tokens.Input), group.Max(static row => row.Tokens.Prompt), Sum(group))),
            await AskAsync("spend_by_session", zone, "session_id, developer, requests, input_tokens, max_context, cost"));

        Assert.Equal(
            rows.GroupBy(static row => row.Model).OrderByDescending(Sum).Select(static group => Line(
                group.Key, group.Sum(static row => row.Tokens.CacheWrite5m), group.Sum(static row => row.Tokens.CacheWrite1h), Sum(group, static cost => cost.Input),
                Sum(group, static cost => cost.Output), Sum(group, static cost => cost.CacheRead), Sum(group, static cost => cost.CacheWrite), Sum(group, static cost => cost.Other), Sum(group))),
            await AskAsync("token_mix", zone, "model, cache_w5m_tokens, cache_w1h_tokens, cost_input, cost_output, cost_cache_read, cost_cache_write, cost_other, cost"));
    }

    [Theory]
    [MemberData(nameof(Zones))]
    public async Task Developers_are_ranked_and_held_against_as_many_days_before(string zone)
    {
        var length = Until.DayNumber - Since.DayNumber + 1;
        var now = Within(zone, Since, Until).ToLookup(static row => row.Developer);
        var before = Within(zone, Since.AddDays(-length), Since.AddDays(-1)).ToLookup(static row => row.Developer);
        var developers = now.Select(static group => group.Key).Union(before.Select(static group => group.Key)).OrderByDescending(name => Sum(now[name])).ToArray();
        Assert.Equal(
            developers.Select(name => Line(name, now[name].Count(), Sum(now[name]), Sum(before[name]))),
            await AskAsync("spend_by_developer", zone, "developer, requests, cost, previous_cost"));
        var total = Sum(now.SelectMany(static group => group));
        Near(developers.Select(name => (double)(100 * Sum(now[name]) / total)), await AskAsync("spend_by_developer", zone, "share_percent"));
        Near(developers.Select(name => Sum(before[name]) == 0 ? 0 : (double)(100 * ((Sum(now[name]) / Sum(before[name])) - 1))), await AskAsync("spend_by_developer", zone, "change_percent"));
    }

    [Theory]
    [MemberData(nameof(Zones))]
    public async Task The_cache_is_judged_by_what_was_read_and_saved(string zone)
    {
        var developers = Within(zone, Since, Until).GroupBy(static row => row.Developer)
            .OrderBy(static group => Sum(group, static cost => cost.Uncached) - Sum(group)).ToArray();
        Assert.Equal(
            developers.Select(static group => Line(group.Key, Sum(group, static cost => cost.CacheWrite), Sum(group), Sum(group, static cost => cost.Uncached) - Sum(group))),
            await AskAsync("cache_efficiency", zone, "developer, cost_cache_write, cost, saved"));
        Near(
            developers.Select(static group => 100.0 * group.Sum(static row => row.Tokens.CacheRead) / group.Sum(static row => row.Tokens.Prompt)),
            await AskAsync("cache_efficiency", zone, "hit_percent"));
    }

    [Theory]
    [MemberData(nameof(Zones))]
    public async Task Dear_requests_and_waste_are_found_in_the_rows(string zone)
    {
        var rows = Within(zone, Since, Until);
        Assert.Equal(
            rows.OrderByDescending(static row => row.Cost.Total).ThenBy(static row => row.Timestamp).Select(static row => Line(row.RequestId, row.Tokens.Prompt, row.Cost.Total.ToDollars(), Why(row.Cost))),
            await AskAsync("dearest_requests", zone, "request_id, context, cost, why"));
        Assert.Equal(
            rows.GroupBy(static row => row.Model).OrderByDescending(static group => Sum(group.Where(IsError))).Select(static group => Line(
                group.Key, group.Count(), group.Count(IsError), group.Count(static row => row.HttpStatus == 429), group.Count(static row => row.HttpStatus == 529), Sum(group.Where(IsError)),
                Sum(group.Where(static row => row.Outcome != ForwardOutcome.Completed)), Sum(group.Where(static row => row.UsageSource != UsageSource.Final)))),
            await AskAsync("waste", zone, "model, requests, errors, rate_limited, overloaded, cost_errors, cost_not_completed, cost_estimated"));
    }

    [Theory]
    [MemberData(nameof(Zones))]
    public async Task Weeks_count_the_developers_who_were_active(string zone) =>
        Assert.Equal(
            Within(zone, Since, Until).GroupBy(row => Day(row, zone).AddDays(-(((int)Day(row, zone).DayOfWeek + 6) % 7))).OrderBy(static week => week.Key).Select(week => Line(
                week.Key, week.Select(static row => row.Developer).Distinct().Count(), week.Select(row => (row.Developer, Day(row, zone))).Distinct().Count(), Sum(week))),
            await AskAsync("adoption", zone, "week, developers, developer_days, cost"));

    [Theory]
    [MemberData(nameof(Zones))]
    public async Task The_rate_of_spending_is_told_for_a_moment(string zone)
    {
        var at = new DateTimeOffset(2026, 11, 1, 22, 15, 0, TimeSpan.Zero);
        var today = Local(at, zone);
        decimal Last(TimeSpan window) => Sum(SpendRows.All.Where(row => row.Timestamp >= at - window && row.Timestamp < at));
        Assert.Equal(
            [Line(Last(TimeSpan.FromMinutes(5)), Last(TimeSpan.FromHours(1)), Last(TimeSpan.FromHours(24)), Sum(SpendRows.All.Where(row => row.Timestamp < at && Day(row, zone) == today)))],
            await LinesAsync($"burn_rate(tz = '{zone}', at = '2026-11-01 22:15:00')", "cost_5m, cost_1h, cost_24h, cost_today"));
    }

    [Theory]
    [MemberData(nameof(Zones))]
    public async Task The_forecast_is_the_month_so_far_and_the_same_weekdays_of_four_weeks(string zone)
    {
        var today = new DateOnly(2026, 11, 9);
        var daily = SpendRows.All.ToLookup(row => Day(row, zone));
        var rest = Enumerable.Range(today.Day, 30 - today.Day + 1).Select(day => new DateOnly(2026, 11, day))
            .Select(day => Enumerable.Range(1, 28).Select(back => today.AddDays(-back)).Where(past => past.DayOfWeek == day.DayOfWeek).Select(past => (double)Sum(daily[past])).ToArray()).ToArray();
        var expected = rest.Sum(static four => four.Average());
        var halfWidth = 1.96 * Math.Sqrt(rest.Sum(static four => four.Sum(cost => Math.Pow(cost - four.Average(), 2)) / 3));
        var soFar = Sum(Within(zone, new DateOnly(2026, 11, 1), today.AddDays(-1)));

        var view = $"month_forecast(tz = '{zone}', today = '{today:yyyy-MM-dd}')";
        Assert.Equal([Line(soFar)], await LinesAsync(view, "cost_to_yesterday"));
        Near([expected], await LinesAsync(view, "expected_rest"));
        Near([(double)soFar + expected], await LinesAsync(view, "forecast"));
        Near([halfWidth], await LinesAsync(view, "plus_minus"));
    }

    [Theory]
    [MemberData(nameof(Zones))]
    public async Task Half_of_the_answers_of_a_model_are_faster_than_its_median(string zone) =>
        Assert.Equal(
            Within(zone, Since, Until).GroupBy(static row => row.Model).OrderByDescending(static group => group.Count()).ThenBy(static group => group.Key).Select(static group => Line(
                group.Key, group.Count(), group.Select(static row => row.LatencyMicroseconds / 1_000).Order().ElementAt((group.Count() - 1) / 2))),
            await AskAsync("latency", zone, "model, requests, latency_ms[1]"));

    [Fact]
    public async Task The_day_that_ran_away_is_the_first_of_the_outliers() =>
        Assert.Equal("cho|2026-11-06", (await AskAsync("spend_outliers", "UTC", "developer, day"))[0]);

    [Fact]
    public async Task A_rollup_in_order_shows_only_what_was_stored_twice()
    {
        var twice = SpendRows.All[..100].ToLookup(static row => Day(row, "UTC"));
        Assert.Equal(
            SpendRows.All.GroupBy(static row => Day(row, "UTC")).Select(day => Line(day.Key, day.Count(), twice[day.Key].Count(), 0, 0m)),
            await LinesAsync("integrity(since = '2026-09-17', until = '2026-11-15')", "day, requests, duplicates, drift_requests, drift_cost"));
    }

    [Fact]
    public async Task A_number_that_no_row_has_is_a_hole()
    {
        var last = SpendRows.All.Max(static row => row.Sequence);
        Assert.Equal([Line(SpendRows.Gateway, 1, last, last - 1, 1, 0)], await LinesAsync("sequence_holes", "gateway_id, first_seq, last_seq, rows, missing, duplicates"));
    }

    [Fact]
    public async Task A_budget_shows_its_newest_event() =>
        Assert.Equal(["acme|search-daily|blocked|5.000000001|5|1|1|0"], await LinesAsync("budget_history", "customer, budget_id, last_kind, spent, limit_usd, warnings, refusals, overrides"));

    private static string Why(Cost cost) =>
        cost.Output.Value * 2 > cost.Total.Value ? "long output"
        : cost.CacheWrite.Value * 2 > cost.Total.Value ? "cache written"
        : cost.Input.Value * 2 > cost.Total.Value ? "input not cached"
        : cost.CacheRead.Value * 2 > cost.Total.Value ? "long context" : "mixed";

    private static bool IsError(UsageRow row) => row.HttpStatus >= 400;

    private static decimal Sum(IEnumerable<UsageRow> rows) => rows.Sum(static row => row.Cost.Total.ToDollars());

    private static decimal Sum(IEnumerable<UsageRow> rows, Func<Cost, Nanodollars> part) => rows.Sum(row => part(row.Cost).ToDollars());

    private static DateOnly Local(DateTimeOffset at, string zone) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(at, TimeZoneInfo.FindSystemTimeZoneById(zone)).DateTime);

    private static DateOnly Day(UsageRow row, string zone) => Local(row.Timestamp, zone);

    private static UsageRow[] Within(string zone, DateOnly since, DateOnly until) => [.. SpendRows.All.Where(row => Day(row, zone) >= since && Day(row, zone) <= until)];

    private static string Line(params object[] cells) => string.Join('|', cells.Select(static cell => cell switch
    {
        decimal money => money.ToString("0.#########", CultureInfo.InvariantCulture),
        DateOnly day => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        _ => Convert.ToString(cell, CultureInfo.InvariantCulture),
    }));

    private static void Near(IEnumerable<double> expected, List<string> actual)
    {
        var numbers = expected.ToArray();
        Assert.Equal(numbers.Length, actual.Count);
        Assert.All(numbers.Zip(actual), static pair => Assert.Equal(pair.First, double.Parse(pair.Second, CultureInfo.InvariantCulture), Tolerance));
    }

    private Task<List<string>> AskAsync(string view, string zone, string columns) =>
        LinesAsync($"{view}(tz = '{zone}', since = '{Since:yyyy-MM-dd}', until = '{Until:yyyy-MM-dd}')", columns);

    private Task<List<string>> LinesAsync(string view, string columns) =>
        store.ListAsync($"SELECT arrayStringConcat([{string.Join(", ", columns.Split(", ").Select(static column => $"ifNull(toString({column}), '0')"))}], '|') FROM tollgate.{view}");
}
