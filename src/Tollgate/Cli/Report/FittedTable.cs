namespace Tollgate.Cli.Report;

/// <summary>One column of a table.</summary>
/// <param name="Heading">What stands above it.</param>
/// <param name="Cells">Its cells.</param>
/// <param name="Total">What stands below it.</param>
/// <param name="IsText">Set from the left; else it is a figure, set from the right.</param>
/// <param name="LeaveOut">In which turn it goes where the table is too wide; 0 for never.</param>
internal sealed record TableColumn(string Heading, IReadOnlyList<string> Cells, string Total, bool IsText = false, int LeaveOut = 0)
{
    /// <summary>Its widest cell.</summary>
    public int Width => Cells.Append(Heading).Append(Total).Max(static cell => cell.Length);
}

/// <summary>A table that keeps within the width of a terminal by leaving out what matters least.</summary>
internal static class FittedTable
{
    private const string Gap = "  ";
    private const int LeastTextWidth = 12;
    private const string Bold = "\u001b[1m";
    private const string Faint = "\u001b[2m";
    private const string Reset = "\u001b[0m";

    /// <summary>Writes the headings, the cells, and the totals below a rule.</summary>
    /// <param name="columns">Columns of equally many cells.</param>
    /// <param name="terminal">Its width is kept to; without one, everything is written as wide as it is.</param>
    /// <param name="output">Where to.</param>
    /// <returns>The headings of the columns that were left out.</returns>
    public static IReadOnlyList<string> Write(IReadOnlyList<TableColumn> columns, Terminal terminal, TextWriter output)
    {
        var shown = columns.ToList();
        while (terminal.Width < TotalWidth(shown) && shown.Where(static column => column.LeaveOut > 0).MinBy(static column => column.LeaveOut) is { } least)
        {
            shown.Remove(least);
        }

        var widths = shown.Select(static column => column.Width).ToArray();
        if (terminal.Width < TotalWidth(shown))
        {
            widths[0] = Math.Max(Math.Min(LeastTextWidth, widths[0]), widths[0] - (TotalWidth(shown) - terminal.Width.Value));
        }

        var (bold, faint, reset) = terminal.UsesStyle ? (Bold, Faint, Reset) : ("", "", "");
        output.WriteLine(bold + Row(static column => column.Heading) + reset);
        for (var i = 0; i < columns[0].Cells.Count; i++)
        {
            output.WriteLine(Row(column => column.Cells[i]));
        }

        output.WriteLine(faint + string.Join(Gap, widths.Select(static width => new string('-', width))) + reset);
        output.WriteLine(bold + Row(static column => column.Total) + reset);
        return [.. columns.Except(shown).Select(static column => column.Heading)];

        string Row(Func<TableColumn, string> cell) =>
            string.Join(Gap, shown.Select((column, i) => column.IsText ? Cut(cell(column), widths[i]).PadRight(widths[i]) : cell(column).PadLeft(widths[i]))).TrimEnd();
    }

    private static int TotalWidth(List<TableColumn> columns) => columns.Sum(static column => column.Width) + ((columns.Count - 1) * Gap.Length);

    private static string Cut(string text, int width) => text.Length <= width ? text : text[..(width - 1)] + "…";
}
