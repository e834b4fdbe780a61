using System.Diagnostics;
using System.Globalization;
using HdrHistogram;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.ClickHouse;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Benchmarks.Recording;

/// <summary>What <c>spool.syncInterval</c> costs at 5,000 attempts a second: how long an answer's end waits, syncs, CPU.</summary>
/// <remarks>
/// Open model: attempts are due every 200 µs whatever became of those before, and an answer's wait is measured from when its draft was due. The settings take
/// turns, several rounds each, on the disk of the temporary directory.
/// </remarks>
internal static class SyncIntervalMeasurement
{
    private const int Rate = 5_000;
    private const int Rounds = 3;
    private static readonly TimeSpan RoundLength = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan[] Intervals = [TimeSpan.Zero, TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(100)];

    /// <summary>Measures, and writes a table.</summary>
    public static async Task RunAsync(TextWriter output)
    {
        var waits = Intervals.ToDictionary(static interval => interval, static _ => new LongHistogram(TimeSpan.TicksPerMinute, 3));
        var costs = Intervals.ToDictionary(static interval => interval, static _ => new List<(double Syncs, double Cpu)>());
        await RunRoundAsync(TimeSpan.FromMilliseconds(100), new LongHistogram(TimeSpan.TicksPerMinute, 3)); // Warm.
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var interval in Intervals)
            {
                costs[interval].Add(await RunRoundAsync(interval, waits[interval]));
            }
        }

        output.WriteLine($"spool.syncInterval at {Rate:N0} attempts/s (two drafts and a row each), {Rounds} rounds of {RoundLength.TotalSeconds:0} s in turn, medians");
        output.WriteLine();
        output.WriteLine("| syncInterval | wait of an answer's end p50 µs | p99 µs | max µs | syncs/s | CPU µs per attempt, whole process |");
        output.WriteLine("| --- | --- | --- | --- | --- | --- |");
        foreach (var interval in Intervals)
        {
            var wait = waits[interval];
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {interval.TotalMilliseconds:0} ms | {Microseconds(wait, 50):0.0} | {Microseconds(wait, 99):0.0} | {wait.GetMaxValue() / 10.0:0} | {Median(costs[interval].Select(static cost => cost.Syncs)):0} | {Median(costs[interval].Select(static cost => cost.Cpu)):0.0} |"));
        }
    }

    private static async Task<(double SyncsPerSecond, double CpuMicrosecondsPerAttempt)> RunRoundAsync(TimeSpan interval, LongHistogram waits)
    {
        var directory = Directory.CreateTempSubdirectory("tollgate-bench-").FullName;
        try
        {
            var options = new SpoolOptions { SyncInterval = interval };
            var events = new GatewayEvents(new GatewayMetrics(new MetricsOptions()), NullLogger<GatewayEvents>.Instance);
            var files = new CountingFiles(LinuxSpoolFiles.Take(directory));
            using var spool = UsageSpool.Open(files, new SpoolSettings(options.SegmentBytes, options.MaxBytes, RequestsTable.Version), events, TimeProvider.System);
            using var committer = new SpoolCommitter(spool, interval, TimeProvider.System);
            using var folds = FoldTable.Open(files, events);
            var recorder = new UsageRecorder(spool, committer, new RowBinaryFormat(), folds, options, TimeProvider.System, events);

            var cpu = Process.GetCurrentProcess().TotalProcessorTime;
            var before = files.Syncs;
            var attempts = await LoadAsync(recorder, waits);
            return ((files.Syncs - before) / RoundLength.TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalMicroseconds / attempts);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<int> LoadAsync(UsageRecorder recorder, LongHistogram waits)
    {
        var total = (int)(Rate * RoundLength.TotalSeconds);
        var started = Stopwatch.GetTimestamp();
        var open = new List<Task>();
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
        for (var sent = 0; sent < total;)
        {
            var due = (int)Math.Min(total, Stopwatch.GetElapsedTime(started).TotalSeconds * Rate);
            for (; sent < due; sent++)
            {
                var task = AttemptAsync(recorder, waits, started + (long)((double)sent / Rate * Stopwatch.Frequency));
                if (!task.IsCompletedSuccessfully)
                {
                    open.Add(task);
                }
            }

            open.RemoveAll(static task => task.IsCompletedSuccessfully);
            await pace.WaitForNextTickAsync();
        }

        await Task.WhenAll(open);
        return total;
    }

    private static async Task AttemptAsync(UsageRecorder recorder, LongHistogram waits, long due)
    {
        var row = TypicalRow.Make();
        var attempt = recorder.Begin();
        recorder.Draft(attempt, row);
        var answered = Math.Max(due, Stopwatch.GetTimestamp());
        recorder.Draft(attempt, row);
        await recorder.WhenSafeAsync(attempt, CancellationToken.None);
        var wait = Stopwatch.GetElapsedTime(answered).Ticks;
        lock (waits)
        {
            waits.RecordValue(Math.Max(1, wait));
        }

        recorder.Close(attempt, row);
    }

    private static double Microseconds(LongHistogram ticks, double percentile) => ticks.GetValueAtPercentile(percentile) / 10.0;

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    /// <summary>Counts what goes to the disk.</summary>
    private sealed class CountingFiles(ISpoolFiles files) : ISpoolFiles
    {
        private int _syncs;

        public int Syncs => Volatile.Read(ref _syncs);

        public IReadOnlyList<string> List() => files.List();

        public ISpoolFile Create(string name, int bytes) => new CountingFile(files.Create(name, bytes), this);

        public ISpoolFile Open(string name) => new CountingFile(files.Open(name), this);

        public void Delete(string name) => files.Delete(name);

        public void SyncDirectory() => files.SyncDirectory();

        public void WriteWhole(string name, ReadOnlySpan<byte> content) => files.WriteWhole(name, content);

        public byte[] ReadWhole(string name) => files.ReadWhole(name);

        public void Dispose() => files.Dispose();

        private sealed class CountingFile(ISpoolFile file, CountingFiles owner) : ISpoolFile
        {
            public int Length => file.Length;

            public Memory<byte> Map() => file.Map();

            public void Unmap() => file.Unmap();

            public void Read(int offset, Span<byte> into) => file.Read(offset, into);

            public void Rewrite() => file.Rewrite();

            public void Sync()
            {
                file.Sync();
                Interlocked.Increment(ref owner._syncs);
            }

            public void Sync(int from, int to)
            {
                file.Sync(from, to);
                Interlocked.Increment(ref owner._syncs);
            }

            public void Dispose() => file.Dispose();
        }
    }
}
