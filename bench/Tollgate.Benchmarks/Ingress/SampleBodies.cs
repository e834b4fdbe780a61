using System.Text;

namespace Tollgate.Benchmarks.Ingress;

/// <summary>How large the body of a request is.</summary>
public enum BodySize
{
    /// <summary>4 KB: a side request.</summary>
    Small,

    /// <summary>90 KB: a turn of Claude Code.</summary>
    Turn,

    /// <summary>2 MB: a long session, or images.</summary>
    Large,
}

/// <summary>Bodies of <c>POST /v1/messages</c>; their texts are made up.</summary>
internal static class SampleBodies
{
    /// <summary>Messages of about a kilobyte each, in Claude Code's shape.</summary>
    /// <param name="size">How large.</param>
    /// <param name="modelLast">Whether the model comes behind the messages, which no known client does.</param>
    public static byte[] Make(BodySize size, bool modelLast = false)
    {
        const string Model = "\"model\":\"claude-opus-4-8\"";
        const string Rest = "\"system\":[{\"type\":\"text\",\"text\":\"You are Claude Code\",\"cache_control\":{\"type\":\"ephemeral\"}}],"
            + "\"tools\":[{\"name\":\"Edit\",\"description\":\"Edits\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],\"max_tokens\":32000,\"stream\":true";
        var bytes = size switch { BodySize.Small => 4_000, BodySize.Turn => 90_000, _ => 2_000_000 };
        var text = string.Concat(Enumerable.Repeat("var total = items.Sum(item => item.Price);\\n\\t// \\\"quoted\\\" ", 16));
        var message = "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"" + text + "\"}]}";
        var messages = "\"messages\":[" + string.Join(',', Enumerable.Repeat(message, Math.Max(1, (bytes - Rest.Length) / message.Length))) + "]";
        return Encoding.UTF8.GetBytes(modelLast ? $"{{{messages},{Rest},{Model}}}" : $"{{{Model},{messages},{Rest}}}");
    }
}
