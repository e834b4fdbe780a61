using System.CommandLine;
using System.Globalization;
using HdrHistogram;

namespace Tollgate.Soak;

/// <summary><c>outage</c>: the store goes away under constant load and comes back.</summary>
internal static class OutageVerb
{
    private static readonly OutagePhase[] Reported = [OutagePhase.Before, OutagePhase.During, OutagePhase.CatchUp, OutagePhase.After];

    /// <summary>The verb.</summary>
    public static Command Create(TextWriter output)
    {
        var minutes = new Option<double>("--minutes") { Description = "How long the store is away.", DefaultValueFactory = static _ => 10 };
        var rate = new Option<int>("--rate") { Description = "Calls a second, at constant distance.", DefaultValueFactory = static _ => 2000 };
        minutes.RequirePositive();
        rate.RequirePositive();
        var verb = new Command("outage", "Take the store away under constant load, bring it back, measure what clients notice and how fast the rows follow.") { minutes, rate };
        verb.SetAction((parsed, cancellation) => RunAsync(new StoreOutageOptions(TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(rate)), output, cancellation));
        return verb;
    }

    private static async Task<int> RunAsync(StoreOutageOptions options, TextWriter output, CancellationToken cancellation)
    {
        var report = await StoreOutage.RunAsync(options, output, cancellation);
        foreach (var offence in report.Verdict.Offences)
        {
            await output.WriteLineAsync(offence);
        }

        ClosingTable.Write(Rows(report, options), output);
        if (report.KeptDirectory is null)
        {
            return 0;
        }

        await output.WriteLineAsync($"The ledger is not exact. It is kept: {report.KeptDirectory}");
        return 1;
    }

    private static IEnumerable<(string Name, string Value)> Rows(StoreOutageReport report, StoreOutageOptions options)
    {
        var (start, most, end) = report.Memory;
        yield return ("calls before/during/catch-up/after", Each(report, static phase => Number(phase.Calls)));
        yield return ("errors", Each(report, static phase => Number(phase.Errors)));
        yield return ("latency p50, ms", Each(report, static phase => Milliseconds(phase.Latency, 50)));
        yield return ("latency p99, ms", Each(report, static phase => Milliseconds(phase.Latency, 99)));
        yield return ("latency p99.9, ms", Each(report, static phase => Milliseconds(phase.Latency, 99.9)));
        yield return ("generator's own lag p50, ms", Each(report, static phase => Milliseconds(phase.Lag, 50)));
        yield return ("generator's own lag p99, ms", Each(report, static phase => Milliseconds(phase.Lag, 99)));
        yield return ("gateway at the start", start.ToString());
        yield return ("gateway at its largest, store away", most.ToString());
        yield return ("gateway at the end", end.ToString());
        yield return ("gateway's files at their largest", $"{ProcessMemory.Mebibytes(report.SpoolBytes)} MiB");
        yield return ("rows behind when the store was back", Number(report.Backlog));
        yield return ("seconds until none was", report.Drained is { } drained ? drained.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture) : "never");
        yield return ("catch-up, rows a second", report.CatchUpRate.ToString("F0", CultureInfo.InvariantCulture));
        yield return ("catch-up, times the arrival rate", (report.CatchUpRate / options.Rate).ToString("F1", CultureInfo.InvariantCulture));
        yield return ("answered in full", Number(report.Verdict.Answered));
        yield return ("rows found", Number(report.Verdict.Rows));
        yield return ("missing", Number(report.Verdict.Missing));
        yield return ("duplicates", Number(report.Verdict.Duplicates));
        yield return ("duplicates stored, seen without FINAL", Number(report.StoredTwice));
        yield return ("drift of found rows, tokens", Number(report.Verdict.TokenDrift));
        yield return ("drift of found rows, USD", (report.Verdict.CostDrift / 1_000_000_000m).ToString("F9", CultureInfo.InvariantCulture));
    }

    private static string Each(StoreOutageReport report, Func<PhaseFigures, string> figure) => string.Join(" / ", Reported.Select(phase => figure(report.Load[phase])));

    private static string Milliseconds(HistogramBase histogram, double percentile) =>
        (histogram.GetValueAtPercentile(percentile) / 1000.0).ToString("F2", CultureInfo.InvariantCulture);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
