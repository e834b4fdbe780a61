using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.EventProcessors;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Perfolizer.Horology;

namespace Tollgate.Benchmarks.Gate;

/// <summary>What <c>make bench</c> does: runs benchmarks and the calibration, prints one table, and says whether anything is broken.</summary>
internal static class GateRun
{
    private const string Artifacts = "artifacts/bench";
    private const string Results = "bench/results";
    private const string BaselineFile = Results + "/baseline.json";

    /// <summary>Runs, from the repository's root.</summary>
    /// <param name="filters">Which benchmarks.</param>
    /// <param name="commit">What is measured.</param>
    /// <param name="update">Whether to write the baseline and the pages of results.</param>
    /// <returns>The exit code: 0, 1 when a promise is broken or a time is, 2 when something did not run.</returns>
    public static int Run(string[] filters, string commit, bool update)
    {
        var processor = Processor();
        var taken = Taken(commit, processor);
        Directory.CreateDirectory(Artifacts);
        List<Summary> summaries;
        using (var log = new StreamWriter($"{Artifacts}/log.txt"))
        {
            string[] arguments = ["--filter", .. filters, $"*.{nameof(CalibrationBenchmarks)}.*"];
            summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(GateRun).Assembly).Run(arguments, Config(log))];
        }

        var reports = summaries.SelectMany(static summary => summary.Reports).ToArray();
        var expected = summaries.Sum(static summary => summary.BenchmarksCases.Length);
        var measurements = reports.Where(static report => report.ResultStatistics is not null).Select(Measure).ToArray();
        var calibration = measurements.FirstOrDefault(static measured => measured.Type == "Calibration");
        if (calibration is null || measurements.Length < expected || measurements.Length == 1)
        {
            Console.Error.WriteLine(
                $"{measurements.Length} of {expected} benchmarks ran, the calibration {(calibration is null ? "not " : string.Empty)}among them; see {Artifacts}/log.txt.");
            return 2;
        }

        var baseline = File.Exists(BaselineFile) ? Baseline.Parse(File.ReadAllText(BaselineFile)) : Baseline.None;
        var judgements = Judge.All(measurements, calibration.Fastest, baseline, processor);
        Console.WriteLine();
        Console.WriteLine($"{char.ToUpperInvariant(taken[0])}{taken[1..]}.");
        Console.WriteLine(baseline == Baseline.None ? "There is no baseline." : $"The baseline: {baseline.Taken}.");
        Console.WriteLine($"Ratio: fastest rounds, as multiples of the calibration{(baseline == Baseline.None || baseline.Processor == processor ? string.Empty : "; tolerances are doubled, as the baseline is another processor's")}.");
        Console.WriteLine();
        Console.Write(Report.Table(judgements));
        if (update)
        {
            Write(taken, processor, measurements, calibration.Fastest, baseline);
        }

        // A time that got worse is what an update is for; a promise is changed where it stands.
        return judgements.Any(judged => update ? judged.Verdict == Verdict.Allocates : judged.IsBroken) ? 1 : 0;
    }

    private static void Write(string taken, string processor, Measurement[] measurements, double calibration, Baseline baseline)
    {
        File.WriteAllText(BaselineFile, baseline.With(taken, processor, measurements, calibration).ToString());
        foreach (var type in measurements.GroupBy(static measured => measured.Type).Where(static type => type.Key != "Calibration"))
        {
            var page = $"{Results}/{type.Key}.md";
            File.WriteAllText(page, Report.Page(File.Exists(page) ? File.ReadAllText(page) : null, type.Key, taken, type));
        }

        Console.WriteLine($"Wrote {BaselineFile} and the pages beside it.");
    }

    private static ManualConfig Config(StreamWriter log)
    {
        // Short on purpose: all of it takes three minutes on two cores, so nobody has a reason not to run it. One job, so that everything is compiled once.
        var job = Job.Default.WithLaunchCount(1).WithWarmupCount(3).WithIterationCount(7).WithIterationTime(TimeInterval.FromMilliseconds(150));
        return ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddLogger(new StreamLogger(log))
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddExporter(MarkdownExporter.GitHub)
            .AddEventProcessor(new Progress())
            .WithArtifactsPath(Artifacts);
    }

    private static Measurement Measure(BenchmarkReport report)
    {
        var benchmark = report.BenchmarkCase;
        var method = benchmark.Descriptor.WorkloadMethod;
        var type = benchmark.Descriptor.Type;
        var statistics = report.ResultStatistics!;
        return new Measurement(
            type.Name.EndsWith("Benchmarks", StringComparison.Ordinal) ? type.Name[..^"Benchmarks".Length] : type.Name,
            Case(benchmark),
            statistics.Mean,
            statistics.Min,
            report.GcStats.GetBytesAllocatedPerOperation(benchmark) ?? 0,
            method.GetCustomAttribute<AllocatesAttribute>()?.Bytes,
            method.GetCustomAttribute<ReadsAttribute>()?.Bytes,
            (method.GetCustomAttribute<ToleranceAttribute>() ?? type.GetCustomAttribute<ToleranceAttribute>())?.Factor ?? Judge.Tolerance);
    }

    private static string Case(BenchmarkCase benchmark) => benchmark.Descriptor.WorkloadMethod.Name
        + (benchmark.HasParameters ? $"({string.Join(", ", benchmark.Parameters.Items.Select(static item => string.Create(CultureInfo.InvariantCulture, $"{item.Value}")))})" : string.Empty);

    private static string Processor() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown processor";

    private static string Taken(string commit, string processor)
    {
        var load = File.ReadAllText("/proc/loadavg").Split(' ')[0];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"at commit {commit}, {TimeProvider.System.GetUtcNow():yyyy-MM-dd}; {processor}, {Environment.ProcessorCount} cores, {RuntimeInformation.FrameworkDescription}, load average {load} at the start");
    }

    private sealed class Progress : EventProcessor
    {
        public override void OnStartBuildStage(IReadOnlyList<BuildPartition> partitions) => Console.WriteLine("Building");

        public override void OnEndRunBenchmark(BenchmarkCase benchmarkCase, BenchmarkReport report) =>
            Console.WriteLine($"{benchmarkCase.Descriptor.Type.Name}.{Case(benchmarkCase)}: {(report.ResultStatistics is { } statistics ? Report.Time(statistics.Mean) : "did not run")}");
    }
}
