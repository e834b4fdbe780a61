using System.Reflection;
using System.Text.Json;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Configuration;

/// <summary>What a configured value looks like.</summary>
internal enum ValueShape
{
    /// <summary>One text, number, switch, duration or named value.</summary>
    Scalar,

    /// <summary>A section with fixed keys.</summary>
    Section,

    /// <summary>Entries in order.</summary>
    List,

    /// <summary>Entries by a name of the user's choice.</summary>
    Dictionary,
}

/// <summary>One key of a section: the property it fills, and how it is written.</summary>
/// <param name="Name">The key in the file: the property's name in camelCase.</param>
/// <param name="Property">The property it fills.</param>
internal sealed record OptionsKey(string Name, PropertyInfo Property)
{
    /// <summary>Whether the value may be shown to nobody.</summary>
    public bool IsSensitive { get; } = Property.IsDefined(typeof(SensitiveAttribute), inherit: false);

    /// <summary>Whether <c>env:</c> and <c>file:</c> are followed.</summary>
    public bool IsSecret { get; } = Property.IsDefined(typeof(SecretAttribute), inherit: false);

    /// <summary>Whether a change waits for the next start.</summary>
    public bool NeedsRestart { get; } = Property.IsDefined(typeof(NeedsRestartAttribute), inherit: false);
}

/// <summary>The option records as the loader, the schema and the documentation see them: one reading of the types for all of them.</summary>
internal static class OptionsShape
{
    private static readonly Dictionary<Type, OptionsKey[]> KeysByType = [];

    /// <summary>The shape of a property of type <paramref name="type"/>.</summary>
    public static ValueShape Of(Type type) => type switch
    {
        _ when IsGeneric(type, typeof(IReadOnlyList<>)) => ValueShape.List,
        _ when IsGeneric(type, typeof(IReadOnlyDictionary<,>)) => ValueShape.Dictionary,
        _ when type.IsClass && type != typeof(string) => ValueShape.Section,
        _ => ValueShape.Scalar,
    };

    /// <summary>The type of a list's or dictionary's entries.</summary>
    public static Type EntryType(Type type) => type.GetGenericArguments()[^1];

    /// <summary>The keys of a section, in the order they are declared.</summary>
    public static OptionsKey[] KeysOf(Type section)
    {
        lock (KeysByType)
        {
            if (!KeysByType.TryGetValue(section, out var keys))
            {
                keys = [.. section.GetProperties(BindingFlags.Public | BindingFlags.Instance)
                    .Where(property => property.CanWrite)
                    .Select(property => new OptionsKey(JsonNamingPolicy.CamelCase.ConvertName(property.Name), property))];
                KeysByType.Add(section, keys);
            }

            return keys;
        }
    }

    /// <summary>A named value as it is written in the file: all in lower case.</summary>
    public static string EnumText(object value) => value.ToString()!.ToLowerInvariant();

    /// <summary>All values that a named value may have, as written in the file.</summary>
    public static string[] EnumTexts(Type type) => [.. Enum.GetValues(type).Cast<object>().Select(EnumText)];

    private static bool IsGeneric(Type type, Type definition) => type.IsGenericType && type.GetGenericTypeDefinition() == definition;
}
