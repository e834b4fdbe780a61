using System.CommandLine;
using System.Globalization;
using Tollgate.LoadTest.Measuring;
using Tollgate.LoadTest.Peers;
using Tollgate.LoadTest.Reporting;

namespace Tollgate.LoadTest;

/// <summary>The command line.</summary>
internal static class LoadTestCommand
{
    /// <summary>The command, without its verbs.</summary>
    public static RootCommand Create(TextWriter output)
    {
        var scenario = new Option<string>("--scenario") { Description = "What is sent: " + string.Join("; ", Scenario.All.Select(static each => $"{each.Name} ({each.Summary})")) + ".", DefaultValueFactory = static _ => "turn" };
        scenario.AcceptOnlyFromAmong([.. Scenario.All.Select(static each => each.Name)]);
        var rate = new Option<string>("--rate") { Description = $"Requests a second, 1 to {LoadTestOptions.MaxRate:N0}; several by commas. Default: the scenario's." };
        var seconds = new Option<double?>("--seconds") { Description = "Length of a window: at most 120, soak a day. Default: 10, soak 600." };
        var warmUp = new Option<double>("--warm-up") { Description = "Seconds of load before each window, three times that before a peer's first; at most 60.", DefaultValueFactory = static _ => 3 };
        var rounds = new Option<int?>("--rounds") { Description = "Windows that must count for each peer, 1 to 20; void ones are repeated, up to as many again. Default: 3, soak 1." };
        var peers = new Option<string>("--peers") { Description = $"Who takes part, by commas: {string.Join(", ", PeerStarter.Names)}. Default: the scenario's." };
        var connections = new Option<int?>("--connections") { Description = "Connections kept open, 1 to 8,192. Default: the scenario's." };
        var threads = new Option<int>("--threads") { Description = "Loops of the generator, 1 to 64. Default: one for each two cores.", DefaultValueFactory = static _ => Math.Max(1, Environment.ProcessorCount / 2) };
        var otherCpu = new Option<double>("--max-other-cpu") { Description = "A window is void when others used more than this, percent of the machine.", DefaultValueFactory = static _ => ValidityBounds.Usual.OtherCpuPercent };
        var lag = new Option<double>("--max-lag") { Description = "A window is void when the generator was late by more than this at p99, milliseconds.", DefaultValueFactory = static _ => ValidityBounds.Usual.Lag.TotalMilliseconds };
        var patience = new Option<double>("--patience") { Description = "Seconds to wait, before each window, for others to use less than that; at most 600.", DefaultValueFactory = static _ => 10 };
        var seed = new Option<int>("--seed") { Description = "Of the order of the peers. Default: random.", DefaultValueFactory = static _ => Random.Shared.Next() };
        var nginx = new Option<string>("--nginx") { Description = "nginx's executable.", DefaultValueFactory = static _ => "nginx" };
        var haproxy = new Option<string>("--haproxy") { Description = "haproxy's executable.", DefaultValueFactory = static _ => "haproxy" };
        var results = new Option<string>("--results") { Description = "Where reports go. Default: loadtest/results, or artifacts/loadtest when a line is void or a bound was loosened." };

        var command = new RootCommand("Open-model load on the built gateway beside plain proxies, over loopback. Exits with 0 when every line of the report counts.")
        {
            scenario, rate, seconds, warmUp, rounds, peers, connections, threads, otherCpu, lag, patience, seed, nginx, haproxy, results,
        };
        command.SetAction((parsed, cancellation) =>
        {
            var chosen = Scenario.Find(parsed.GetValue(scenario)!)!;
            var options = new LoadTestOptions
            {
                Scenario = chosen,
                Rates = parsed.GetValue(rate) is { Length: > 0 } rates ? [.. rates.Split(',').Select(static text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var each) ? each : 0)] : [chosen.Rate],
                Window = TimeSpan.FromSeconds(parsed.GetValue(seconds) ?? (chosen.IsLong ? 600 : 10)),
                WarmUp = TimeSpan.FromSeconds(parsed.GetValue(warmUp)),
                Rounds = parsed.GetValue(rounds) ?? (chosen.IsLong ? 1 : 3),
                Peers = parsed.GetValue(peers) is { Length: > 0 } names ? names.Split(',') : chosen.Peers,
                Connections = parsed.GetValue(connections) ?? chosen.Connections,
                Threads = parsed.GetValue(threads),
                Bounds = new ValidityBounds(parsed.GetValue(otherCpu), TimeSpan.FromMilliseconds(parsed.GetValue(lag))),
                Patience = TimeSpan.FromSeconds(parsed.GetValue(patience)),
                Seed = parsed.GetValue(seed),
                Nginx = parsed.GetValue(nginx)!,
                Haproxy = parsed.GetValue(haproxy)!,
                Directory = parsed.GetValue(results),
            };
            return RunAsync(options, output, cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(LoadTestOptions options, TextWriter output, CancellationToken cancellation)
    {
        var problems = options.Problems().ToArray();
        foreach (var problem in problems)
        {
            await Console.Error.WriteLineAsync(problem);
        }

        if (problems.Length > 0)
        {
            return 2;
        }

        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{options.Scenario.Name}: {options.Scenario.Summary}. Order by seed {options.Seed}."));
        await using var run = await LoadTestRun.StartAsync(options, output.WriteLine, cancellation);
        var allCount = true;
        foreach (var rate in options.Rates)
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"\n{rate:N0} requests a second"));
            var report = await run.MeasureAsync(rate, cancellation);
            await output.WriteLineAsync("\n" + ReportTable.Terminal(report));
            if (report.Ledger is { } ledger)
            {
                await output.WriteLineAsync($"ledger: {ledger}");
            }

            var path = ReportFiles.Save(report, options.Directory);
            await output.WriteLineAsync(report.IsValid ? $"Written: {path}" : $"Not a result, because lines are void or bounds were loosened. Written for inspection only: {path}");
            allCount &= report.IsValid;
        }

        return allCount ? 0 : 1;
    }
}
