namespace Tollgate.Cli.Report;

/// <summary>Writes CSV as RFC 4180 has it: CRLF after each line, and quotation marks, doubled within, around what needs them.</summary>
/// <remarks>
/// A name that begins like a formula gets an apostrophe before it. Names come from clients' headers, and a spreadsheet that opens the file would
/// otherwise run what somebody else wrote.
/// </remarks>
internal static class CsvWriter
{
    private const string LineEnd = "\r\n";

    /// <summary>What a spreadsheet takes for the beginning of a formula, or skips before one.</summary>
    private const string FormulaStarts = "=+-@\t\r\n";

    private static readonly char[] NeedsQuotes = [',', '"', '\r', '\n'];

    /// <summary>Writes one line.</summary>
    public static void WriteLine(TextWriter output, IEnumerable<string> cells) => output.Write(string.Join(',', cells.Select(Quote)) + LineEnd);

    /// <summary>Text that somebody else chose, as a cell that is no formula.</summary>
    public static string Text(string text) => text.Length > 0 && FormulaStarts.Contains(text[0], StringComparison.Ordinal) ? "'" + text : text;

    private static string Quote(string cell) => cell.AsSpan().IndexOfAny(NeedsQuotes) < 0 ? cell : $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
