using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Tests.Configuration;

/// <summary>Writes the tables of docs/configuration.md from the option types.</summary>
internal static class ConfigurationTables
{
    /// <summary>All of them, in the order in which the sections are declared.</summary>
    public static string Write()
    {
        var text = new StringBuilder("## Every key\n");
        AddTable(text, typeof(TollgateOptions), new TollgateOptions(), "", "Sections, and what stands at the top of the file.", waits: false);
        return text.ToString();
    }

    private static void AddTable(StringBuilder text, Type section, object defaults, string path, string about, bool waits)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n### {(path.Length == 0 ? "The file" : $"`{path}`")}\n\n{about}{(waits ? " A change waits for the next start." : "")}\n\n");
        text.Append("| Key | Type | Default | Allowed | What it does |\n| --- | --- | --- | --- | --- |\n");
        foreach (var key in OptionsShape.KeysOf(section))
        {
            var what = OptionDocs.WithoutRepeats(OptionDocs.Of(key.Property, "`"));
            var below = Below(key, path) is { } name ? $" See [`{name}`](#{Anchor(name)})." : "";
            var values = string.Concat(ValuesOf(key.Property.PropertyType).Select(static value => $"<br>{value}"));
            var restart = key.NeedsRestart && !waits && below.Length == 0 ? " Needs a restart." : "";
            string[] cells = [$"`{key.Name}`", TypeOf(key), DefaultOf(key, defaults), AllowedOf(key.Property), what + restart + below + values];
            text.Append(CultureInfo.InvariantCulture, $"| {string.Join(" | ", cells.Select(static cell => cell.Replace("|", "\\|", StringComparison.Ordinal)))} |\n");
        }

        foreach (var key in OptionsShape.KeysOf(section))
        {
            if (Below(key, path) is { } name)
            {
                var type = SectionOf(key.Property.PropertyType)!;
                AddTable(text, type, Activator.CreateInstance(type)!, name, About(key, type), waits || key.NeedsRestart);
            }
        }
    }

    /// <summary>What a section is; of entries what one of them is, if their type says more than its name.</summary>
    private static string About(OptionsKey key, Type section)
    {
        var about = OptionDocs.WithoutRepeats(OptionDocs.Of(key.Property, "`"));
        var entry = OptionDocs.Of(section, "`");
        return section != key.Property.PropertyType && entry.Contains(". ", StringComparison.Ordinal) ? entry : about;
    }

    /// <summary>The section's type that a key leads to, by itself or by its entries; null for a value.</summary>
    private static Type? SectionOf(Type type)
    {
        var entry = OptionsShape.Of(type) is ValueShape.List or ValueShape.Dictionary ? OptionsShape.EntryType(type) : type;
        return OptionsShape.Of(entry) == ValueShape.Section ? entry : null;
    }

    private static string? Below(OptionsKey key, string path)
    {
        var type = key.Property.PropertyType;
        return SectionOf(type) is null ? null : (path.Length == 0 ? "" : $"{path}.") + key.Name + OptionsShape.Of(type) switch
        {
            ValueShape.List => "[]",
            ValueShape.Dictionary => ".NAME",
            _ => "",
        };
    }

    private static string Anchor(string heading) => string.Concat(heading.Where(char.IsLetterOrDigit)).ToLowerInvariant();

    private static string TypeOf(OptionsKey key)
    {
        var type = Nullable.GetUnderlyingType(key.Property.PropertyType) ?? key.Property.PropertyType;
        return OptionsShape.Of(type) switch
        {
            ValueShape.Section => "section",
            ValueShape.List when OptionsShape.EntryType(type) == typeof(int) => "list of numbers",
            ValueShape.List => SectionOf(type) is null ? "list of texts" : "list of sections",
            ValueShape.Dictionary => "sections by name",
            _ when key.IsSecret => "secret",
            _ when type.IsEnum || key.Property.IsDefined(typeof(AllowedValuesAttribute)) => "one of",
            _ when type == typeof(bool) => "true or false",
            _ when type == typeof(TimeSpan) => "duration",
            _ when type == typeof(Nanodollars) => "US dollars",
            _ when type == typeof(DateTimeOffset) => "time",
            _ when type == typeof(string) => "text",
            _ => "whole number",
        };
    }

    private static string DefaultOf(OptionsKey key, object defaults) => key.Property.GetValue(defaults) switch
    {
        "" when key.Property.IsDefined(typeof(RequiredAttribute)) => "required",
        null or "" => "none",
        string text => $"`{text}`",
        bool flag => flag ? "`true`" : "`false`",
        TimeSpan time => $"`{Duration(time)}`",
        Enum named => $"`{OptionsShape.EnumText(named)}`",
        DateTimeOffset => "required",
        IFormattable number => $"`{number.ToString(null, CultureInfo.InvariantCulture)}`",
        ICollection { Count: 0 } => "none",
        IEnumerable<string> texts => $"`{JsonSerializer.Serialize(texts)}`",
        IEnumerable<int> numbers => $"`{JsonSerializer.Serialize(numbers)}`",
        Nanodollars amount => $"`{amount.ToDollars().ToString(CultureInfo.InvariantCulture)}`",
        IDictionary entries => string.Join(", ", entries.Keys.Cast<string>().Select(static name => $"`{name}`")),
        _ => "",
    };

    private static string AllowedOf(PropertyInfo property)
    {
        if (property.PropertyType.IsEnum)
        {
            return string.Join(", ", OptionsShape.EnumTexts(property.PropertyType).Select(static text => $"`{text}`"));
        }

        return string.Join("; ", property.GetCustomAttributes<ValidationAttribute>().Select(static attribute => attribute switch
        {
            RangeAttribute range => string.Create(CultureInfo.InvariantCulture, $"{range.Minimum:N0} to {range.Maximum:N0}"),
            TimeRangeAttribute range => $"{range.Minimum} to {range.Maximum}",
            ItemCountAttribute count => $"{count.Minimum} to {count.Maximum} entries",
            AllowedValuesAttribute allowed => string.Join(", ", allowed.Values.Select(static value => $"`{value}`")),
            RegularExpressionAttribute expression => expression.ErrorMessage!,
            _ => "",
        }).Where(static text => text.Length > 0));
    }

    private static IEnumerable<string> ValuesOf(Type type) => type.IsEnum
        ? Enum.GetValues(type).Cast<object>().Select(value => $"`{OptionsShape.EnumText(value)}`: {OptionDocs.Of(type, value, "`")}")
        : [];

    /// <summary>A duration as the file writes it.</summary>
    internal static string Duration(TimeSpan time) => time.ToString(time.Milliseconds == 0 ? @"hh\:mm\:ss" : @"hh\:mm\:ss\.fff", CultureInfo.InvariantCulture);
}
