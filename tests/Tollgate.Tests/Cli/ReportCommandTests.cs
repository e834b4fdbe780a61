using System.Globalization;
using System.Text.Json;
using Tollgate.Cli.Report;
using Tollgate.ClickHouse.Tests.Spend;
using Tollgate.Proxy.Recording;
using Tollgate.Testing.Gateway;

namespace Tollgate.Tests.Cli;

/// <summary><c>tollgate report</c> on a real engine, from the words of the command line to what is printed.</summary>
public sealed class ReportCommandTests(ReportedStore store) : IClassFixture<ReportedStore>
{
    private const string Days = "--since 2026-10-20 --until 20261108 --timezone Europe/Berlin";
    private const string FigureNames = "requests inputTokens outputTokens cacheCreationTokens cacheReadTokens totalTokens totalCost";

    private static readonly TimeZoneInfo Berlin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

    private static UsageRow[] Rows { get; } = [.. SpendRows.All.Where(static row => Day(row) >= new DateOnly(2026, 10, 20) && Day(row) <= new DateOnly(2026, 11, 8))];

    [Fact]
    public async Task Another_models_prices_are_asked_by_any_of_its_names_and_what_is_not_known_is_told_with_names_near_it()
    {
        var (code, output, error) = await store.RunAsync($"report what-if claude-haiku-4-5@20251001 --by project {Days} --json");
        Assert.Equal((0, ""), (code, error));
        using var report = JsonDocument.Parse(output);
        Assert.Equal(["model", "projects", "totals"], Names(report.RootElement));
        Assert.Equal("claude-haiku-4-5-20251001", report.RootElement.GetProperty("model").GetString());
        var lines = report.RootElement.GetProperty("projects").EnumerateArray().ToArray();
        Assert.All(lines, static line => Assert.Equal(["project", "requests", "requestsLeftOut", "cost", "costFast", "whatIf", "saving"], Names(line)));
        var totals = report.RootElement.GetProperty("totals");
        Assert.Equal((Rows.Length, Cost(Rows)), (totals.GetProperty("requests").GetInt32(), totals.GetProperty("cost").GetDecimal()));

        // One dollar, five, a tenth, one and a quarter, and two a million.
        var whatIf = Rows.Sum(static row => ((row.Tokens.Input * 1m) + (row.Tokens.Output * 5m) + (row.Tokens.CacheRead * 0.1m) + (row.Tokens.CacheWrite5m * 1.25m) + (row.Tokens.CacheWrite1h * 2m)) / 1_000_000m)
            + Rows.Sum(static row => row.Cost.Other.ToDollars());
        Assert.Equal((whatIf, whatIf), (totals.GetProperty("whatIf").GetDecimal(), lines.Sum(static line => line.GetProperty("whatIf").GetDecimal())));
        Assert.Equal(Cost(Rows) - whatIf, totals.GetProperty("saving").GetDecimal());

        var (_, csv, _) = await store.RunAsync($"report what-if claude-haiku-4-5 {Days} --csv");
        Assert.StartsWith("team,requests,requests_left_out,cost_usd,cost_fast_usd,what_if_usd,saving_usd\r\n", csv, StringComparison.Ordinal);
        (code, output, error) = await store.RunAsync($"report what-if claude-haiku-9-9 {Days}");
        Assert.Equal((1, ""), (code, output));
        Assert.Contains("does not know \"claude-haiku-9-9\". Near it: claude-haiku-", error, StringComparison.Ordinal);
        Assert.Equal(2, (await store.RunAsync($"report what-if claude-haiku-4-5 --by session {Days}")).Code);
    }

    [Theory]
    [InlineData("daily", "daily", "date")]
    [InlineData("weekly", "weekly", "week")]
    [InlineData("monthly", "monthly", "month")]
    [InlineData("session", "sessions", "sessionId")]
    [InlineData("developer", "developers", "developer")]
    [InlineData("team", "teams", "team")]
    [InlineData("project", "projects", "project")]
    [InlineData("model", "models", "model")]
    public async Task Json_has_ccusages_names_and_the_rows_sum(string verb, string array, string key)
    {
        var (code, output, error) = await store.RunAsync($"report {verb} {Days} --json");
        Assert.Equal((0, ""), (code, error));
        using var report = JsonDocument.Parse(output);
        Assert.Equal([array, "totals"], Names(report.RootElement));
        Assert.Equal(FigureNames.Split(' '), Names(report.RootElement.GetProperty("totals")));
        var lines = report.RootElement.GetProperty(array).EnumerateArray().ToArray();
        Assert.NotEmpty(lines);
        string[] session = verb == "session" ? ["firstActivity", "lastActivity", "projectPath", "developer", "versions"] : [];
        Assert.All(lines, line => Assert.Equal([key, .. FigureNames.Split(' '), .. session, "modelsUsed", "modelBreakdowns"], Names(line)));
        Assert.All(lines, static line => Assert.Equal(
            line.GetProperty("modelsUsed").EnumerateArray().Select(static model => model.GetString()),
            line.GetProperty("modelBreakdowns").EnumerateArray().Select(static model => model.GetProperty("modelName").GetString())));
        Assert.All(lines.SelectMany(static line => line.GetProperty("modelBreakdowns").EnumerateArray()), static model => Assert.Equal(
            "modelName requests inputTokens outputTokens cacheCreationTokens cacheReadTokens cost".Split(' '), Names(model)));

        var totals = report.RootElement.GetProperty("totals");
        Assert.Equal(Cost(Rows), totals.GetProperty("totalCost").GetDecimal());
        Assert.Equal(Cost(Rows), lines.Sum(static line => line.GetProperty("totalCost").GetDecimal()));
        Assert.Equal(Cost(Rows), lines.Sum(static line => line.GetProperty("modelBreakdowns").EnumerateArray().Sum(static model => model.GetProperty("cost").GetDecimal())));
        (string Name, Func<UsageRow, long> Of)[] figures =
        [
            ("requests", static _ => 1), ("inputTokens", static row => row.Tokens.Input), ("outputTokens", static row => row.Tokens.Output), ("cacheReadTokens", static row => row.Tokens.CacheRead),
            ("cacheCreationTokens", static row => row.Tokens.CacheWrite5m + row.Tokens.CacheWrite1h), ("totalTokens", static row => row.Tokens.Prompt + row.Tokens.Output),
        ];
        foreach (var (name, of) in figures)
        {
            Assert.Equal((name, Rows.Sum(of)), (name, totals.GetProperty(name).GetInt64()));
            Assert.Equal((name, Rows.Sum(of)), (name, lines.Sum(line => line.GetProperty(name).GetInt64())));
        }
    }

    [Fact]
    public async Task Each_day_is_the_local_days_sum()
    {
        using var report = JsonDocument.Parse((await store.RunAsync($"report daily {Days} --json --developer cho --developer a*")).Output);
        Assert.Equal(
            Rows.Where(static row => row.Developer is "cho" or "ada").GroupBy(Day).OrderBy(static day => day.Key).Select(static day => (day.Key.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), Cost(day))),
            report.RootElement.GetProperty("daily").EnumerateArray().Select(static day => (day.GetProperty("date").GetString()!, day.GetProperty("totalCost").GetDecimal())));
    }

    [Fact]
    public async Task A_session_tells_when_it_was_and_whose()
    {
        using var report = JsonDocument.Parse((await store.RunAsync($"report session {Days} --json --team ads")).Output);
        var dearest = report.RootElement.GetProperty("sessions")[0];
        var rows = Rows.Where(row => row.SessionId == dearest.GetProperty("sessionId").GetString()).ToArray();
        Assert.Equal(
            (Moment(rows[0].Timestamp), Moment(rows[^1].Timestamp), rows[^1].Project, rows[^1].Developer, Cost(rows)),
            (dearest.GetProperty("firstActivity").GetString(), dearest.GetProperty("lastActivity").GetString(), dearest.GetProperty("projectPath").GetString(), dearest.GetProperty("developer").GetString(), dearest.GetProperty("totalCost").GetDecimal()));
        Assert.Equal(Rows.Where(static row => row.Team == "ads").GroupBy(static row => row.SessionId).Max(Cost), Cost(rows));
    }

    [Fact]
    public async Task Blocks_have_ccusages_names_and_the_rows_sum()
    {
        using var report = JsonDocument.Parse((await store.RunAsync("report blocks --json --developer cho")).Output);
        var blocks = report.RootElement.GetProperty("blocks").EnumerateArray().ToArray();
        Assert.All(blocks, static block => Assert.Equal(
            "id startTime endTime actualEndTime isActive isGap entries tokenCounts totalTokens costUSD models burnRate projection".Split(' '), Names(block)));
        Assert.All(blocks, static block => Assert.Equal("inputTokens outputTokens cacheCreationInputTokens cacheReadInputTokens".Split(' '), Names(block.GetProperty("tokenCounts"))));
        Assert.Equal(Cost(SpendRows.All.Where(static row => row.Developer == "cho")), blocks.Sum(static block => block.GetProperty("costUSD").GetDecimal()));
        Assert.Equal(report.RootElement.GetProperty("totals").GetProperty("totalCost").GetDecimal(), blocks.Sum(static block => block.GetProperty("costUSD").GetDecimal()));
        Assert.Contains(blocks, static block => block.GetProperty("isGap").GetBoolean() && block.GetProperty("id").GetString() == "gap-" + block.GetProperty("startTime").GetString()
            && block.GetProperty("actualEndTime").ValueKind == JsonValueKind.Null);
        Assert.All(blocks.Where(static block => !block.GetProperty("isActive").GetBoolean()), static block => Assert.Equal(
            (JsonValueKind.Null, JsonValueKind.Null), (block.GetProperty("burnRate").ValueKind, block.GetProperty("projection").ValueKind)));
    }

    [Theory]
    [InlineData("daily")]
    [InlineData("developer")]
    [InlineData("session")]
    [InlineData("blocks")]
    public async Task Csv_and_json_and_the_tables_total_say_the_same(string verb)
    {
        var table = Csv.Parse((await store.RunAsync($"report {verb} {Days} --csv")).Output);
        var cost = Array.IndexOf(table[0], "cost_usd");
        Assert.All(table, line => Assert.Equal(table[0].Length, line.Length));
        var sum = table.Skip(1).Sum(line => decimal.Parse(line[cost], NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
        using var report = JsonDocument.Parse((await store.RunAsync($"report {verb} {Days} --json")).Output);
        Assert.Equal(report.RootElement.GetProperty("totals").GetProperty("totalCost").GetDecimal(), sum);
        Assert.EndsWith(string.Create(CultureInfo.InvariantCulture, $"  ${sum:#,##0.000000000}\n"), (await store.RunAsync($"report {verb} {Days}")).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(100)]
    [InlineData(140)]
    public async Task A_table_keeps_to_the_terminals_width_and_tells_what_it_left_out(int width)
    {
        foreach (var verb in (string[])["daily", "weekly", "session", "developer", "model", "blocks"])
        {
            var (code, output, _) = await store.RunAsync(new Terminal(true, false, width, false), ["report", verb, .. Days.Split(' ')]);
            Assert.Equal(0, code);
            var lines = output.Split('\n');
            var table = lines[2..Array.FindIndex(lines, 2, static line => line.StartsWith("Not shown", StringComparison.Ordinal) || line.Length == 0 || line.StartsWith("Trend", StringComparison.Ordinal))];
            Assert.All(table, line => Assert.InRange(line.Length, 1, width));
            Assert.Contains("Cost", table[0], StringComparison.Ordinal);
            Assert.DoesNotContain('\u001b', output);
            Assert.Equal(table[0].Contains("Cache write", StringComparison.Ordinal), !output.Contains("cache write", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Only_a_terminal_gets_bars_and_only_one_that_wants_them_gets_escape_sequences()
    {
        string[] command = ["report", "developer", .. Days.Split(' ')];
        var plain = (await store.RunAsync(Terminal.None, command)).Output;
        var bars = (await store.RunAsync(new Terminal(true, true, 200, false), command)).Output;
        var styled = (await store.RunAsync(new Terminal(true, true, 200, true), command)).Output;
        Assert.DoesNotContain("Trend", plain, StringComparison.Ordinal);
        Assert.Contains("█", bars, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', plain + bars);
        Assert.Equal(bars, System.Text.RegularExpressions.Regex.Replace(styled, "\u001b\\[\\d*m", ""));
        Assert.NotEqual(bars, styled);
    }

    [Theory]
    [InlineData("--since yesterday", "--since is \"yesterday\", but must be a day as 2026-11-14 or 20261114.")]
    [InlineData("--until 2026-02-30", "--until is \"2026-02-30\"")]
    [InlineData("--since 2026-11-08 --until 2026-11-07", "--since is 2026-11-08, which is after --until, 2026-11-07")]
    [InlineData("--timezone Europe/Berln", "Near it: Europe/Berlin")]
    [InlineData("--timezone CEST", "--timezone is \"CEST\"")]
    [InlineData("--json --csv", "Say --json or --csv")]
    [InlineData("--store ftp://elsewhere", "--store must be http")]
    [InlineData("--store http://me:secret@elsewhere:1/db", "--store must be http")]
    [InlineData("--store http://127.0.0.1:1 --config x.json", "Say --store or --config")]
    [InlineData("--config nowhere.json", "nowhere.json")]
    [InlineData("--start-of-week monday", "--start-of-week")]
    [InlineData("--developer", "--developer")]
    public async Task A_wrong_use_says_which_value_and_why(string options, string complaint)
    {
        var (code, output, error) = await store.RunAsync($"report daily {options}");
        Assert.Equal(2, code);
        Assert.Contains(complaint, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output + error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", output + error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_alone_says_which_reports_there_are()
    {
        var (code, output, error) = await store.RunAsync("report");
        Assert.Equal(2, code);
        Assert.All("daily weekly monthly session blocks developer team project model".Split(' '), verb => Assert.Contains(verb, output + error, StringComparison.Ordinal));
    }

    [Fact]
    public async Task No_rows_are_said_and_are_no_failure()
    {
        const string None = "--since 2025-01-01 --until 2025-01-02 --timezone UTC --team nobody";
        const string Said = "No requests in the ledger: from 2025-01-01 to 2025-01-02 (UTC), team nobody.\n";
        Assert.Equal((0, "", Said), await store.RunAsync($"report daily {None}"));
        Assert.Equal((0, "", Said), await store.RunAsync($"report blocks {None}"));
        var (code, output, error) = await store.RunAsync($"report daily {None} --json");
        Assert.Equal((0, Said), (code, error));
        using var report = JsonDocument.Parse(output);
        Assert.Equal((0, 0m), (report.RootElement.GetProperty("daily").GetArrayLength(), report.RootElement.GetProperty("totals").GetProperty("totalCost").GetDecimal()));
        Assert.Single(Csv.Parse((await store.RunAsync($"report daily {None} --csv")).Output));
    }

    [Fact]
    public async Task A_store_named_by_its_url_is_read_without_a_configuration()
    {
        Assert.Equal((await store.RunAsync($"report team {Days}")).Output, (await store.RunAsync($"report team {Days} --store {store.Address}")).Output);
        var (code, _, error) = await store.RunAsync($"report team --store http://127.0.0.1:{LoopbackPort.Free()}");
        Assert.Equal(1, code);
        Assert.Contains("Is --store right, and does the store run?", error, StringComparison.Ordinal);
    }

    private static string[] Names(JsonElement json) => [.. json.EnumerateObject().Select(static property => property.Name)];

    private static DateOnly Day(UsageRow row) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(row.Timestamp, Berlin).DateTime);

    private static decimal Cost(IEnumerable<UsageRow> rows) => rows.Sum(static row => row.Cost.Total.ToDollars());

    private static string Moment(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
