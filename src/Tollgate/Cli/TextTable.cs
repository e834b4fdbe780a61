namespace Tollgate.Cli;

/// <summary>Lines whose columns stand below each other.</summary>
internal static class TextTable
{
    private const string Gap = "  ";

    /// <summary>Writes the rows: the first column from the left, the others, which are figures, to the right.</summary>
    /// <param name="rows">Rows of equally many cells; the first holds the headings.</param>
    /// <param name="output">Where to.</param>
    public static void Write(IReadOnlyList<string[]> rows, TextWriter output)
    {
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
        {
            output.WriteLine(string.Join(Gap, row.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]))).TrimEnd());
        }
    }
}
