using System.Collections;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Configuration;

/// <summary>Finds which keys two configurations differ in.</summary>
internal static class OptionsDifference
{
    /// <summary>Paths of the keys that differ and take effect only at the next start, in order.</summary>
    public static string[] NeedingRestart(TollgateOptions from, TollgateOptions to)
    {
        var before = Flatten(from);
        var after = Flatten(to);
        return [.. before.Keys.Union(after.Keys)
            .Where(path => !Equals(before.GetValueOrDefault(path), after.GetValueOrDefault(path)))
            .Order(StringComparer.Ordinal)];
    }

    /// <summary>Each single value that needs a restart, by its path.</summary>
    private static Dictionary<string, object> Flatten(TollgateOptions options)
    {
        var values = new Dictionary<string, object>(StringComparer.Ordinal);
        AddSection(options, string.Empty, needsRestart: false, values);
        return values;
    }

    private static void AddSection(object section, string path, bool needsRestart, Dictionary<string, object> values)
    {
        foreach (var key in OptionsShape.KeysOf(section.GetType()))
        {
            Add(key.Property.GetValue(section), key.Property.PropertyType, ConfigurationPath.Join(path, key.Name), needsRestart || key.NeedsRestart, values);
        }
    }

    private static void Add(object? value, Type type, string path, bool needsRestart, Dictionary<string, object> values)
    {
        if (value is null)
        {
            return;
        }

        switch (OptionsShape.Of(type))
        {
            case ValueShape.Section:
                AddSection(value, path, needsRestart, values);
                break;

            case ValueShape.List:
                var index = 0;
                foreach (var item in (IEnumerable)value)
                {
                    Add(item, OptionsShape.EntryType(type), ConfigurationPath.Join(path, index++), needsRestart, values);
                }

                break;

            case ValueShape.Dictionary:
                foreach (DictionaryEntry entry in (IDictionary)value)
                {
                    Add(entry.Value, OptionsShape.EntryType(type), ConfigurationPath.Join(path, (string)entry.Key), needsRestart, values);
                }

                break;

            default:
                if (needsRestart)
                {
                    values[path] = value;
                }

                break;
        }
    }
}
