using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Tests.Configuration;

/// <summary>Writes the JSON Schema of <c>tollgate.json</c> from the option types.</summary>
/// <remarks>It is for editors. The loader knows more: rules over two keys, over what is on the machine, bounds of durations.</remarks>
internal static class ConfigurationSchema
{
    private const string DurationPattern = @"^(\d+\.)?\d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,7})?)?$";

    private static readonly JsonSerializerOptions Layout = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The whole file's.</summary>
    public static string Write()
    {
        var root = Section(typeof(TollgateOptions), new TollgateOptions());
        var properties = root["properties"]!.AsObject();
        properties.Insert(0, "$schema", new JsonObject { ["type"] = "string", ["description"] = "Where this schema is, for editors; Tollgate passes over it." });
        var schema = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "tollgate.json",
            ["description"] = OptionDocs.Of(typeof(TollgateOptions), ""),
        };
        foreach (var (name, value) in root)
        {
            schema[name] = value!.DeepClone();
        }

        return schema.ToJsonString(Layout) + "\n";
    }

    private static JsonObject Section(Type section, object defaults)
    {
        var properties = new JsonObject();
        var required = new JsonArray();
        foreach (var key in OptionsShape.KeysOf(section))
        {
            var value = key.Property.GetValue(defaults);
            properties[key.Name] = Key(key, value);
            if (value is "" && key.Property.IsDefined(typeof(RequiredAttribute)))
            {
                required.Add(key.Name);
            }
        }

        var schema = new JsonObject { ["type"] = "object", ["additionalProperties"] = false };
        if (required.Count > 0)
        {
            schema["required"] = required;
        }

        schema["properties"] = properties;
        return schema;
    }

    private static JsonObject Key(OptionsKey key, object? value)
    {
        var type = key.Property.PropertyType;
        var schema = new JsonObject { ["description"] = Describe(key) };
        switch (OptionsShape.Of(type))
        {
            case ValueShape.Section:
                Join(schema, Section(type, value ?? Activator.CreateInstance(type)!));
                break;

            case ValueShape.List:
                schema["type"] = "array";
                var entry = OptionsShape.EntryType(type);
                schema["items"] = OptionsShape.Of(entry) == ValueShape.Section ? Section(entry, Activator.CreateInstance(entry)!) : new JsonObject { ["type"] = entry == typeof(int) ? "integer" : "string" };
                schema["default"] = value switch
                {
                    IEnumerable<string> texts => new JsonArray([.. texts.Select(static text => (JsonNode)text)]),
                    IEnumerable<int> numbers => new JsonArray([.. numbers.Select(static number => (JsonNode)number)]),
                    _ => new JsonArray(),
                };
                break;

            case ValueShape.Dictionary:
                schema["type"] = "object";
                schema["additionalProperties"] = Section(OptionsShape.EntryType(type), Activator.CreateInstance(OptionsShape.EntryType(type))!);
                break;

            default:
                AddScalar(schema, type, value);
                break;
        }

        foreach (var attribute in key.Property.GetCustomAttributes<ValidationAttribute>())
        {
            AddRule(schema, attribute);
        }

        return schema;
    }

    private static void AddScalar(JsonObject schema, Type type, object? value)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        schema["type"] = type switch
        {
            _ when type == typeof(bool) => "boolean",
            _ when type == typeof(int) || type == typeof(long) => "integer",
            _ when type == typeof(Nanodollars) => "number",
            _ => "string",
        };
        switch (value)
        {
            case bool flag:
                schema["default"] = flag;
                break;

            case Nanodollars amount:
                schema["default"] = amount.ToDollars();
                break;

            case int or long:
                schema["default"] = Convert.ToInt64(value, CultureInfo.InvariantCulture);
                break;

            case TimeSpan time:
                schema["pattern"] = DurationPattern;
                schema["default"] = ConfigurationTables.Duration(time);
                break;

            case Enum named:
                schema["enum"] = new JsonArray([.. OptionsShape.EnumTexts(type).Select(static text => (JsonNode)text)]);
                schema["default"] = OptionsShape.EnumText(named);
                break;

            case string { Length: > 0 } text:
                schema["default"] = text;
                break;
        }
    }

    private static void AddRule(JsonObject schema, ValidationAttribute attribute)
    {
        switch (attribute)
        {
            case RequiredAttribute:
                schema["minLength"] = 1;
                break;

            case RangeAttribute range:
                schema["minimum"] = Convert.ToInt64(range.Minimum, CultureInfo.InvariantCulture);
                schema["maximum"] = Convert.ToInt64(range.Maximum, CultureInfo.InvariantCulture);
                break;

            case ItemCountAttribute count:
                schema["minItems"] = count.Minimum;
                schema["maxItems"] = count.Maximum;
                break;

            case AllowedValuesAttribute allowed:
                schema["enum"] = new JsonArray([.. allowed.Values.Select(static value => (JsonNode)(string)value!)]);
                break;

            case RegularExpressionAttribute expression:
                schema["pattern"] = expression.Pattern;
                break;
        }
    }

    private static string Describe(OptionsKey key)
    {
        var type = key.Property.PropertyType;
        var text = OptionDocs.Of(key.Property, "");
        if (type.IsEnum)
        {
            text += string.Concat(Enum.GetValues(type).Cast<object>().Select(value => $" {OptionsShape.EnumText(value)}: {OptionDocs.Of(type, value, "")}"));
        }

        if (key.Property.GetCustomAttribute<TimeRangeAttribute>() is { } range)
        {
            text += $" From {range.Minimum} to {range.Maximum}.";
        }

        return key.IsSecret ? $"{text} Say env:NAME or file:PATH." : key.NeedsRestart ? $"{text} Needs a restart." : text;
    }

    private static void Join(JsonObject to, JsonObject from)
    {
        foreach (var (name, value) in from)
        {
            to[name] = value!.DeepClone();
        }
    }
}
