using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Cli.Report;
using Tollgate.ClickHouse.Spend;
using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Tests.Cli;

/// <summary>How reports are written, without a store.</summary>
public sealed class ReportFormatTests
{
    private static readonly ReportKind ByProject = ReportKind.All.Single(static kind => kind.Key == ReportKey.Project);
    private static readonly DateTimeOffset Noon = new(2026, 11, 14, 12, 0, 0, TimeSpan.Zero);

    public static TheoryData<string> Names { get; } = ["plain", "", "a,b", "say \"hi\"", "two\r\nlines", "one\nline", " space ", "ümläut ✓", "'quoted'", "x=1"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Csv_comes_back_as_it_went(string name)
    {
        var table = Csv.Parse(WriteCsv(name));
        Assert.Equal("project models requests input_tokens output_tokens cache_creation_tokens cache_read_tokens total_tokens cost_usd".Split(' '), table[0]);
        Assert.Equal([name, "claude-opus-5-5", "3", "1", "16", "12", "2", "31", "1234567.000000001"], Assert.Single(table.Skip(1)));
    }

    [Theory]
    [InlineData("=HYPERLINK(\"http://elsewhere\")")]
    [InlineData("+1")]
    [InlineData("-1")]
    [InlineData("@SUM(A1)")]
    [InlineData("\t=1")]
    [InlineData("\r=1")]
    [InlineData("\n=1")]
    public void A_name_that_a_spreadsheet_would_run_gets_an_apostrophe(string name) => Assert.Equal("'" + name, Csv.Parse(WriteCsv(name))[1][0]);

    [Fact]
    public void Money_in_json_has_every_digit()
    {
        using var report = JsonDocument.Parse(ReportJson.Write(ByProject, [Line("a"), Line("b")]));
        Assert.Equal("2469134.000000002", report.RootElement.GetProperty("totals").GetProperty("totalCost").GetRawText());
    }

    [Fact]
    public void A_table_names_what_has_no_name_and_lets_no_name_steer_the_terminal()
    {
        var table = WriteTable(new Terminal(true, false, null, false), Line(""), Line("evil\u001b[2J\u009b2J\u202e\r\n"));
        Assert.Contains("(none) ", table, StringComparison.Ordinal);
        Assert.Contains("evil\uFFFD[2J\uFFFD2J\uFFFD\uFFFD\uFFFD ", table, StringComparison.Ordinal);
        Assert.DoesNotContain(table, static letter => letter is '\u001b' or '\u009b' or '\u202e' or '\r');
    }

    [Fact]
    public void Columns_stand_below_each_other_and_money_keeps_its_point()
    {
        var lines = WriteTable(Terminal.None, Line("a"), new ReportLine("a longer name", [new ModelSpend("claude-haiku-5-5", 12_345, default, new(500_000_000))])).Split('\n');
        Assert.Equal("Project        Models     Requests  Input  Output  Cache write  Cache read  Tokens                  Cost", lines[2]);
        Assert.Equal("a              opus-5-5          3      1      16           12           2      31  $1,234,567.000000001", lines[3]);
        Assert.Equal("a longer name  haiku-5-5    12,345      0       0            0           0       0          $0.500000000", lines[4]);
        Assert.Equal("Total                       12,348      1      16           12           2      31  $1,234,567.500000001", lines[6]);
    }

    [Theory]
    [InlineData("", 10, "")]
    [InlineData("0 0", 10, "▁▁")]
    [InlineData("0 7 1", 10, "▁█▂")]
    [InlineData("1 2 3 4 5 6 7 8", 4, "▂▄▆█")]
    [InlineData("9223372036854775807 9223372036854775807", 1, "█")]
    public void Bars_are_as_high_as_their_share_of_the_highest(string amounts, int most, string bars) => Assert.Equal(
        bars, Sparkline.Of([.. amounts.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static amount => new Nanodollars(long.Parse(amount, CultureInfo.InvariantCulture)))], most));

    [Fact]
    public void The_active_block_tells_its_rate_and_where_it_leads()
    {
        // Two hours of use, told half an hour later: two and a half hours are left.
        var block = new UsageBlock(Noon, Noon.AddHours(5), [new ModelSpend("m", 4, new TokenUsage(1_000, 200_000, 30_000, 8_000, 1_000, 0), new(3_000_000_000))], Noon, Noon.AddHours(2), true);
        using var report = JsonDocument.Parse(ReportJson.Write([block], Noon.AddHours(2.5)));
        var json = report.RootElement.GetProperty("blocks")[0];
        Assert.Equal("""{"tokensPerMinute":2000,"tokensPerMinuteForIndicator":16.666666667,"costPerHour":1.5}""", Compact(json.GetProperty("burnRate")));
        Assert.Equal("""{"totalTokens":540000,"totalCost":6.75,"remainingMinutes":150}""", Compact(json.GetProperty("projection")));
        using var output = new StringWriter();
        new ReportTable(Terminal.None, output).Write(new ReportScope(), [block], Noon.AddHours(2.5));
        Assert.Contains("At its rate of $1.50 an hour the active block comes to $6.75 and 540,000 tokens by 2026-11-14 17:00.", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("2 h 30 min, 2 h 30 min left", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_wait_is_told_on_a_terminal_after_two_seconds_and_taken_back()
    {
        var clock = new FakeTimeProvider();
        using var error = new StringWriter();
        using (new WaitingLine(clock, error, isTerminal: true))
        {
            clock.Advance(TimeSpan.FromMilliseconds(1_999));
            Assert.Equal("", error.ToString());
            clock.Advance(TimeSpan.FromMilliseconds(1_001));
            Assert.EndsWith("The store is adding up … 3 s", error.ToString(), StringComparison.Ordinal);
        }

        Assert.EndsWith("\r\u001b[K", error.ToString(), StringComparison.Ordinal);
        using var file = new StringWriter();
        using (new WaitingLine(clock, file, isTerminal: false))
        {
            clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal("", file.ToString());
    }

    [Theory]
    [InlineData("http://127.0.0.1", "Protocol=http;Host=127.0.0.1;Port=8123")]
    [InlineData("https://ch.example/", "Protocol=https;Host=ch.example;Port=8443")]
    [InlineData("http://ch:80", "Protocol=http;Host=ch;Port=80")]
    [InlineData("http://ch:9000/", "Protocol=http;Host=ch;Port=9000")]
    [InlineData("https://me:a%3Bb%22c@ch:1", "Protocol=https;Host=ch;Port=1;Username=me;Password='a;b\"c'")]
    [InlineData("https://me@ch:1", "Protocol=https;Host=ch;Port=1;Username=me;Password=")]
    public void A_store_is_named_as_a_url(string url, string connection) =>
        Assert.Equal((StorageMode.ClickHouse, connection), (StoreUrl.Parse(url)?.Mode, StoreUrl.Parse(url)?.ConnectionString));

    [Fact]
    public void What_is_no_console_is_no_terminal()
    {
        using var writer = new StringWriter();
        Assert.Equal(Terminal.None, Terminal.Of(writer, writer, new ConfigurationLoader(new Dictionary<string, string>(), ".")));
    }

    private static ReportLine Line(string key) => new(key, [new ModelSpend("claude-opus-5-5", 3, new TokenUsage(1, 2, 4, 8, 16, 0), new(1_234_567_000_000_001))]);

    private static string WriteCsv(string name)
    {
        using var output = new StringWriter();
        ReportCsv.Write(ByProject, [Line(name)], output);
        return output.ToString();
    }

    private static string WriteTable(Terminal terminal, params ReportLine[] lines)
    {
        using var output = new StringWriter();
        new ReportTable(terminal, output).Write(ByProject, new ReportScope(), lines, null);
        return output.ToString();
    }

    private static string Compact(JsonElement json) => JsonSerializer.Serialize(json);
}
