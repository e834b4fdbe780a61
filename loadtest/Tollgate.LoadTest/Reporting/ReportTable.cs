using System.Globalization;
using System.Text;
using Tollgate.LoadTest.Measuring;

namespace Tollgate.LoadTest.Reporting;

/// <summary>A report as text, for terminals and for Markdown.</summary>
internal static class ReportTable
{
    // Figures down, peers across: twenty figures across fit no page.
    private static readonly string[] Figures =
    [
        "peer", "windows that count", "answers a second", "p50", "p90", "p99", "p99.9", "added p50", "added p90", "added p99", "added p99.9",
        "first byte p50", "first byte p99", "added first byte p50", "added first byte p99", "gap p99", "added gap p99", "CPU, µs", "context switches", "RSS idle", "RSS loaded", "RSS after", "errors", "generator's lag p99",
    ];

    /// <summary>The whole page.</summary>
    public static string Markdown(LoadTestReport report)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# {report.Scenario} at {report.Rate:N0} requests a second\n\n");
        text.Append(CultureInfo.InvariantCulture, $"Each request: {report.Summary}. Written by `make loadtest SCENARIO={report.Scenario} RATE={report.Rate}`; raw figures in `{report.Name}.json`.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"{report.Conditions}\n\n");
        text.Append("Latencies in ms from when a request was due; medians over the windows that count. CPU and context switches of the peer's processes, for each answer. RSS in MiB.\n\n");
        AppendTable(text, report);
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

        return text.Append(CultureInfo.InvariantCulture, $"\nPeers: {string.Join(", ", report.Rows.Select(static row => $"{row.Peer} ({row.Version})"))}.\n\n![Latency by percentile]({report.Name}.svg)\n").ToString();
    }

    /// <summary>The table alone, in columns.</summary>
    public static string Terminal(LoadTestReport report)
    {
        var text = new StringBuilder();
        foreach (var line in Lines(report))
        {
            text.AppendJoin("  ", line.Select(static (cell, column) => column == 0 ? cell.PadRight(20) : cell.PadLeft(12))).Append('\n');
        }

        return text.ToString();
    }

    private static void AppendTable(StringBuilder text, LoadTestReport report)
    {
        foreach (var (line, number) in Lines(report).Select(static (line, number) => (line, number)))
        {
            text.Append("| ").AppendJoin(" | ", line).Append(" |\n");
            if (number == 0)
            {
                text.Append("| --- |").Insert(text.Length, " ---: |", line.Length - 1).Append('\n');
            }
        }
    }

    /// <summary>A line for each figure: its name, then each peer's.</summary>
    private static IEnumerable<string[]> Lines(LoadTestReport report)
    {
        var peers = report.Rows.Select(static row => Cells(row).ToArray()).ToArray();
        return Figures.Select((figure, index) => (string[])[figure, .. peers.Select(cells => cells[index])]);
    }

    private static IEnumerable<string> Cells(PeerRow row)
    {
        yield return row.Peer;
        yield return string.Create(CultureInfo.InvariantCulture, $"{row.Valid} of {row.Windows}");
        yield return Unless(row, Number(row.AnsweredPerSecond, 0));
        foreach (var cell in Four(row.Latency).Concat(row.Added is { } added ? Four(added) : ["–", "–", "–", "–"]))
        {
            yield return Unless(row, cell);
        }

        yield return Unless(row, Milliseconds(row.FirstByte.P50));
        yield return Unless(row, Milliseconds(row.FirstByte.P99));
        yield return Unless(row, Milliseconds(row.AddedFirstByte?.P50));
        yield return Unless(row, Milliseconds(row.AddedFirstByte?.P99));
        yield return row.Gap.P99 == 0 && !row.IsVoid ? "–" : Unless(row, Milliseconds(row.Gap.P99));
        yield return row.Gap.P99 == 0 && !row.IsVoid ? "–" : Unless(row, Milliseconds(row.AddedGap?.P99));
        yield return row.Peer == "direct" ? "–" : Unless(row, Number(row.CpuPerRequest, 0));
        yield return row.Peer == "direct" ? "–" : Unless(row, Number(row.SwitchesPerRequest, 1));
        foreach (var memory in new[] { row.Memory.Idle, row.Memory.Loaded, row.Memory.After })
        {
            yield return row.Peer == "direct" ? "–" : Number(memory, 0);
        }

        yield return Unless(row, string.Create(CultureInfo.InvariantCulture, $"{row.Errors} of {row.Due}"));
        yield return Unless(row, Milliseconds(row.Lag.P99));
    }

    private static string[] Four(Percentiles percentiles) => [Milliseconds(percentiles.P50), Milliseconds(percentiles.P90), Milliseconds(percentiles.P99), Milliseconds(percentiles.P999)];

    private static string Unless(PeerRow row, string cell) => row.IsVoid ? "void" : cell;

    private static string Milliseconds(double? microseconds) => microseconds is { } known ? Number(known / 1000, 3) : "–";

    private static string Number(double value, int decimals) => value.ToString($"F{decimals}", CultureInfo.InvariantCulture);
}
