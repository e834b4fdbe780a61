using System.Diagnostics;
using System.Globalization;

namespace Tollgate.LoadTest.Measuring;

/// <summary>System calls for each answer, or why they are not known.</summary>
/// <param name="PerRequest">Null when they were not counted.</param>
/// <param name="How">By what they were counted, or why not.</param>
internal sealed record SystemCalls(double? PerRequest, string How)
{
    private static readonly TimeSpan Counted = TimeSpan.FromSeconds(2);

    /// <summary>Counts them, of all threads that there are and that are made meanwhile.</summary>
    /// <param name="processes">Whose.</param>
    /// <param name="answers">Answers so far; asked before and after.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <remarks>
    /// perf's tracepoint costs the processes next to nothing; strace stops them at each call, so that under it fewer requests share a
    /// wake-up than usual. Neither belongs into a window that counts.
    /// </remarks>
    public static async Task<SystemCalls> CountAsync(IReadOnlyList<int> processes, Func<long> answers, CancellationToken cancellationToken)
    {
        var seconds = Counted.TotalSeconds.ToString(CultureInfo.InvariantCulture);
        var ids = string.Join(',', processes);
        var perf = await RunAsync("perf", ["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", ids, "--", "sleep", seconds], answers, cancellationToken);
        if (ParsePerf(perf.Text) is { } seen)
        {
            return Of(seen, perf.Answers, "perf");
        }

        string[] attach = [.. processes.SelectMany(static id => new[] { "-p", id.ToString(CultureInfo.InvariantCulture) })];
        var strace = await RunAsync("timeout", ["-s", "INT", seconds, "strace", "-c", "-f", "-U", "calls,name", .. attach], answers, cancellationToken);
        return ParseStrace(strace.Text) is { } traced
            ? Of(traced, strace.Answers, "strace")
            : new SystemCalls(null, $"not counted: perf said \"{FirstLine(perf.Text)}\", strace \"{FirstLine(strace.Text)}\"");
    }

    /// <summary>The count in a line of <c>perf stat -x,</c>; null without one, as for an event that is not permitted.</summary>
    public static long? ParsePerf(string output)
    {
        var line = output.Split('\n').FirstOrDefault(static line => line.Contains(",raw_syscalls:sys_enter,", StringComparison.Ordinal));
        return line is not null && long.TryParse(line.Split(',')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;
    }

    /// <summary>The count in the last line of <c>strace -c -U calls,name</c>.</summary>
    public static long? ParseStrace(string output)
    {
        var line = output.Split('\n').LastOrDefault(static line => line.EndsWith(" total", StringComparison.Ordinal));
        return line is not null && long.TryParse(line[..^" total".Length].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;
    }

    private static SystemCalls Of(long calls, double answers, string how) => answers < 1 ? new SystemCalls(null, $"not counted: no answer came while {how} did") : new SystemCalls(calls / answers, how);

    private static string FirstLine(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault() ?? "nothing";

    /// <summary>Runs a counter; the answers are those of <see cref="Counted"/> at the pace of the whole run, which its own start and end lengthen.</summary>
    private static async Task<(string Text, double Answers)> RunAsync(string file, IReadOnlyList<string> arguments, Func<long> answers, CancellationToken cancellationToken)
    {
        try
        {
            using var counter = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var (before, from) = (answers(), Stopwatch.GetTimestamp());
            try
            {
                var output = counter.StandardOutput.ReadToEndAsync(cancellationToken);
                var text = await counter.StandardError.ReadToEndAsync(cancellationToken) + await output;
                await counter.WaitForExitAsync(cancellationToken);
                return (text, (answers() - before) * Counted.TotalSeconds / Stopwatch.GetElapsedTime(from).TotalSeconds);
            }
            catch (OperationCanceledException)
            {
                counter.Kill(entireProcessTree: true);
                throw;
            }
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return (missing.Message, 0);
        }
    }
}
