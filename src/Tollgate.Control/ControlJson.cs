using System.Text.Json;
using System.Text.Json.Serialization;
using Tollgate.Proxy.Facts;

namespace Tollgate.Control;

/// <summary>How objects read as JSON: as in <c>tollgate.json</c>, with keys and named values in camelCase and money as a number of dollars.</summary>
public static class ControlJson
{
    /// <summary>The options. Secrets and hashes are written as they are.</summary>
    public static JsonSerializerOptions Options { get; } = Create();

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            NumberHandling = JsonNumberHandling.Strict,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false), new DollarsConverter() },
        };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    private sealed class DollarsConverter : JsonConverter<Nanodollars>
    {
        public override Nanodollars Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            try
            {
                return Nanodollars.FromDollars(reader.GetDecimal());
            }
            catch (Exception exception) when (exception is OverflowException or FormatException or InvalidOperationException)
            {
                throw new JsonException("must be a number of dollars with at most nine decimals", exception);
            }
        }

        public override void Write(Utf8JsonWriter writer, Nanodollars value, JsonSerializerOptions options) => writer.WriteNumberValue(value.ToDollars());
    }
}
