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
        var scenario = new Option<string?>("--scenario") { Description = "Without one, the set: several scenarios in short windows and one table of targets. Else what is sent: " + string.Join("; ", Scenario.All.Select(static each => $"{each.Name} ({each.Summary})")) + "." };
        var everything = new Option<bool>("--everything") { Description = "The scenario's load on a gateway with keys, budgets, limits, ledger and metrics on, beside tollgate-off, which has all of that off." };
        scenario.AcceptOnlyFromAmong([.. Scenario.All.Select(static each => each.Name)]);
        var rate = new Option<string>("--rate") { Description = $"Requests a second, 1 to {LoadTestOptions.MaxRate:N0}; several by commas. Default: the scenario's." };
        var seconds = new Option<double?>("--seconds") { Description = "Length of a window: at most 120, soak a day. Default: 10; soak 600; streams 20; in the set 5." };
        var warmUp = new Option<double?>("--warm-up") { Description = "Seconds of load before each window, five times that before a peer's first; at most 60. Default: 3; in the set 2." };
        var rounds = new Option<int?>("--rounds") { Description = "Windows that must count for each peer, 1 to 20; void ones are repeated, up to as many again. Default: 3; soak and streams 1; in the set 2." };
        var peers = new Option<string>("--peers") { Description = $"Who takes part, by commas: {string.Join(", ", PeerStarter.Names)}. Default: the scenario's." };
        var connections = new Option<int?>("--connections") { Description = "Connections kept open, or streams, 1 to 25,000. Default: the scenario's." };
        var pause = new Option<double>("--pause") { Description = "Seconds between the events of a stream that is held, 0.1 to 60.", DefaultValueFactory = static _ => 2 };
        var threads = new Option<int>("--threads") { Description = "Loops of the generator, 1 to 64. Default: one for each two cores.", DefaultValueFactory = static _ => Math.Max(1, Environment.ProcessorCount / 2) };
        var otherCpu = new Option<double>("--max-other-cpu") { Description = "A window is void when others used more than this, percent of the machine.", DefaultValueFactory = static _ => ValidityBounds.Usual.OtherCpuPercent };
        var lag = new Option<double>("--max-lag") { Description = "A window is void when the generator was late by more than this at p99, milliseconds.", DefaultValueFactory = static _ => ValidityBounds.Usual.Lag.TotalMilliseconds };
        var patience = new Option<double?>("--patience") { Description = "Seconds to wait, before each window, for others to use less than that; at most 600. Default: 10; in the set 2." };
        var seed = new Option<int>("--seed") { Description = "Of the order of the peers. Default: random.", DefaultValueFactory = static _ => Random.Shared.Next() };
        var nginx = new Option<string>("--nginx") { Description = "nginx's executable.", DefaultValueFactory = static _ => "nginx" };
        var haproxy = new Option<string>("--haproxy") { Description = "haproxy's executable.", DefaultValueFactory = static _ => "haproxy" };
        var results = new Option<string>("--results") { Description = "Where reports go. Default: loadtest/results, or artifacts/loadtest when a line is void or a bound was loosened." };

        var command = new RootCommand("Open-model load on the built gateway beside plain proxies, over loopback. Exits with 0 when every line of the report counts.")
        {
            scenario, everything, rate, seconds, warmUp, rounds, peers, connections, pause, threads, otherCpu, lag, patience, seed, nginx, haproxy, results,
        };
        command.SetAction((parsed, cancellation) =>
        {
            if (parsed.GetValue(scenario) is not { } name)
            {
                string[] alone = [.. new Option[] { rate, peers, connections, everything }.Where(option => parsed.GetResult(option) is { Implicit: false }).Select(static option => option.Name)];
                return alone.Length > 0
                    ? RefuseAsync([$"{string.Join(", ", alone)} belong{(alone.Length == 1 ? "s" : string.Empty)} to one scenario: add --scenario NAME."])
                    : RunSetAsync([.. LoadSet.Entries.Select(entry => OptionsOf(entry.Scenario, entry.Scenario.Rate, entry.Peers, inSet: true))], output, cancellation);
            }

            var chosen = Scenario.Find(name)!;
            return RunAsync(OptionsOf(parsed.GetValue(everything) ? chosen.WithEverything() : chosen, null, null, inSet: false), output, cancellation);

            LoadTestOptions OptionsOf(Scenario chosen, int? setRate, IReadOnlyList<string>? setPeers, bool inSet) => new()
            {
                Scenario = chosen,
                Rates = parsed.GetValue(rate) is { Length: > 0 } rates ? [.. rates.Split(',').Select(static text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var each) ? each : 0)] : [setRate ?? chosen.Rate],
                Window = TimeSpan.FromSeconds(parsed.GetValue(seconds) ?? (chosen.IsLong ? 600 : chosen.Holds && !inSet ? 20 : inSet ? 5 : 10)),
                WarmUp = TimeSpan.FromSeconds(parsed.GetValue(warmUp) ?? (inSet ? 2 : 3)),
                Rounds = parsed.GetValue(rounds) ?? (chosen.IsLong || chosen.Holds ? 1 : inSet ? 2 : 3),
                Peers = parsed.GetValue(peers) is { Length: > 0 } names ? names.Split(',') : setPeers ?? chosen.Peers,
                Connections = parsed.GetValue(connections) ?? chosen.Connections,
                Pause = TimeSpan.FromSeconds(parsed.GetValue(pause)),
                RepeatUntil = inSet ? LoadSet.RepeatUntil() : long.MaxValue,
                Threads = parsed.GetValue(threads),
                Bounds = new ValidityBounds(parsed.GetValue(otherCpu), TimeSpan.FromMilliseconds(parsed.GetValue(lag))),
                Patience = TimeSpan.FromSeconds(parsed.GetValue(patience) ?? (inSet ? 2 : 10)),
                Seed = parsed.GetValue(seed),
                Nginx = parsed.GetValue(nginx)!,
                Haproxy = parsed.GetValue(haproxy)!,
                Directory = parsed.GetValue(results),
            };
        });
        return command;
    }

    /// <summary>Everything in turn, then one table of what all of it says of the targets.</summary>
    private static async Task<int> RunSetAsync(IReadOnlyList<LoadTestOptions> set, TextWriter output, CancellationToken cancellation)
    {
        if (set.SelectMany(static options => options.Problems()).Distinct().ToArray() is { Length: > 0 } problems)
        {
            return await RefuseAsync(problems);
        }

        var reports = new List<LoadTestReport>();
        foreach (var options in set)
        {
            reports.AddRange(await ReportAsync(options, output, cancellation));
            await output.WriteLineAsync();
        }

        await output.WriteLineAsync(ReportTable.Terminal([.. reports.SelectMany(static report => report.Targets)]));
        await output.WriteLineAsync($"Written: {ReportFiles.Save(reports, set[0].Directory)}");
        return reports.All(static report => report.IsValid) ? 0 : 1;
    }

    private static async Task<int> RunAsync(LoadTestOptions options, TextWriter output, CancellationToken cancellation)
    {
        if (options.Problems().ToArray() is { Length: > 0 } problems)
        {
            return await RefuseAsync(problems);
        }

        var reports = await ReportAsync(options, output, cancellation);
        return reports.All(static report => report.IsValid) ? 0 : 1;
    }

    private static async Task<int> RefuseAsync(IReadOnlyList<string> problems)
    {
        foreach (var problem in problems)
        {
            await Console.Error.WriteLineAsync(problem);
        }

        return 2;
    }

    /// <summary>One scenario at each of its rates, printed and written.</summary>
    private static async Task<IReadOnlyList<LoadTestReport>> ReportAsync(LoadTestOptions asked, TextWriter output, CancellationToken cancellation)
    {
        var options = WithinFileLimit(asked, output);
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{options.Scenario.Title}: {options.Scenario.Summary}. Order by seed {options.Seed}."));
        await using var run = await LoadTestRun.StartAsync(options, output.WriteLine, cancellation);
        var reports = new List<LoadTestReport>();
        foreach (var rate in options.Rates)
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"\n{rate:N0} requests a second"));
            var report = await run.MeasureAsync(rate, cancellation);
            await output.WriteLineAsync("\n" + ReportTable.Terminal(report));
            if (report.Ledger is { } ledger)
            {
                await output.WriteLineAsync($"ledger: {ledger}");
            }

            if (report.Targets.Count > 0)
            {
                await output.WriteLineAsync(ReportTable.Terminal(report.Targets));
            }

            var path = ReportFiles.Save(report, options.Directory);
            await output.WriteLineAsync(report.IsValid ? $"Written: {path}" : $"Not a result, because lines are void or bounds were loosened. Written for inspection only: {path}");
            reports.Add(report);
        }

        return reports;
    }

    /// <summary>As many streams as a proxy may have sockets for, twice; children inherit the limit.</summary>
    private static LoadTestOptions WithinFileLimit(LoadTestOptions options, TextWriter output)
    {
        var limit = FileLimit.Raise((2L * options.Connections) + FileLimit.Spare);
        if (!options.Scenario.Holds || FileLimit.Streams(limit, options.Connections) is var streams && streams == options.Connections)
        {
            return options;
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{streams:N0} streams instead of {options.Connections:N0}: a process may have {limit:N0} files open, and a proxy needs two for each stream. Raise it with: ulimit -Hn {(2 * options.Connections) + FileLimit.Spare}"));
        return options with { Connections = streams };
    }
}
