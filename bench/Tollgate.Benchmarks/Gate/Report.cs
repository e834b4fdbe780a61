using System.Globalization;
using System.Text;

namespace Tollgate.Benchmarks.Gate;

/// <summary>Figures as people read them.</summary>
public static class Report
{
    /// <summary>The table that ends <c>make bench</c>.</summary>
    public static string Table(IReadOnlyList<Judgement> judgements) => Rows(
        ["Benchmark", "Mean", "Allocated", "Baseline", "Ratio", "Promise", "Verdict"],
        judgements.Select(static judged => new[]
        {
            judged.Measured.Name,
            Time(judged.Measured.Mean) + Speed(judged.Measured),
            Bytes(judged.Measured.Allocated),
            judged.Before is { } before ? Time(before.Mean) : "-",
            judged.Ratio is { } ratio ? string.Create(CultureInfo.InvariantCulture, $"{ratio:0.00}") : "-",
            judged.Measured.Promised is { } promised ? $"<= {Bytes(promised)}" : "-",
            Word(judged),
        }));

    /// <summary>The committed page of one class.</summary>
    /// <param name="old">The page as it is; all but its first paragraph and its first table is kept. Null when there is none.</param>
    /// <param name="type">The class, without <c>Benchmarks</c>.</param>
    /// <param name="taken">When, at which commit and on which machine.</param>
    /// <param name="measurements">Of this class.</param>
    public static string Page(string? old, string type, string taken, IEnumerable<Measurement> measurements)
    {
        var table = Rows(
            ["Method", "Mean", "Fastest round", "Allocated", "Promise"],
            measurements.Select(static measured => new[]
            {
                measured.Case,
                Time(measured.Mean) + Speed(measured),
                Time(measured.Fastest),
                Bytes(measured.Allocated),
                measured.Promised is { } promised ? $"<= {Bytes(promised)}" : "-",
            }));
        var (above, below) = Kept(old);
        return $"# {type}\n\n`make bench FILTER='*{type}*' UPDATE=1`, {taken}.\n\n{above}{table}{below}";
    }

    /// <summary>Nanoseconds in the unit that suits them.</summary>
    public static string Time(double nanoseconds) => nanoseconds switch
    {
        < 1_000 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds:0.0} ns"),
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1_000:0.00} us"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1_000_000:0.00} ms"),
    };

    // What people wrote: the paragraphs between the first one and the table, and all below the table.
    private static (string Above, string Below) Kept(string? page)
    {
        var lines = (page ?? string.Empty).Split('\n');
        var table = Array.FindIndex(lines, static line => line.StartsWith('|'));
        if (table < 0)
        {
            return (string.Empty, string.Empty);
        }

        var end = Array.FindIndex(lines, table, static line => !line.StartsWith('|'));
        var paragraphs = string.Join('\n', lines[..table]).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        var above = string.Concat(paragraphs.Skip(2).Select(static paragraph => paragraph.Trim('\n') + "\n\n"));
        return (above, end < 0 ? string.Empty : string.Join('\n', lines[end..]));
    }

    private static string Bytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} B");

    // Bytes per nanosecond are gigabytes per second.
    private static string Speed(Measurement measured) =>
        measured.Reads is { } reads ? string.Create(CultureInfo.InvariantCulture, $" ({reads / measured.Mean:0.0} GB/s)") : string.Empty;

    private static string Word(Judgement judged) => judged.Verdict switch
    {
        Verdict.Kept => "ok",
        Verdict.New => "new",
        Verdict.Allocates => "BROKEN: allocates",
        _ => string.Create(CultureInfo.InvariantCulture, $"BROKEN: over {judged.Allowed:0.0#} x"),
    };

    private static string Rows(string[] head, IEnumerable<string[]> rows)
    {
        string[][] all = [head, .. rows];
        var widths = Enumerable.Range(0, head.Length).Select(column => all.Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder();
        for (var i = 0; i < all.Length; i++)
        {
            text.Append("| ").AppendJoin(" | ", all[i].Select((cell, column) => column is 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))).Append(" |\n");
            if (i == 0)
            {
                text.Append("| ").AppendJoin(" | ", widths.Select(static (width, column) => column == 0 ? new string('-', width) : new string('-', width - 1) + ":")).Append(" |\n");
            }
        }

        return text.ToString();
    }
}
