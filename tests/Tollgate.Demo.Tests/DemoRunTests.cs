using System.Globalization;
using System.Text.RegularExpressions;

namespace Tollgate.Demo.Tests;

/// <summary>The whole demo: its processes, its two books, its end.</summary>
public sealed partial class DemoRunTests
{
    [Fact]
    public async Task The_demo_runs_ends_by_itself_and_what_was_counted_is_what_is_stored()
    {
        using var home = new TemporaryDirectory();
        var directory = home.Subdirectory("demo");
        await using var demo = new DemoProcess(directory, "--seconds", "8");
        Assert.True(await demo.WaitForExitAsync() == 0, demo.Output);
        Assert.Empty(DemoProcess.Naming(directory));

        var lines = ClosingLine().Matches(demo.Output).ToDictionary(static line => line.Groups["name"].Value.Trim(), static line => (Number(line, "counted"), Number(line, "stored")));
        Assert.Equal(14, lines.Count);
        Assert.All(lines, static line => Assert.Equal(line.Value.Item1, line.Value.Item2));
        Assert.True(lines["upstream_requests_total"].Item1 >= 20, demo.Output);
        Assert.All((string[])["input_tokens_total", "output_tokens_total", "cache_write_input_tokens_5m_total", "cost_total"], name => Assert.True(lines[name].Item1 > 0, name));
        Assert.Contains("missing or twice in the ledger: 0.", demo.Output, StringComparison.Ordinal);

        static decimal Number(Match line, string group) => decimal.Parse(line.Groups[group].Value, CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task A_demo_that_is_started_again_has_its_history_once_and_leaves_no_process_when_killed()
    {
        using var home = new TemporaryDirectory();
        var directory = home.Subdirectory("demo");
        await using (var first = new DemoProcess(directory))
        {
            await first.UntilPrintedAsync("It is stopped by Ctrl-C");
            await first.SignalAsync("INT");
            Assert.True(await first.WaitForExitAsync() == 0, first.Output);
            Assert.Empty(DemoProcess.Naming(directory));
        }

        await using var second = new DemoProcess(directory);
        await second.UntilPrintedAsync("It is stopped by Ctrl-C");
        var attempts = long.Parse(Attempts().Match(second.Output).Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
        using var http = new HttpClient();
        using var question = new StringContent("SELECT countIf(ts < now() - INTERVAL 5 MINUTE), uniqExact(gateway_id) FROM tollgate.requests");
        using var answer = await http.PostAsync(Store().Match(second.Output).Groups[1].Value, question, TestContext.Current.CancellationToken);
        var counts = (await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Trim().Split('\t');
        Assert.InRange(long.Parse(counts[0], CultureInfo.InvariantCulture), attempts - 50, attempts);
        Assert.Equal("1", counts[1]);

        await second.SignalAsync("KILL");
        await second.WaitForExitAsync();
        await second.UntilAllGoneAsync(directory);
    }

    [Fact]
    public async Task A_directory_that_is_not_a_demos_is_left_alone()
    {
        using var home = new TemporaryDirectory();
        var directory = home.Subdirectory("mine");
        Directory.CreateDirectory(directory);
        await File.WriteAllTextAsync(Path.Combine(directory, "thesis.txt"), "years of work", TestContext.Current.CancellationToken);
        await using var demo = new DemoProcess(directory);
        Assert.Equal(1, await demo.WaitForExitAsync());
        Assert.Contains($"{directory} holds files that are not a demo's", demo.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(directory, "thesis.txt")));
    }

    [GeneratedRegex(@"^  (?<name>[a-z_0-9]+(?: token_type=\S+)?) +(?<counted>[0-9.]+) +(?<stored>[0-9.]+)  ", RegexOptions.Multiline)]
    private static partial Regex ClosingLine();

    [GeneratedRegex("in the spool: ([0-9,]+) attempts")]
    private static partial Regex Attempts();

    [GeneratedRegex(@"SQL +(http://\S+)")]
    private static partial Regex Store();
}
