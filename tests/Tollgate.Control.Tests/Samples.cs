using System.Text.Json;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Control.Tests;

/// <summary>Objects for tests.</summary>
internal static class Samples
{
    public static readonly Actor Operator = new("ops1", ActorKinds.Token, "192.0.2.7");

    /// <summary>Texts that a query built by pasting would not survive, and some that merely look odd.</summary>
    public static readonly string[] Awkward =
    [
        "'; DROP TABLE keys; --",
        "\" OR \"1\"=\"1",
        "100%_\\%[a-z]*",
        "$$ $1 @p0 {0} :name ?",
        "line\nbreak\ttab\r\u0001\u007f",
        "Zoë 日本語 😀 İ",
        "\\' \\\" \\u0027 E'\\x'",
        "<script>alert(1)</script>&amp;",
        " padded ",
        "null",
    ];

    public static string Hash(char digit) => "sha256:" + new string(digit, 64);

    public static KeyOptions Key(string id, string team = "") => new() { Id = id, Name = $"key {id}", Hash = Hash('a'), Team = team };

    public static ProviderKey Provider(string id, string secret) => new() { Id = id, Upstream = "anthropic", Secret = secret };

    /// <summary>An object with <paramref name="text"/>, and the property's name for telling them apart, in each text and list of texts.</summary>
    public static T Filled<T>(string text)
        where T : class, new()
    {
        var item = new T();
        foreach (var property in typeof(T).GetProperties().Where(static property => property.CanWrite))
        {
            if (property.PropertyType == typeof(string))
            {
                property.SetValue(item, $"{text}{property.Name}");
            }
            else if (property.PropertyType == typeof(IReadOnlyList<string>))
            {
                property.SetValue(item, new[] { text, $"{text}{property.Name}" });
            }
            else if (property.PropertyType == typeof(DateTimeOffset?))
            {
                property.SetValue(item, new DateTimeOffset(2027, 1, 2, 3, 4, 5, 678, TimeSpan.FromHours(5.5)));
            }
            else if (property.PropertyType == typeof(Nanodollars?))
            {
                property.SetValue(item, new Nanodollars(12_345_678_901_234_567));
            }
        }

        return item;
    }

    public static string Json<T>(T item) => JsonSerializer.Serialize(item, ControlJson.Options);
}
