using System.Globalization;
using Tollgate.Proxy.Recording;

namespace Tollgate.Demo.Tests;

/// <summary>The history as the real store has it.</summary>
[Collection(nameof(HistoryStore))]
public sealed class HistoryInStoreTests(HistoryStore store)
{
    private const string Month = "since = '2026-10-22', until = '2026-11-20'";
    private const string Range = $"tz = 'Europe/Berlin', {Month}";

    private static IReadOnlyList<UsageRow> Rows => SampleHistory.Month.Rows;

    /// <summary>Every view of spend with its parameters.</summary>
    public static TheoryData<string> Views { get; } =
    [
        $"spend_by_day({Range})", $"spend_by_developer({Range})", $"spend_by_team_project_model({Range})", $"spend_by_session({Range})", $"token_mix({Range})",
        $"cache_efficiency({Range})", "burn_rate(tz = 'Europe/Berlin', at = '2026-11-20 17:00:00')", "budget_history", "month_forecast(tz = 'Europe/Berlin', today = '2026-11-20')",
        $"spend_outliers({Range})", $"dearest_requests({Range})", $"waste({Range})", $"latency({Range})", $"adoption({Range})", $"integrity({Month})", "sequence_holes",
        "price_list", $"what_if({Range}, model = 'claude-sonnet-5-5')",
    ];

    [Fact]
    public async Task Sums_equal_those_of_the_rows_to_the_last_digit()
    {
        var sums = string.Join('\t', Rows.Count, Rows.Sum(static row => row.Tokens.Input), Rows.Sum(static row => row.Tokens.CacheRead), Rows.Sum(static row => row.Tokens.CacheWrite5m),
            Rows.Sum(static row => row.Tokens.CacheWrite1h), Rows.Sum(static row => row.Tokens.Output), Rows.Sum(static row => row.Cost.Total.Value));
        Assert.Equal(sums, await store.AskAsync(
            "SELECT count(), sum(input_tokens), sum(cache_read_tokens), sum(cache_w5m_tokens), sum(cache_w1h_tokens), sum(output_tokens), toInt64(sum(cost) * 1000000000) FROM tollgate.requests FINAL"));
        Assert.Equal(sums, await store.AskAsync(
            "SELECT sum(requests), sum(input_tokens), sum(cache_read_tokens), sum(cache_w5m_tokens), sum(cache_w1h_tokens), sum(output_tokens), toInt64(sum(cost) * 1000000000) FROM tollgate.usage_15m"));
    }

    [Fact]
    public async Task Every_developer_has_the_cost_of_the_rows() =>
        Assert.Equal(
            Rows.GroupBy(static row => row.Developer).OrderBy(static group => group.Key, StringComparer.Ordinal)
                .Select(static group => string.Create(CultureInfo.InvariantCulture, $"{group.Key}\t{group.Sum(static row => row.Cost.Total.ToDollars()):0.#########}")),
            (await store.AskAsync($"SELECT developer, cost FROM tollgate.spend_by_developer(tz = 'UTC', {Month}) ORDER BY developer")).Split('\n'));

    [Theory]
    [MemberData(nameof(Views))]
    public async Task Every_view_has_something_to_show(string view) => Assert.NotEqual("0", await store.AskAsync($"SELECT count() FROM tollgate.{view}"));

    [Fact]
    public async Task Every_view_of_the_migration_is_among_them()
    {
        var named = Views.Select(static view => view.Data.Split('(')[0]).Order(StringComparer.Ordinal);
        var views = await store.AskAsync("SELECT name FROM system.tables WHERE database = 'tollgate' AND engine = 'View' AND name NOT LIKE 'usage%' ORDER BY name");
        Assert.Equal(views.Split('\n'), named);
    }

    [Fact]
    public async Task No_number_is_missing_and_nothing_is_there_twice()
    {
        Assert.Equal($"demo\t{Rows.Count}\t0\t0", await store.AskAsync("SELECT gateway_id, rows, missing, duplicates FROM tollgate.sequence_holes"));
        Assert.Equal("0\t0\t0", await store.AskAsync($"SELECT sum(duplicates), sum(abs(drift_requests)), sum(abs(drift_cost)) FROM tollgate.integrity({Month})"));
    }

    [Fact]
    public async Task The_runaway_session_leads_sessions_and_outliers()
    {
        var session = SampleHistory.Month.Sessions.Single(static session => session.IsRunaway);
        Assert.Equal(session.Id.ToString(), await store.AskAsync($"SELECT session_id FROM tollgate.spend_by_session({Range}) LIMIT 1"));
        Assert.Equal("jonas\t2026-11-20", await store.AskAsync($"SELECT developer, day FROM tollgate.spend_outliers({Range}) LIMIT 1"));
    }

    [Fact]
    public async Task Waste_has_refusals_of_the_provider_and_money_that_bought_nothing() =>
        Assert.Equal("1\t1\t1\t1", await store.AskAsync($"SELECT max(rate_limited > 0), max(overloaded > 0), max(cost_not_completed > 0), max(cost_estimated > 0) FROM tollgate.waste({Range})"));
}
