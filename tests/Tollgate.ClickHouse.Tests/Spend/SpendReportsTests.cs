using Microsoft.Extensions.Time.Testing;
using Tollgate.ClickHouse.Spend;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests.Spend;

/// <summary>Each report's figures against the same figures computed from the rows in C#; money to the last digit.</summary>
[Collection(nameof(LedgerStore))]
public sealed class SpendReportsTests(LedgerStore store) : IClassFixture<SpendStore>
{
    private static readonly DateOnly Since = new(2026, 10, 20);
    private static readonly DateOnly Until = new(2026, 11, 8);

    // Within the range: most of it is read from the money rollup, the last two days from the rows.
    private static readonly FakeTimeProvider Clock = new(new DateTimeOffset(2026, 11, 8, 9, 7, 0, TimeSpan.Zero));

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private SpendReports Reports => new(store.Client, Clock);

    /// <summary>Without an offset, with a half-hour offset, and two whose clocks go back within the range.</summary>
    public static TheoryData<string> Zones { get; } = ["UTC", "Asia/Kolkata", "America/New_York", "Europe/Berlin"];

    [Theory]
    [MemberData(nameof(Zones))]
    public async Task Every_report_equals_the_rows_to_the_last_digit(string zone)
    {
        var scope = new ReportScope { Since = Since, Until = Until, TimeZone = zone };
        var rows = Within(zone);
        (ReportKey Key, Func<UsageRow, string> Of)[] keys =
        [
            (ReportKey.Day, row => $"{Day(row, zone):yyyy-MM-dd}"),
            (ReportKey.Week, row => $"{Day(row, zone).AddDays(-(((int)Day(row, zone).DayOfWeek + 6) % 7)):yyyy-MM-dd}"),
            (ReportKey.Month, row => $"{Day(row, zone):yyyy-MM}"),
            (ReportKey.Session, static row => row.SessionId),
            (ReportKey.Developer, static row => row.Developer),
            (ReportKey.Team, static row => row.Team),
            (ReportKey.Project, static row => row.Project),
            (ReportKey.Model, static row => row.Model),
        ];
        foreach (var (key, of) in keys)
        {
            var lines = await Reports.LinesAsync(key, scope, Cancelled);
            Assert.Equal(Expected(rows, of, isPeriod: key <= ReportKey.Month), lines.Select(Text));
            Assert.Equal(Sum(rows), lines.Aggregate(Nanodollars.Zero, static (sum, line) => sum + line.Cost));
        }
    }

    [Theory]
    [MemberData(nameof(Zones))]
    public async Task The_trend_tells_each_lines_days(string zone) =>
        Assert.Equal(
            Within(zone).GroupBy(row => (row.Team, Day: Day(row, zone))).Select(static group => new DaySpend(group.Key.Team, group.Key.Day, Sum(group))).OrderBy(static day => (day.Key, day.Day)),
            (await Reports.DaysAsync(ReportKey.Team, new ReportScope { Since = Since, Until = Until, TimeZone = zone }, Cancelled)).OrderBy(static day => (day.Key, day.Day)));

    [Fact]
    public async Task A_week_begins_on_the_day_that_is_asked_for()
    {
        foreach (var start in Enum.GetValues<DayOfWeek>())
        {
            var lines = await Reports.LinesAsync(ReportKey.Week, new ReportScope { Since = Since, Until = Until, WeekStart = start }, Cancelled);
            Assert.Equal(Expected(Within("UTC"), row => $"{Day(row, "UTC").AddDays(-((Day(row, "UTC").DayOfWeek - start + 7) % 7)):yyyy-MM-dd}", isPeriod: true), lines.Select(Text));
        }
    }

    [Fact]
    public async Task Days_are_those_of_the_view()
    {
        var lines = await Reports.LinesAsync(ReportKey.Day, new ReportScope { Since = Since, Until = Until, TimeZone = "Europe/Berlin" }, Cancelled);
        Assert.Equal(
            await store.ListAsync($"SELECT concat(toString(day), '|', toString(requests), '|', toString(toInt64(cost * 1000000000))) FROM tollgate.spend_by_day(tz = 'Europe/Berlin', since = '{Since:yyyy-MM-dd}', until = '{Until:yyyy-MM-dd}')"),
            lines.Select(static line => $"{line.Key}|{line.Requests}|{line.Cost.Value}"));
    }

    [Fact]
    public async Task Without_days_everything_that_is_kept_is_added_up()
    {
        foreach (var key in Enum.GetValues<ReportKey>())
        {
            var lines = await Reports.LinesAsync(key, new ReportScope { TimeZone = "Asia/Kolkata" }, Cancelled);
            Assert.Equal((SpendRows.All.Length, Sum(SpendRows.All)), (lines.Sum(static line => line.Requests), lines.Aggregate(Nanodollars.Zero, static (sum, line) => sum + line.Cost)));
        }
    }

    [Fact]
    public async Task Filters_let_those_pass_that_meet_all_of_them()
    {
        var scope = new ReportScope { Developers = ["ada", "c*", "d_na"], Teams = ["*s"], Models = ["claude-*-5-5", "nothing"] };
        var rows = SpendRows.All.Where(static row => row.Developer == "cho" && row.Team == "ads").ToArray();
        Assert.NotEmpty(rows);
        foreach (var key in Enum.GetValues<ReportKey>())
        {
            Assert.Equal(Sum(rows), (await Reports.LinesAsync(key, scope, Cancelled)).Aggregate(Nanodollars.Zero, static (sum, line) => sum + line.Cost));
        }

        Assert.Equal(Sum(rows), (await Reports.BlocksAsync(scope, Cancelled)).Aggregate(Nanodollars.Zero, static (sum, block) => sum + block.Cost));
        Assert.Equal(Sum(rows), (await Reports.DaysAsync(ReportKey.Day, scope, Cancelled)).Aggregate(Nanodollars.Zero, static (sum, day) => sum + day.Cost));
    }

    [Theory]
    [InlineData("' OR 1 = 1 --")]
    [InlineData("a\\'b")]
    [InlineData("tab\tand\nline")]
    [InlineData("%")]
    [InlineData("_da")]
    [InlineData("a%*")]
    [InlineData("\\*")]
    [InlineData("{tz:String}")]
    [InlineData("")]
    public async Task A_name_is_a_name_whatever_is_in_it(string name)
    {
        Assert.Empty(await Reports.LinesAsync(ReportKey.Day, new ReportScope { Developers = [name] }, Cancelled));
        Assert.Empty(await Reports.LinesAsync(ReportKey.Session, new ReportScope { Projects = [name] }, Cancelled));
        Assert.Empty(await Reports.BlocksAsync(new ReportScope { Models = [name], Since = Since }, Cancelled));
    }

    [Fact]
    public async Task Days_beyond_what_the_store_can_date_are_no_error()
    {
        var scope = new ReportScope { Since = DateOnly.MinValue, Until = DateOnly.MaxValue };
        Assert.Equal(Sum(SpendRows.All), (await Reports.LinesAsync(ReportKey.Month, scope, Cancelled)).Aggregate(Nanodollars.Zero, static (sum, line) => sum + line.Cost));
        Assert.Equal(Sum(SpendRows.All), (await Reports.BlocksAsync(scope, Cancelled)).Aggregate(Nanodollars.Zero, static (sum, block) => sum + block.Cost));
    }

    private static IEnumerable<string> Expected(UsageRow[] rows, Func<UsageRow, string> of, bool isPeriod)
    {
        var lines = rows.GroupBy(of, StringComparer.Ordinal);
        lines = isPeriod ? lines.OrderBy(static line => line.Key, StringComparer.Ordinal) : lines.OrderByDescending(Sum).ThenBy(static line => line.Key, StringComparer.Ordinal);
        return lines.Select(static line => string.Join('\n', line.GroupBy(static row => row.Model).OrderByDescending(Sum).Select(model => Text(line.Key, model.Key, model.Count(), Tokens(model), Sum(model)))));
    }

    private static string Text(ReportLine line) => string.Join('\n', line.Models.Select(model => Text(line.Key, model.Model, model.Requests, model.Tokens, model.Cost)));

    private static string Text(string key, string model, long requests, TokenUsage tokens, Nanodollars cost) => $"{key}|{model}|{requests}|{tokens}|{cost.Value}";

    private static TokenUsage Tokens(IEnumerable<UsageRow> rows) => rows.Aggregate(default(TokenUsage), static (sum, row) => sum + row.Tokens);

    private static Nanodollars Sum(IEnumerable<UsageRow> rows) => new(rows.Sum(static row => row.Cost.Total.Value));

    private static DateOnly Day(UsageRow row, string zone) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(row.Timestamp, TimeZoneInfo.FindSystemTimeZoneById(zone)).DateTime);

    private static UsageRow[] Within(string zone) => [.. SpendRows.All.Where(row => Day(row, zone) >= Since && Day(row, zone) <= Until)];
}
