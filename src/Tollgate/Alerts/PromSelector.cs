using System.Globalization;
using System.Text;

namespace Tollgate.Alerts;

/// <summary>Label selectors of PromQL for names that anybody may have chosen.</summary>
/// <remarks>
/// A name stands within a regular expression, within a string of PromQL, within a block of YAML. Letters, digits, hyphen, underscore and space of ASCII mean
/// themselves in all three; everything else is written as RE2's <c>\x{…}</c>, whose backslash is doubled for the string. So no name can end any of them.
/// </remarks>
internal static class PromSelector
{
    /// <summary>Series whose label is one of these names.</summary>
    public static string Of(string label, IEnumerable<string> names) => $"{{{label}=~\"{Alternatives(names)}\"}}";

    /// <summary>Series whose label is none of these names.</summary>
    /// <param name="label">The label.</param>
    /// <param name="names">The names; may be none.</param>
    /// <param name="known">Whether the label must not be empty either.</param>
    public static string Others(string label, IEnumerable<string> names, bool known)
    {
        var alternatives = Alternatives(names);
        string[] matchers = [.. known ? [$"{label}!=\"\""] : Array.Empty<string>(), .. alternatives.Length > 0 ? [$"{label}!~\"{alternatives}\""] : Array.Empty<string>()];
        return matchers.Length == 0 ? string.Empty : $"{{{string.Join(",", matchers)}}}";
    }

    private static string Alternatives(IEnumerable<string> names) => string.Join('|', names.Order(StringComparer.Ordinal).Select(Escape));

    private static string Escape(string name)
    {
        var text = new StringBuilder();
        foreach (var rune in name.EnumerateRunes())
        {
            if (rune.IsAscii && (char.IsAsciiLetterOrDigit((char)rune.Value) || (char)rune.Value is '-' or '_' or ' '))
            {
                text.Append((char)rune.Value);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $@"\\x{{{rune.Value:X}}}");
            }
        }

        return text.ToString();
    }
}
