using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Tollgate.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Admin.Wire;

/// <summary>How the admin API writes JSON: camelCase as in <c>tollgate.json</c>; money and times as text.</summary>
internal static class ApiJson
{
    /// <summary>For <c>/api</c>.</summary>
    public static JsonSerializerOptions Options { get; } = Create(JsonNamingPolicy.CamelCase);

    /// <summary>For <c>/v1</c>, whose names are Anthropic's.</summary>
    public static JsonSerializerOptions Snake { get; } = Create(JsonNamingPolicy.SnakeCaseLower);

    /// <summary>Sets <paramref name="options"/> up, for the description of the API.</summary>
    public static void Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.Converters.Add(new NanodollarsConverter());
        options.Converters.Add(new LowerCaseEnumConverter());
        options.Converters.Add(new InstantConverter());
    }

    private static JsonSerializerOptions Create(JsonNamingPolicy names)
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        Configure(options);
        options.PropertyNamingPolicy = names;
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    /// <summary>An amount as a text, exact: <c>"5.00"</c>, <c>"0.000000001"</c>.</summary>
    public static string Dollars(Nanodollars amount) => amount.ToDollars().ToString("0.00#######", CultureInfo.InvariantCulture);

    private sealed class NanodollarsConverter : JsonConverter<Nanodollars>
    {
        public override Nanodollars Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Nanodollars.FromDollars(decimal.Parse(reader.GetString()!, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));

        public override void Write(Utf8JsonWriter writer, Nanodollars value, JsonSerializerOptions options) => writer.WriteStringValue(Dollars(value));
    }

    private sealed class InstantConverter : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture));
    }

    private sealed class LowerCaseEnumConverter : JsonConverterFactory
    {
        public override bool CanConvert(Type typeToConvert) => typeToConvert.IsEnum;

        public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
            (JsonConverter)Activator.CreateInstance(typeof(Of<>).MakeGenericType(typeToConvert))!;

        private sealed class Of<T> : JsonConverter<T>
            where T : struct, Enum
        {
            public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Enum.Parse<T>(reader.GetString()!, ignoreCase: true);

            public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(OptionsShape.EnumText(value));
        }
    }
}
