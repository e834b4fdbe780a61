using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Cli;
using Tollgate.Configuration;

namespace Tollgate.Tests.Cli;

public sealed class PricesCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-prices").FullName;
    private readonly StringWriter _output = new();
    private readonly StringWriter _error = new();

    // The last moment of a day: the day after has other prices.
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 10, 6, 23, 59, 59, TimeSpan.Zero));

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_models_line_has_its_rates_fast_rates_and_band_below_their_headings()
    {
        Assert.Equal(0, await Run("prices list --at 2026-03-01"));
        var lines = Lines();
        Assert.Equal(["model", "input", "output", "5m", "1h", "read", "fast", "band"], Cells(Assert.Single(lines, static line => line.StartsWith("model ", StringComparison.Ordinal))));
        Assert.Equal(
            ["claude-opus-4-6", "5.00", "25.00", "6.25", "10.00", "0.50", "30.00/150.00", ">200,000:", "10.00/37.50"],
            Cells(Assert.Single(lines, static line => line.StartsWith("claude-opus-4-6 ", StringComparison.Ordinal))));
        Assert.Equal(["claude-3-haiku-20240307", "0.25", "1.25", "0.30", "0.50", "0.03", "-", "-"], Cells(Assert.Single(lines, static line => line.StartsWith("claude-3-haiku", StringComparison.Ordinal))));

        // Figures end below the end of their heading.
        var table = lines.SkipWhile(static line => !line.StartsWith("model ", StringComparison.Ordinal)).TakeWhile(static line => !line.Contains(" more model", StringComparison.Ordinal)).ToArray();
        var end = table[0].IndexOf("input", StringComparison.Ordinal) + "input".Length;
        Assert.All(table, line => Assert.True(line[end - 1] != ' ' && line[end] == ' ', line));
    }

    [Fact]
    public async Task A_model_without_a_price_that_day_is_counted_and_not_listed()
    {
        Assert.Equal(0, await Run("prices list --at 2026-09-27"));
        Assert.DoesNotContain(Lines(), static line => line.StartsWith("claude-sonnet-5-5", StringComparison.Ordinal));
        Assert.Equal("2 more models have no price on that day.", Lines()[^1]);
    }

    [Theory]
    [InlineData("", "0.2")]
    [InlineData(" --at 2026-10-06", "0.2")]
    [InlineData(" --at 2026-10-07", "0.1")]
    public async Task A_day_has_the_price_that_holds_when_it_begins_and_today_is_the_default(string at, string read)
    {
        Assert.Equal(0, await Run($"prices show claude-sonnet-5-5 --json{at}"));
        using var shown = JsonDocument.Parse(_output.ToString());
        var model = Assert.Single(shown.RootElement.GetProperty("models").EnumerateArray().ToArray());
        Assert.Equal(read, model.GetProperty("standard").GetProperty("cacheRead").GetRawText());
        Assert.Equal(at.Length == 0 ? "2026-10-06" : at[6..], shown.RootElement.GetProperty("date").GetString());
    }

    [Fact]
    public async Task A_list_as_JSON_has_every_figure_as_a_plain_number()
    {
        Assert.Equal(0, await Run("prices list --json --at 2026-11-24"));
        using var shown = JsonDocument.Parse(_output.ToString());
        Assert.Equal("USD per million tokens", shown.RootElement.GetProperty("unit").GetString());
        var haiku = Assert.Single(shown.RootElement.GetProperty("models").EnumerateArray(), static model => model.GetProperty("model").ValueEquals("claude-haiku-5-5"));
        Assert.Equal("0.125", haiku.GetProperty("standard").GetProperty("cacheWrite5m").GetRawText());
        Assert.Equal(JsonValueKind.Null, haiku.GetProperty("fast").ValueKind);
        var band = Assert.Single(haiku.GetProperty("longPrompt").EnumerateArray().ToArray());
        Assert.Equal(100_000, band.GetProperty("over").GetInt64());
        Assert.Equal("2.5", band.GetProperty("rates").GetProperty("output").GetRawText());
    }

    [Theory]
    [InlineData("claude-opus-4-5")]
    [InlineData("us.anthropic.claude-opus-4-5-20251101-v1:0")]
    public async Task A_model_is_shown_by_any_of_its_names(string name)
    {
        Assert.Equal(0, await Run($"prices show {name}"));
        Assert.StartsWith("claude-opus-4-5-20251101 ", Lines()[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("claude-opus-4-9", "claude-opus-4-")]
    [InlineData("sonnet-5-5", "Near it: claude-sonnet-5-5,")]
    public async Task An_unknown_model_exits_with_1_and_near_names(string name, string near)
    {
        Assert.Equal(1, await Run($"prices show {name}"));
        Assert.Equal("", _output.ToString());
        Assert.Contains($"does not know \"{name}\"", _error.ToString(), StringComparison.Ordinal);
        Assert.Contains(near, _error.ToString().Split("Near it")[1].Insert(0, "Near it"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_known_model_without_a_price_that_day_exits_with_1_and_its_days()
    {
        Assert.Equal(1, await Run("prices show claude-sonnet-5-5 --at 2026-09-01"));
        Assert.Contains("has no price on 2026-09-01. It has one from 2026-09-28 to before 2026-10-07, from 2026-10-07 on.", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_configured_file_of_prices_is_on_top()
    {
        var prices = Path.Combine(_directory, "prices.json");
        await File.WriteAllTextAsync(
            prices,
            """
            {"revision": 7, "asOf": "2026-12-01", "models": [{"id": "claude-opus-5-5", "note": "Contract.", "batch": 0.5,
              "standard": [{"input": 3.6, "output": 18, "cacheWrite5m": 4.5, "cacheWrite1h": 7.2, "cacheRead": 0.18}], "fast": [], "longPrompt": []}]}
            """,
            TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(_directory, "own.json"), JsonSerializer.Serialize(new { prices = new { file = prices } }), TestContext.Current.CancellationToken);
        Assert.Equal(0, await Run("prices show claude-opus-5-5 --config own.json"));
        Assert.Contains("price list 7, checked on 2026-12-01", Lines()[0], StringComparison.Ordinal);
        Assert.Equal(["claude-opus-5-5", "3.60", "18.00", "4.50", "7.20", "0.18", "-", "-"], Cells(Lines()[^1]));
    }

    [Theory]
    [InlineData("prices", 2)]
    [InlineData("prices show", 2)]
    [InlineData("prices list --at tomorrow", 2)]
    [InlineData("prices list --at 2026-02-30", 2)]
    [InlineData("prices list --config nowhere.json", 2)]
    [InlineData("prices list --help", 0)]
    public async Task Prices_exits_as_documented(string command, int code)
    {
        Assert.Equal(code, await Run(command));
        Assert.NotEqual("", $"{_output}{_error}");
    }

    private string[] Lines() => _output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    private static string[] Cells(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private Task<int> Run(string command) =>
        new CommandLine(new ConfigurationLoader(new Dictionary<string, string>(), _directory), _time, static (_, _) => throw new InvalidOperationException("Nothing is served here."))
            .RunAsync(command.Split(' ', StringSplitOptions.RemoveEmptyEntries), _output, _error, CancellationToken.None);
}
