using System.Text;
using System.Text.Json.Nodes;

namespace Tollgate.Demo.Live;

/// <summary>One answer in Anthropic's shape, as a stream or whole, with the usage of its plan.</summary>
/// <param name="plan">What it counts.</param>
/// <param name="model">The model that serves.</param>
/// <param name="id"><c>message.id</c>.</param>
/// <param name="sentence">What it says, over and over.</param>
internal sealed class MessageAnswer(AnswerPlan plan, string model, string id, string sentence)
{
    // About four bytes are a token.
    private const int BytesPerToken = 4;
    private const int TokensPerPiece = 25;
    private const int MaxPieces = 40;

    /// <summary>How many content deltas it has.</summary>
    public int Pieces { get; } = (int)Math.Clamp(plan.Output / TokensPerPiece, 1, MaxPieces);

    /// <summary><c>message_start</c>, the first block's start and a ping.</summary>
    public byte[] Start() => Events(
        ("message_start", new JsonObject { ["type"] = "message_start", ["message"] = Message(new JsonArray(), stop: null, Usage(output: 3)) }),
        ("content_block_start", new JsonObject { ["type"] = "content_block_start", ["index"] = 0, ["content_block"] = new JsonObject { ["type"] = "text", ["text"] = string.Empty } }),
        ("ping", new JsonObject { ["type"] = "ping" }));

    /// <summary>One content delta.</summary>
    public byte[] Piece(int index) => Events(("content_block_delta", new JsonObject
    {
        ["type"] = "content_block_delta",
        ["index"] = 0,
        ["delta"] = new JsonObject { ["type"] = "text_delta", ["text"] = Text(index) },
    }));

    /// <summary>The block's end, the final usage and <c>message_stop</c>.</summary>
    public byte[] End() => Events(
        ("content_block_stop", new JsonObject { ["type"] = "content_block_stop", ["index"] = 0 }),
        ("message_delta", new JsonObject
        {
            ["type"] = "message_delta",
            ["delta"] = new JsonObject { ["stop_reason"] = plan.Stop, ["stop_sequence"] = null },
            ["usage"] = Usage(plan.Output),
        }),
        ("message_stop", new JsonObject { ["type"] = "message_stop" }));

    /// <summary>The whole message as one document.</summary>
    public byte[] Whole() => Encoding.UTF8.GetBytes(Message(
        new JsonArray(new JsonObject { ["type"] = "text", ["text"] = string.Concat(Enumerable.Range(0, Pieces).Select(Text)) }), plan.Stop, Usage(plan.Output)).ToJsonString());

    /// <summary>An <c>error</c> event.</summary>
    public static byte[] Error(string type, string message) => Encoding.UTF8.GetBytes($"event: error\ndata: {ErrorBody(type, message)}\n\n");

    /// <summary>The document of an error.</summary>
    public static string ErrorBody(string type, string message) =>
        new JsonObject { ["type"] = "error", ["error"] = new JsonObject { ["type"] = type, ["message"] = message } }.ToJsonString();

    private static byte[] Events(params ReadOnlySpan<(string Name, JsonObject Data)> events)
    {
        var text = new StringBuilder();
        foreach (var (name, data) in events)
        {
            text.Append("event: ").Append(name).Append("\ndata: ").Append(data.ToJsonString()).Append("\n\n");
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private string Text(int index)
    {
        var bytes = (int)(plan.Output * BytesPerToken / Pieces);
        var text = new StringBuilder(bytes + sentence.Length);
        while (text.Length < bytes)
        {
            text.Append(sentence);
        }

        return index == 0 || text.Length > sentence.Length ? text.ToString(0, Math.Max(1, bytes)) : sentence[..Math.Max(1, Math.Min(bytes, sentence.Length))];
    }

    private JsonObject Message(JsonArray content, string? stop, JsonObject usage) => new()
    {
        ["id"] = id,
        ["type"] = "message",
        ["role"] = "assistant",
        ["model"] = model,
        ["content"] = content,
        ["stop_reason"] = stop,
        ["stop_sequence"] = null,
        ["usage"] = usage,
    };

    private JsonObject Usage(long output)
    {
        var usage = new JsonObject
        {
            ["input_tokens"] = plan.Input,
            ["cache_creation_input_tokens"] = plan.Write5m + plan.Write1h,
            ["cache_read_input_tokens"] = plan.Read,
            ["cache_creation"] = new JsonObject { ["ephemeral_5m_input_tokens"] = plan.Write5m, ["ephemeral_1h_input_tokens"] = plan.Write1h },
            ["output_tokens"] = output,
            ["service_tier"] = "standard",
            ["speed"] = plan.Fast ? "fast" : "standard",
        };
        if (output == plan.Output)
        {
            usage["output_tokens_details"] = new JsonObject { ["thinking_tokens"] = plan.Thinking };
            if (plan.Searches > 0)
            {
                usage["server_tool_use"] = new JsonObject { ["web_search_requests"] = plan.Searches };
            }
        }

        return usage;
    }
}
