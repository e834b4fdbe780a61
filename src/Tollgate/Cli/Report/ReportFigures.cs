using System.Globalization;
using Tollgate.ClickHouse.Spend;
using Tollgate.Proxy.Facts;

namespace Tollgate.Cli.Report;

/// <summary>Figures as reports write them.</summary>
internal static class ReportFigures
{
    private const string Unnamed = "(none)";

    /// <summary>Tokens of all classes.</summary>
    public static long Total(this TokenUsage tokens) => tokens.Prompt + tokens.Output;

    /// <summary>Tokens written to the cache, for however long.</summary>
    public static long CacheWrite(this TokenUsage tokens) => tokens.CacheWrite5m + tokens.CacheWrite1h;

    /// <summary>A whole number in groups of three: <c>1,234,567</c>.</summary>
    public static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>An amount, exact: <c>$1,234.567890123</c> with as many decimals as are asked for.</summary>
    public static string Money(Nanodollars amount, int decimals) => amount.ToDollars().ToString($"$#,##0.{new string('0', decimals)};-$#,##0.{new string('0', decimals)}", CultureInfo.InvariantCulture);

    /// <summary>How many decimals show all of the amounts exactly: two at least.</summary>
    public static int Decimals(IEnumerable<Nanodollars> amounts) => amounts.Select(static amount => (int)amount.ToDollars().Scale).Append(2).Max();

    /// <summary>A moment in UTC, to the millisecond: <c>2026-11-06T15:00:00.000Z</c>.</summary>
    public static string Moment(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>A name for a terminal: what is empty says so, and what could steer the terminal is replaced. Names come from clients' headers.</summary>
    public static string Name(string name) => name.Length == 0 ? Unnamed : string.Concat(name.Select(static letter => IsPrintable(letter) ? letter : '\uFFFD'));

    /// <summary>Models for a terminal, shortened by what all of Anthropic's have in common.</summary>
    public static string Models(IEnumerable<ModelSpend> models) =>
        string.Join(", ", models.Select(static model => Name(model.Model.StartsWith("claude-", StringComparison.Ordinal) ? model.Model[7..] : model.Model)));

    // Control and format characters: escape sequences, line ends, and those that turn the direction of writing.
    private static bool IsPrintable(char letter) =>
        char.GetUnicodeCategory(letter) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
