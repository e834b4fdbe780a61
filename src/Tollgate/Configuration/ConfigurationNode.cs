using System.Text.Json;

namespace Tollgate.Configuration;

/// <summary>One value as written: in the file, or in a variable laid over it.</summary>
internal sealed class ConfigurationNode
{
    /// <summary>What was written.</summary>
    public required JsonValueKind Kind { get; init; }

    /// <summary>A text's content, a number's digits; empty otherwise.</summary>
    public string Text { get; init; } = string.Empty;

    /// <summary>The variable that said it; null when the file did.</summary>
    /// <remarks>On a dictionary: it was not in the file at all, so the entries laid in join the default ones.</remarks>
    public string? Variable { get; init; }

    /// <summary>An object's members, in order.</summary>
    public List<KeyValuePair<string, ConfigurationNode>> Members { get; } = [];

    /// <summary>An array's items.</summary>
    public List<ConfigurationNode> Items { get; } = [];

    /// <summary>How a message calls this kind of value.</summary>
    public string KindName => Kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "null",
    };

    /// <summary>Reads a file's text; null, and a problem, when it is not JSON.</summary>
    /// <remarks>A key given twice is a problem: which of the two counts would be anyone's guess.</remarks>
    public static ConfigurationNode? Parse(ReadOnlyMemory<byte> utf8, ProblemList problems)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            return From(document.RootElement, string.Empty, problems);
        }
        catch (JsonException exception)
        {
            // The exception's own message quotes the text at the fault, which may be a secret without its quotation marks.
            problems.Add(
                ConfigurationPath.WholeFile,
                $"is not JSON at line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}. Look there, and just before, for a missing comma, quotation mark or bracket.");
            return null;
        }
    }

    /// <summary>The member called <paramref name="name"/>; null when there is none.</summary>
    public ConfigurationNode? Find(string name, StringComparison comparison = StringComparison.Ordinal)
    {
        foreach (var member in Members)
        {
            if (string.Equals(member.Key, name, comparison))
            {
                return member.Value;
            }
        }

        return null;
    }

    /// <summary>Puts <paramref name="value"/> in place of the member called <paramref name="name"/>, or adds it.</summary>
    public void Set(string name, ConfigurationNode value)
    {
        Members.RemoveAll(member => member.Key == name);
        Members.Add(new(name, value));
    }

    private static ConfigurationNode From(JsonElement element, string path, ProblemList problems)
    {
        var node = new ConfigurationNode
        {
            Kind = element.ValueKind,
            Text = element.ValueKind switch
            {
                JsonValueKind.String => element.GetString()!,
                JsonValueKind.Number => element.GetRawText(),
                _ => string.Empty,
            },
        };

        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in element.EnumerateObject())
            {
                var memberPath = ConfigurationPath.Join(path, member.Name);
                if (node.Find(member.Name) is not null)
                {
                    problems.Add(memberPath, "is given twice. Remove one.");
                    continue;
                }

                node.Members.Add(new(member.Name, From(member.Value, memberPath, problems)));
            }
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
            {
                node.Items.Add(From(item, ConfigurationPath.Join(path, node.Items.Count), problems));
            }
        }

        return node;
    }
}
