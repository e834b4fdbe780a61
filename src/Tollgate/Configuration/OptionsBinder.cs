using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Configuration;

/// <summary>Fills the option records from what was written, and checks each value against its attributes.</summary>
/// <remarks>Goes on after a problem, with the default in place, so that one reading finds all of them.</remarks>
/// <param name="secrets">Follows <c>env:</c> and <c>file:</c>; null for what comes from outside (a request to the admin API), where both are plain text, an
/// amount is a text, and null is as good as left out.</param>
/// <param name="problems">Where everything that is wrong goes.</param>
internal sealed class OptionsBinder(SecretReader? secrets, ProblemList problems)
{
    /// <summary>The whole configuration.</summary>
    public TollgateOptions Bind(ConfigurationNode root) => (TollgateOptions)BindSection(root, typeof(TollgateOptions), new TollgateOptions(), string.Empty);

    /// <summary>One record, such as the body of a request.</summary>
    public object Bind(ConfigurationNode root, Type type) => BindSection(root, type, null, string.Empty);

    private object BindSection(ConfigurationNode node, Type type, object? defaults, string path)
    {
        var section = defaults ?? Activator.CreateInstance(type)!;
        if (node.Kind != JsonValueKind.Object)
        {
            problems.Add(path.Length == 0 ? ConfigurationPath.WholeFile : path, $"is {node.KindName}, but must be an object: {{ … }}.");
            return section;
        }

        // Bound into a fresh record: the default one may be shared by several entries.
        var bound = Activator.CreateInstance(type)!;
        var keys = OptionsShape.KeysOf(type);
        foreach (var key in keys)
        {
            key.Property.SetValue(bound, BindKey(node.Find(key.Name), key, key.Property.GetValue(section), ConfigurationPath.Join(path, key.Name)));
        }

        foreach (var (name, _) in node.Members)
        {
            var editorsOwn = secrets is not null && path.Length == 0 && name == "$schema";
            if (!editorsOwn && !Array.Exists(keys, key => key.Name == name))
            {
                problems.Add(ConfigurationPath.Join(path, name), $"is not a known key. {Suggestion.For(name, keys.Select(key => key.Name))}");
            }
        }

        return bound;
    }

    private object? BindKey(ConfigurationNode? node, OptionsKey key, object? defaults, string path)
    {
        if (node is null || (secrets is null && node.Kind == JsonValueKind.Null))
        {
            if ((key.Rules.IsDefined(typeof(RequiredAttribute)) && defaults is "") || (node is null && key.Rules.IsDefined(typeof(MustBeGivenAttribute))))
            {
                problems.Add(path, "is required. Add it.");
            }

            return defaults;
        }

        var type = key.Property.PropertyType;
        var before = problems.Problems.Count;
        var value = OptionsShape.Of(type) switch
        {
            ValueShape.Section => BindSection(node, type, defaults, path),
            ValueShape.List => BindList(node, type, defaults, path),
            ValueShape.Dictionary => BindDictionary(node, type, defaults, path),
            _ => BindScalar(node, key, type, defaults, path),
        };
        if (problems.Problems.Count == before)
        {
            CheckAttributes(node, key, value, path);
        }

        return value;
    }

    private object? BindScalar(ConfigurationNode node, OptionsKey key, Type type, object? defaults, string path)
    {
        if (!ScalarReader.TryRead(node, type, amountsAreTexts: secrets is null, out var value, out var wanted))
        {
            problems.Add(path, $"is {Shown(node, key.IsSensitive)}, but must be {wanted}.{Origin(node)}");
            return defaults;
        }

        if (value is not string text || secrets is null)
        {
            return value;
        }

        if (key.IsSecret)
        {
            return secrets.Read(node, path) ?? defaults;
        }

        if (SecretReader.IsReference(text))
        {
            problems.Add(path, $"is {ConfigurationPath.Quote(text)}, but only secrets are read with env: and file:. Write the value itself, or set {EnvironmentOverlay.VariableFor(path.Split('.', '['))}.");
        }

        return value;
    }

    private object? BindList(ConfigurationNode node, Type type, object? defaults, string path)
    {
        if (node.Kind != JsonValueKind.Array)
        {
            problems.Add(path, $"is {Shown(node, sensitive: false)}, but must be a list: [ … ].{Origin(node)}");
            return defaults;
        }

        var entryType = OptionsShape.EntryType(type);
        var list = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(entryType))!;
        foreach (var item in node.Items)
        {
            var entryPath = ConfigurationPath.Join(path, list.Count);
            if (OptionsShape.Of(entryType) == ValueShape.Section)
            {
                list.Add(BindSection(item, entryType, null, entryPath));
            }
            else if (ScalarReader.TryRead(item, entryType, amountsAreTexts: secrets is null, out var value, out var wanted))
            {
                list.Add(value);
            }
            else
            {
                problems.Add(entryPath, $"is {Shown(item, sensitive: false)}, but must be {wanted}.{Origin(item)}");
                list.Add(entryType.IsValueType ? Activator.CreateInstance(entryType) : string.Empty);
            }
        }

        return list;
    }

    private object? BindDictionary(ConfigurationNode node, Type type, object? defaults, string path)
    {
        if (node.Kind != JsonValueKind.Object)
        {
            problems.Add(path, $"is {node.KindName}, but must be an object of entries by name: {{ \"name\": {{ … }} }}.");
            return defaults;
        }

        var entryType = OptionsShape.EntryType(type);
        var entries = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), entryType), StringComparer.Ordinal)!;

        // A dictionary in the file is the whole of it; one that only variables speak of begins with the default entries.
        var inherited = node.Variable is null ? null : (IDictionary?)defaults;
        foreach (DictionaryEntry entry in inherited ?? new Dictionary<string, object>())
        {
            entries[entry.Key] = entry.Value;
        }

        foreach (var (name, value) in node.Members)
        {
            entries[name] = BindSection(value, entryType, inherited?[name], ConfigurationPath.Join(path, name));
        }

        return entries;
    }

    private void CheckAttributes(ConfigurationNode node, OptionsKey key, object? value, string path)
    {
        var shown = Shown(node, key.IsSensitive);
        var origin = Origin(node);
        foreach (var attribute in key.Rules.GetCustomAttributes<ValidationAttribute>())
        {
            if (attribute.IsValid(value) && !(attribute is RegularExpressionAttribute { Pattern: [.., '$'] } && value is string text && text.EndsWith('\n')))
            {
                continue;
            }

            problems.Add(path, attribute switch
            {
                RequiredAttribute => $"is empty. Give a value.{origin}",
                RangeAttribute range => $"is {shown}, but must be {Number(range.Minimum)} to {Number(range.Maximum)}.{origin}",
                TimeRangeAttribute range => $"is {shown}, but must be \"{range.Minimum}\" to \"{range.Maximum}\".{origin}",
                ItemCountAttribute count => $"has {(value as ICollection)?.Count} entries, but must have {count.Minimum} to {count.Maximum}.{origin}",
                AllowedValuesAttribute allowed => $"is {shown}, but must be one of {string.Join(", ", allowed.Values.Select(one => $"\"{one}\""))}.{origin}",
                RegularExpressionAttribute expression => $"is {shown}, but must be {expression.ErrorMessage ?? expression.Pattern}.{origin}",
                _ => $"is {shown}: {attribute.FormatErrorMessage(key.Name)}{origin}",
            });
            return;
        }
    }

    private static string Number(object bound) => ((IFormattable)bound).ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>The value as a message may show it.</summary>
    private static string Shown(ConfigurationNode node, bool sensitive) => node.Kind switch
    {
        _ when sensitive => $"{node.KindName} (not shown)",
        JsonValueKind.String => ConfigurationPath.Quote(node.Text),
        JsonValueKind.Number => node.Text,
        _ => node.KindName,
    };

    private static string Origin(ConfigurationNode node) => node.Variable is { } variable ? $" It comes from {variable}." : string.Empty;
}
