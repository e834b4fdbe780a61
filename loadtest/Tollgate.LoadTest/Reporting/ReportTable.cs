using System.Globalization;
using System.Text;
using Tollgate.LoadTest.Measuring;

namespace Tollgate.LoadTest.Reporting;

/// <summary>A report as text, for terminals and for Markdown.</summary>
internal static class ReportTable
{
    private const string None = "–";
    private const string AnswersASecond = "answers a second";

    // Figures down, peers across: twenty figures across fit no page.
    private static readonly string[] Figures =
    [
        "peer", "windows that count", AnswersASecond, "p50", "p90", "p99", "p99.9", "added p50", "added p90", "added p99", "added p99.9",
        "first byte p50", "first byte p99", "added first byte p50", "added first byte p99", "gap p50", "gap p99", "gap max", "added gap p50", "added gap p99", "CPU, µs", "CPU of the store, µs", "context switches", "system calls",
        "overhead p50, µs", "overhead p99, µs", "RSS idle", "RSS loaded", "RSS after", "RSS of the store", "streams held", "RSS a stream, KiB", "socket buffers a stream, KiB", "errors", "generator's lag p99",
    ];

    /// <summary>The whole page.</summary>
    public static string Markdown(LoadTestReport report)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# {report.Scenario} at {report.Rate:N0} requests a second\n\n");
        text.Append(CultureInfo.InvariantCulture, $"Each request: {report.Summary}. Written by `make loadtest {Arguments(report)} RATE={report.Rate}`; raw figures in `{report.Name}.json`.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"{report.Conditions}\n\n");
        text.Append(report.Rows.Any(static row => row.Streams is not null)
            ? "Times in ms, the first byte's from when a stream was due; medians over the windows that count. CPU and context switches for each event. RSS in MiB; for each stream, what it takes beyond idle. Socket buffers are the kernel's, of all sockets here, both ends of each connection.\n\n"
            : "Latencies in ms from when a request was due; medians over the windows that count. CPU, context switches and system calls of the processes that relay, for each answer; a gateway's store apart. Overhead is what the gateway's own metrics say, the percentiles of its phases added. RSS in MiB.\n\n");
        AppendTable(text, Lines(report));
        foreach (var row in report.Rows.Where(static row => row.SystemCalls is not null))
        {
            text.Append(CultureInfo.InvariantCulture, $"{(row == report.Rows.First(static row => row.SystemCalls is not null) ? "\nSystem calls, in a window of their own: " : "; ")}{row.Peer} {(row.SystemCalls!.PerRequest is null ? string.Empty : "by ")}{row.SystemCalls.How}");
        }

        if (report.Targets.Count > 0)
        {
            text.Append("\n\n## Targets\n\n");
            AppendTable(text, TargetLines(report.Targets));
        }

        if (report.Ledger is { } ledger)
        {
            text.Append(CultureInfo.InvariantCulture, $"\nLedger: {ledger}.\n");
        }

        foreach (var row in report.Rows.Where(static row => row.MemoryOverTime.Count > 0))
        {
            text.Append(CultureInfo.InvariantCulture, $"\nRSS of {row.Peer} over the window, MiB: {string.Join(", ", row.MemoryOverTime.Select(static each => Number(each, 0)))}.\n");
        }

        var reasons = report.Windows.Where(static window => !window.IsValid).ToArray();
        if (reasons.Length > 0)
        {
            text.Append("\nWindows that do not count:\n\n");
            foreach (var window in reasons)
            {
                text.Append(CultureInfo.InvariantCulture, $"- {window.Peer}, round {window.Round}: {string.Join("; ", window.VoidBecause)}\n");
            }
        }

        return text.Append(CultureInfo.InvariantCulture, $"\nPeers: {string.Join(", ", report.Rows.Select(static row => $"{row.Peer} ({row.Version})"))}.\n{(report.Rows.Any(static row => row.Streams is not null) ? string.Empty : $"\n![Latency by percentile]({report.Name}.svg)\n")}").ToString();
    }

    /// <summary>The table alone, in columns.</summary>
    public static string Terminal(LoadTestReport report) => Columns(Lines(report));

    /// <summary>Targets alone, in columns.</summary>
    public static string Terminal(IReadOnlyList<TargetLine> targets) => Columns(TargetLines(targets));

    /// <summary>The page of a set's targets.</summary>
    public static string Markdown(IReadOnlyList<TargetLine> targets, Conditions conditions)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Targets\n\nWritten by `make loadtest`. The reports named are beside this one, or in the folder of results where every line of theirs counts. {conditions}\n\n");
        AppendTable(text, TargetLines(targets));
        return text.ToString();
    }

    private static string Arguments(LoadTestReport report) => report.Scenario.EndsWith("-everything", StringComparison.Ordinal)
        ? $"SCENARIO={report.Scenario[..^"-everything".Length]} EVERYTHING=1"
        : $"SCENARIO={report.Scenario}";

    private static IEnumerable<string[]> TargetLines(IReadOnlyList<TargetLine> targets) => [["report", "target", "bound", "measured", "verdict"], .. targets.Select(static target => target.Cells())];

    private static string Columns(IEnumerable<string[]> table)
    {
        var lines = table.ToArray();
        var widths = lines[0].Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            text.AppendJoin("  ", line.Select((cell, column) => column == 0 || !IsFigure(lines, column) ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))).Append('\n');
        }

        return text.ToString();
    }

    // Texts stand to the left, figures to the right: a target's second column is the one text beside a first.
    private static bool IsFigure(string[][] lines, int column) => lines[0][column] != "target";

    private static void AppendTable(StringBuilder text, IEnumerable<string[]> lines)
    {
        foreach (var (line, number) in lines.Select(static (line, number) => (line, number)))
        {
            text.Append("| ").AppendJoin(" | ", line).Append(" |\n");
            if (number == 0)
            {
                text.Append("| --- |").Insert(text.Length, " ---: |", line.Length - 1).Append('\n');
            }
        }
    }

    /// <summary>A line for each figure that a peer has: its name, then each peer's.</summary>
    private static IEnumerable<string[]> Lines(LoadTestReport report)
    {
        var peers = report.Rows.Select(static row => Cells(row).ToArray()).ToArray();
        var holds = report.Rows.Any(static row => row.Streams is not null);
        return Figures.Select((figure, index) => (string[])[holds && figure == AnswersASecond ? "events a second" : figure, .. peers.Select(cells => cells[index])]).Where(static line => line[1..].Any(static cell => cell != None));
    }

    private static IEnumerable<string> Cells(PeerRow row)
    {
        yield return row.Peer;
        yield return string.Create(CultureInfo.InvariantCulture, $"{row.Valid} of {row.Windows}");
        yield return Unless(row, Number(row.AnsweredPerSecond, 0));
        foreach (var cell in row.Streams is not null ? Enumerable.Repeat(None, 8) : Four(row.Latency).Concat(row.Added is { } added ? Four(added) : [None, None, None, None]))
        {
            yield return Unless(row, cell);
        }

        yield return Unless(row, Milliseconds(row.FirstByte.P50));
        yield return Unless(row, Milliseconds(row.FirstByte.P99));
        yield return Unless(row, Milliseconds(row.AddedFirstByte?.P50));
        yield return Unless(row, Milliseconds(row.AddedFirstByte?.P99));
        var hasGaps = row.Gap.P99 > 0 || row.IsVoid;
        foreach (var gap in new double?[] { row.Gap.P50, row.Gap.P99, row.Gap.Max, row.AddedGap?.P50, row.AddedGap?.P99 })
        {
            yield return hasGaps ? Unless(row, Milliseconds(gap)) : None;
        }

        yield return row.Peer == "direct" ? None : Unless(row, Number(row.CpuPerRequest, 0));
        yield return row.Memory.Store == 0 ? None : Unless(row, Number(row.StoreCpuPerRequest, 0));
        yield return row.Peer == "direct" ? None : Unless(row, Number(row.SwitchesPerRequest, 1));
        yield return row.SystemCalls is not { } calls ? None : calls.PerRequest is { } each ? Number(each, 1) : "not counted";
        yield return row.Overhead is { Count: > 0 } overhead ? Number(overhead.Values.Sum(static phase => phase.P50), 1) : None;
        yield return row.Overhead is { Count: > 0 } slowest ? Number(slowest.Values.Sum(static phase => phase.P99), 1) : None;
        foreach (var memory in new[] { row.Memory.Idle, row.Memory.Loaded, row.Memory.After })
        {
            yield return row.Peer == "direct" ? None : Number(memory, 0);
        }

        yield return row.Memory.Store == 0 ? None : Number(row.Memory.Store, 0);
        yield return row.Streams is { } held ? held.Held.ToString(CultureInfo.InvariantCulture) : None;
        yield return row.Streams is { } streams && row.Peer != "direct" ? Number(streams.Kibibytes, 1) : None;
        yield return row.Streams?.SocketKibibytes is { } buffers ? Number(buffers, 1) : None;

        yield return Unless(row, string.Create(CultureInfo.InvariantCulture, $"{row.Errors} of {row.Due}"));
        yield return Unless(row, Milliseconds(row.Lag.P99));
    }

    private static string[] Four(Percentiles percentiles) => [Milliseconds(percentiles.P50), Milliseconds(percentiles.P90), Milliseconds(percentiles.P99), Milliseconds(percentiles.P999)];

    private static string Unless(PeerRow row, string cell) => row.IsVoid ? "void" : cell;

    private static string Milliseconds(double? microseconds) => microseconds is { } known ? Number(known / 1000, 3) : None;

    private static string Number(double value, int decimals) => value.ToString($"F{decimals}", CultureInfo.InvariantCulture);
}
