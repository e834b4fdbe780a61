using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
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

/// <summary>Names the options whose rules a record's properties have, property by property, unless one has a rule of its own.</summary>
/// <remarks>So that what is posted to the admin API keeps the rules of the file without repeating them.</remarks>
/// <param name="options">The options record; its property of the same name carries the rules.</param>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class RulesOfAttribute(Type options) : Attribute
{
    /// <summary>The options record.</summary>
    public Type Options { get; } = options;
}

/// <summary>Marks what must be written even if it is null: leaving it out would mean something large.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class MustBeGivenAttribute : Attribute;

/// <summary>One key of a section: the property it fills, and how it is written.</summary>
/// <param name="Name">The key in the file: the property's name in camelCase, unless it says another.</param>
/// <param name="Property">The property it fills.</param>
/// <param name="Rules">The property whose attributes the value must keep; mostly the same.</param>
internal sealed record OptionsKey(string Name, PropertyInfo Property, PropertyInfo Rules)
{
    /// <summary>Whether the value may be shown to nobody.</summary>
    public bool IsSensitive { get; } = Rules.IsDefined(typeof(SensitiveAttribute), inherit: false);

    /// <summary>Whether <c>env:</c> and <c>file:</c> are followed.</summary>
    public bool IsSecret { get; } = Rules.IsDefined(typeof(SecretAttribute), inherit: false);

    /// <summary>Whether a change waits for the next start.</summary>
    public bool NeedsRestart { get; } = Rules.IsDefined(typeof(NeedsRestartAttribute), inherit: false);
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
                    .Select(property => new OptionsKey(NameOf(property), property, RulesOf(section, property)))];
                KeysByType.Add(section, keys);
            }

            return keys;
        }
    }

    /// <summary>A named value as it is written in the file: all in lower case.</summary>
    public static string EnumText(object value) => value.ToString()!.ToLowerInvariant();

    /// <summary>All values that a named value may have, as written in the file.</summary>
    public static string[] EnumTexts(Type type) => [.. Enum.GetValues(type).Cast<object>().Select(EnumText)];

    private static string NameOf(PropertyInfo property) =>
        property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? JsonNamingPolicy.CamelCase.ConvertName(property.Name);

    private static PropertyInfo RulesOf(Type section, PropertyInfo property) =>
        property.IsDefined(typeof(ValidationAttribute)) || property.IsDefined(typeof(SensitiveAttribute))
            ? property
            : section.GetCustomAttribute<RulesOfAttribute>()?.Options.GetProperty(property.Name) ?? property;

    private static bool IsGeneric(Type type, Type definition) => type.IsGenericType && type.GetGenericTypeDefinition() == definition;
}
