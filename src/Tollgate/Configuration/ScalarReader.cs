using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Tollgate.Proxy.Facts;

namespace Tollgate.Configuration;

/// <summary>Reads one text, number, switch, duration or named value.</summary>
/// <remarks>The file must use the right JSON type; a variable is always text, and named values may be in any case there.</remarks>
internal static partial class ScalarReader
{
    // Well below what nano-dollars can count, so that sums can't overflow.
    private const decimal MostDollars = 1_000_000_000;

    /// <summary>The value; or false with what was wanted instead, to follow "must be".</summary>
    /// <param name="node">What was written.</param>
    /// <param name="type">What it is to be.</param>
    /// <param name="amountsAreTexts">Whether an amount of money is a text, such as <c>"5.00"</c>, as the admin API has it; else a number, as the file has it.</param>
    /// <param name="value">The value.</param>
    /// <param name="wanted">What it must be.</param>
    public static bool TryRead(ConfigurationNode node, Type type, bool amountsAreTexts, out object? value, out string wanted)
    {
        var fromVariable = node.Variable is not null;
        type = Nullable.GetUnderlyingType(type) ?? type;
        wanted = Wanted(type, amountsAreTexts);
        value = null;

        if (type == typeof(string))
        {
            value = node.Text;
            return node.Kind == JsonValueKind.String;
        }

        if (type == typeof(bool))
        {
            if (fromVariable)
            {
                var known = bool.TryParse(node.Text, out var parsed);
                value = parsed;
                return known;
            }

            value = node.Kind == JsonValueKind.True;
            return node.Kind is JsonValueKind.True or JsonValueKind.False;
        }

        if (type == typeof(int) || type == typeof(long))
        {
            if (!(fromVariable || node.Kind == JsonValueKind.Number) || !long.TryParse(node.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            value = type == typeof(long) ? number : number is >= int.MinValue and <= int.MaxValue ? (int)number : null;
            return value is not null;
        }

        if (type == typeof(Nanodollars))
        {
            value = (fromVariable || node.Kind == (amountsAreTexts ? JsonValueKind.String : JsonValueKind.Number)) && TryReadDollars(node.Text, out var amount) ? amount : null;
            return value is not null;
        }

        if (node.Kind != JsonValueKind.String)
        {
            return false;
        }

        if (type == typeof(DateTimeOffset))
        {
            // Without an offset it would be read in the machine's own time zone.
            var known = DateTimeOffset.TryParse(node.Text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant)
                && OffsetAtEnd().IsMatch(node.Text);
            value = instant;
            return known;
        }

        if (type == typeof(TimeSpan))
        {
            // A bare number parses as days, which nobody means.
            var parsed = TimeSpan.Zero;
            var known = node.Text.Contains(':') && TimeSpan.TryParse(node.Text, CultureInfo.InvariantCulture, out parsed);
            value = parsed;
            return known;
        }

        foreach (var candidate in Enum.GetValues(type))
        {
            if (OptionsShape.EnumText(candidate).Equals(node.Text, fromVariable ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal))
            {
                value = candidate;
                return true;
            }
        }

        return false;
    }

    private static bool TryReadDollars(string text, out Nanodollars amount)
    {
        amount = default;
        if (!decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var dollars) || dollars > MostDollars)
        {
            return false;
        }

        try
        {
            amount = Nanodollars.FromDollars(dollars);
            return true;
        }
        catch (OverflowException)
        {
            return false;
        }
    }

    [GeneratedRegex("(Z|[+-][0-9]{2}:[0-9]{2})$")]
    private static partial Regex OffsetAtEnd();

    private static string Wanted(Type type, bool amountsAreTexts) => type switch
    {
        _ when type == typeof(Nanodollars) && amountsAreTexts => "an amount in US dollars as a text, such as \"5.00\", of at most 1,000,000,000 and nine decimals",
        _ when type == typeof(Nanodollars) => "an amount in US dollars, such as 5 or 0.25, of at most 1,000,000,000 and nine decimals",
        _ when type == typeof(DateTimeOffset) => "a time with its offset, such as \"2026-12-01T00:00:00Z\"",
        _ when type == typeof(string) => "a text in quotation marks",
        _ when type == typeof(bool) => "true or false",
        _ when type == typeof(int) || type == typeof(long) => "a whole number, without quotation marks or exponent",
        _ when type == typeof(TimeSpan) => "a duration in the form \"hh:mm:ss\", \"hh:mm:ss.fff\" or \"d.hh:mm:ss\"",
        _ => $"one of {string.Join(", ", OptionsShape.EnumTexts(type).Select(text => $"\"{text}\""))}",
    };
}
