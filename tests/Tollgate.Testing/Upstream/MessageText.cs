using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tollgate.Testing.Upstream;

/// <summary>Writes a planned message the two ways the Messages API does.</summary>
/// <remarks>Source: Anthropic's documentation of streaming messages; field order as its examples have it.</remarks>
public static class MessageText
{
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>JSON without needless escapes, as the API writes it.</summary>
    public static string Json(JsonNode node) => node.ToJsonString(Relaxed);

    /// <summary>The message as one JSON document.</summary>
    public static byte[] Whole(Reply reply, TokenFigures figures, string model, string messageId)
    {
        var message = Head(messageId, model, figures.Whole());
        message["content"] = new JsonArray([.. reply.Content.Select(static block => block.DeepClone())]);
        message["stop_reason"] = reply.StopReason;
        return Encoding.UTF8.GetBytes(Json(message));
    }

    /// <summary>The message as events, each with its blank line.</summary>
    public static IReadOnlyList<byte[]> Events(Reply reply, TokenFigures figures, string model, string messageId)
    {
        var events = new List<byte[]>();
        var delivery = reply.Delivery;
        Add("message_start", new JsonObject { ["type"] = "message_start", ["message"] = Head(messageId, model, figures.AtStart()) });
        AddPings();
        for (var index = 0; index < reply.Content.Count; index++)
        {
            var block = reply.Content[index];
            Add("content_block_start", new JsonObject { ["type"] = "content_block_start", ["index"] = index, ["content_block"] = Opening(block) });
            foreach (var delta in Deltas(block, delivery.DeltaCharacters))
            {
                AddPings(delivery.Pings - 1);
                Add("content_block_delta", new JsonObject { ["type"] = "content_block_delta", ["index"] = index, ["delta"] = delta });
            }

            if (reply.ErrorEvent is null || index < reply.Content.Count - 1)
            {
                Add("content_block_stop", new JsonObject { ["type"] = "content_block_stop", ["index"] = index });
            }
        }

        if (reply.ErrorEvent is var (type, text))
        {
            Add("error", new JsonObject { ["type"] = "error", ["error"] = new JsonObject { ["type"] = type, ["message"] = text } });
            return events;
        }

        Add("message_delta", new JsonObject
        {
            ["type"] = "message_delta",
            ["delta"] = new JsonObject { ["stop_reason"] = reply.StopReason, ["stop_sequence"] = null },
            ["usage"] = figures.AtDelta(),
        });
        Add("message_stop", new JsonObject { ["type"] = "message_stop" });
        return events;

        void Add(string name, JsonObject data) =>
            events.Add(Encoding.UTF8.GetBytes($"event: {name}{delivery.LineEnd}data: {Json(data)}{delivery.LineEnd}{delivery.LineEnd}"));

        void AddPings(int? count = null)
        {
            for (var ping = 0; ping < (count ?? delivery.Pings); ping++)
            {
                Add("ping", new JsonObject { ["type"] = "ping" });
            }
        }
    }

    private static JsonObject Head(string messageId, string model, JsonObject usage) => new()
    {
        ["model"] = model,
        ["id"] = messageId,
        ["type"] = "message",
        ["role"] = "assistant",
        ["content"] = new JsonArray(),
        ["stop_reason"] = null,
        ["stop_sequence"] = null,
        ["usage"] = usage,
    };

    /// <summary>A block as <c>content_block_start</c> has it: its growing part still empty.</summary>
    private static JsonObject Opening(JsonObject block)
    {
        var opening = (JsonObject)block.DeepClone();
        switch (block["type"]!.GetValue<string>())
        {
            case "text":
                opening["text"] = string.Empty;
                break;
            case "thinking":
                opening["thinking"] = string.Empty;
                opening["signature"] = string.Empty;
                break;
            case "tool_use" or "server_tool_use":
                opening["input"] = new JsonObject();
                break;
        }

        return opening;
    }

    private static IEnumerable<JsonObject> Deltas(JsonObject block, int characters)
    {
        switch (block["type"]!.GetValue<string>())
        {
            case "text":
                return Pieces(block["text"]!.GetValue<string>(), characters).Select(static text => new JsonObject { ["type"] = "text_delta", ["text"] = text });
            case "thinking":
                return Pieces(block["thinking"]!.GetValue<string>(), characters)
                    .Select(static text => new JsonObject { ["type"] = "thinking_delta", ["thinking"] = text })
                    .Append(new JsonObject { ["type"] = "signature_delta", ["signature"] = block["signature"]?.GetValue<string>() ?? "c2lnbmF0dXJl" });
            case "tool_use" or "server_tool_use":
                return Pieces(Json(block["input"]!), characters).Select(static text => new JsonObject { ["type"] = "input_json_delta", ["partial_json"] = text });
            default:
                return [];
        }
    }

    /// <summary>Pieces of a text that never cut a surrogate pair.</summary>
    private static IEnumerable<string> Pieces(string text, int characters)
    {
        if (characters <= 0)
        {
            yield return text;
            yield break;
        }

        for (var start = 0; start < text.Length;)
        {
            var end = Math.Min(text.Length, start + characters);
            if (end < text.Length && char.IsLowSurrogate(text[end]))
            {
                end++;
            }

            yield return text[start..end];
            start = end;
        }
    }
}
