using System.Globalization;
using System.Text.Json;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Configuration;

/// <summary>Lays <c>TOLLGATE__SECTION__KEY</c> variables over what the file said.</summary>
/// <remarks>
/// Sections and keys match in any case. An entry of a dictionary is found in any case, else made in lower case; an entry of a list
/// is its index, and a list that only variables give stands in place of the default one.
/// </remarks>
internal static class EnvironmentOverlay
{
    /// <summary>What every such variable begins with.</summary>
    public const string Prefix = "TOLLGATE__";

    /// <summary>Lays all of <paramref name="environment"/> that begins with <see cref="Prefix"/> over <paramref name="root"/>.</summary>
    public static void Apply(ConfigurationNode root, IReadOnlyDictionary<string, string> environment, ProblemList problems)
    {
        // In order of the name with numbers by value, so that entry 0 of a list is there before entry 1, and entry 10 after entry 9.
        var variables = environment
            .Where(variable => variable.Key.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            .OrderBy(variable => variable.Key, StringComparer.Create(CultureInfo.InvariantCulture, CompareOptions.NumericOrdering | CompareOptions.IgnoreCase));
        foreach (var (name, value) in variables)
        {
            Lay(root, typeof(TollgateOptions), name, name[Prefix.Length..].Split("__"), value, problems);
        }
    }

    /// <summary>The variable that sets the key at <paramref name="segments"/>.</summary>
    public static string VariableFor(IEnumerable<string> segments) => Prefix + string.Join("__", segments).ToUpperInvariant();

    private static void Lay(ConfigurationNode node, Type type, string variable, ReadOnlySpan<string> segments, string value, ProblemList problems)
    {
        if (segments[0].Length == 0)
        {
            problems.Add(variable, "has an empty part. Parts are joined by exactly two underscores.");
            return;
        }

        switch (OptionsShape.Of(type))
        {
            case ValueShape.Section:
                var keys = OptionsShape.KeysOf(type);
                var given = segments[0];
                var key = Array.Find(keys, candidate => candidate.Name.Equals(given, StringComparison.OrdinalIgnoreCase));
                if (key is null)
                {
                    problems.Add(variable, $"names the unknown key {ConfigurationPath.Quote(given)}. {Suggestion.For(given, keys.Select(known => known.Name.ToUpperInvariant()))}");
                    return;
                }

                Step(node, key.Name, key.Property.PropertyType, variable, segments, value, problems);
                return;

            case ValueShape.Dictionary:
                var entry = segments[0];
                var existing = node.Members.Find(member => member.Key.Equals(entry, StringComparison.OrdinalIgnoreCase)).Key;
                Step(node, existing ?? entry.ToLowerInvariant(), OptionsShape.EntryType(type), variable, segments, value, problems);
                return;

            default:
                StepIntoList(node, OptionsShape.EntryType(type), variable, segments, value, problems);
                return;
        }
    }

    private static void Step(ConfigurationNode node, string name, Type type, string variable, ReadOnlySpan<string> segments, string value, ProblemList problems)
    {
        var child = node.Find(name);
        if (Next(child, type, variable, segments, value, problems) is { } next && next != child)
        {
            node.Set(name, next);
        }
    }

    private static void StepIntoList(ConfigurationNode list, Type type, string variable, ReadOnlySpan<string> segments, string value, ProblemList problems)
    {
        if (!int.TryParse(segments[0], NumberStyles.None, CultureInfo.InvariantCulture, out var index) || index > list.Items.Count)
        {
            problems.Add(variable, $"{ConfigurationPath.Quote(segments[0])} is not the number of an entry here. Give 0 to {list.Items.Count}, without gaps.");
            return;
        }

        var child = index < list.Items.Count ? list.Items[index] : null;
        if (Next(child, type, variable, segments, value, problems) is { } next)
        {
            if (child is null)
            {
                list.Items.Add(next);
            }
            else
            {
                list.Items[index] = next;
            }
        }
    }

    /// <summary>The value one part further on: a scalar when the name ends here, else what the rest of the name is laid into; null after a problem.</summary>
    private static ConfigurationNode? Next(ConfigurationNode? child, Type type, string variable, ReadOnlySpan<string> segments, string value, ProblemList problems)
    {
        var shape = OptionsShape.Of(type);
        if (shape == ValueShape.Scalar)
        {
            if (segments.Length > 1)
            {
                problems.Add(variable, $"goes on after {ConfigurationPath.Quote(segments[0])}, which is a single value. Drop the rest of the name.");
                return null;
            }

            return new ConfigurationNode { Kind = JsonValueKind.String, Text = value, Variable = variable };
        }

        if (segments.Length == 1)
        {
            var example = shape == ValueShape.List ? "0" : shape == ValueShape.Section ? OptionsShape.KeysOf(type)[0].Name.ToUpperInvariant() : "NAME";
            problems.Add(variable, $"names a {(shape == ValueShape.List ? "list" : "section")}, not a value. Go on with what is in it, such as {variable}__{example}.");
            return null;
        }

        // A wrong kind in the file is reported when it is read; a variable can't be laid into it.
        var wanted = shape == ValueShape.List ? JsonValueKind.Array : JsonValueKind.Object;
        if (child is not null && child.Kind != wanted)
        {
            return child;
        }

        child ??= new ConfigurationNode { Kind = wanted, Variable = variable };
        Lay(child, type, variable, segments[1..], value, problems);
        return child;
    }
}
