using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Tests.Configuration;

/// <summary>What the option types' own documentation says, as the compiler wrote it beside the assembly.</summary>
internal static partial class OptionDocs
{
    private static readonly Lazy<Dictionary<string, XElement>> Summaries = new(static () => XDocument
        .Load(Path.ChangeExtension(typeof(TollgateOptions).Assembly.Location, ".xml"), LoadOptions.PreserveWhitespace)
        .Descendants("member")
        .Where(static member => member.Element("summary") is not null)
        .ToDictionary(static member => member.Attribute("name")!.Value, static member => member.Element("summary")!));

    /// <summary>The summary of an option, with code between <paramref name="code"/>.</summary>
    public static string Of(PropertyInfo option, string code) => Text($"P:{option.DeclaringType!.FullName}.{option.Name}", code);

    /// <summary>The summary of a section.</summary>
    public static string Of(Type section, string code) => Text($"T:{section.FullName}", code);

    /// <summary>The summary of a named value.</summary>
    public static string Of(Type type, object value, string code) => Text($"F:{type.FullName}.{value}", code);

    /// <summary>A text in Markdown without the sentences that only say what a column beside it says: <c>Default 2.</c>, <c>Required.</c></summary>
    public static string WithoutRepeats(string text) => Repeat().Replace(text, "").Trim();

    private static string Text(string member, string code)
    {
        var text = new StringBuilder();
        foreach (var node in Summaries.Value[member].Nodes())
        {
            text.Append(node switch
            {
                XElement { Name.LocalName: "see" } see => code + JsonNamingPolicy.CamelCase.ConvertName(see.Attribute("cref")!.Value.Split('.')[^1]) + code,
                XElement element => code + element.Value + code,
                _ => ((XText)node).Value,
            });
        }

        return Blank().Replace(text.ToString(), " ").Trim();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();

    [GeneratedRegex(@"(?:Default (?:`[^`]*`|[\w,]+(?: \w+)?)|Required)\.(?: |$)")]
    private static partial Regex Repeat();
}
