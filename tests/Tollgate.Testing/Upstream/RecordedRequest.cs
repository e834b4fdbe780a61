using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Tollgate.Testing.Upstream;

/// <summary>How a request's connection was left, seen from the upstream.</summary>
public enum RequestEnd
{
    /// <summary>The whole answer, as planned, was handed to the connection.</summary>
    Answered,

    /// <summary>The fake itself broke the answer off, as planned.</summary>
    CutByPlan,

    /// <summary>The caller went away before the answer ended.</summary>
    AbortedByCaller,
}

/// <summary>One request as it came over the wire.</summary>
public sealed class RecordedRequest
{
    private readonly TaskCompletionSource<RequestEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private JsonNode? _json;

    /// <summary>Number of the request within its fake, from 1, in the order the heads arrived.</summary>
    public required int Number { get; init; }

    /// <summary>Kestrel's id of the connection: equal for requests that shared one.</summary>
    public required string ConnectionId { get; init; }

    /// <summary><c>HTTP/1.1</c> or <c>HTTP/2</c>.</summary>
    public required string Protocol { get; init; }

    /// <summary>The method.</summary>
    public required string Method { get; init; }

    /// <summary>The request target, path and query, byte for byte.</summary>
    public required string Target { get; init; }

    /// <summary>Fields in wire order and wire case on HTTP/1.1 without TLS; else in Kestrel's order.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; }

    /// <summary>The head's bytes on HTTP/1.1, request line to blank line; empty on HTTP/2.</summary>
    public required ReadOnlyMemory<byte> RawHead { get; init; }

    /// <summary>The body; what had come of it when the caller aborted the upload. Empty until it was read.</summary>
    public ReadOnlyMemory<byte> Body { get; private set; }

    /// <summary>Whether the body came to its end.</summary>
    public bool BodyComplete { get; private set; }

    /// <summary>Lower-case hex SHA-256 of <see cref="Body"/>.</summary>
    public string BodySha256 => Convert.ToHexStringLower(SHA256.HashData(Body.Span));

    /// <summary>The target's path.</summary>
    public string Path => Target.Split('?')[0];

    /// <summary>The body as JSON; null when it is none.</summary>
    public JsonNode? Json => _json ??= TryParse(Body);

    /// <summary>The body's <c>model</c>, else empty.</summary>
    public string Model => Json?["model"]?.GetValue<string>() ?? string.Empty;

    /// <summary>The body's <c>stream</c>.</summary>
    public bool WantsStream => Json?["stream"]?.GetValue<bool>() ?? false;

    /// <summary><c>x-claude-code-session-id</c>, else empty.</summary>
    public string SessionId => Header("x-claude-code-session-id");

    /// <summary><c>x-claude-code-agent-id</c>, else empty: the request of a sub-agent has one.</summary>
    public string AgentId => Header("x-claude-code-agent-id");

    /// <summary>Whether this is an inference call.</summary>
    public bool IsMessages => Method == "POST" && Path == "/v1/messages";

    /// <summary>Completes when the answer ended or the caller went away.</summary>
    public Task<RequestEnd> End => _end.Task;

    /// <summary>The first value of a field, else empty.</summary>
    public string Header(string name) =>
        Headers.FirstOrDefault(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value ?? string.Empty;

    /// <summary>Whether the text occurs anywhere in the body.</summary>
    public bool BodyContains(string text) => Body.Span.IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;

    /// <summary>Whether the last message of the conversation brings a tool's result.</summary>
    public bool BringsToolResult => LastUserContent() is JsonArray blocks && blocks.Any(block => block?["type"]?.GetValue<string>() == "tool_result");

    internal void SetBody(ReadOnlyMemory<byte> body, bool complete)
    {
        Body = body;
        BodyComplete = complete;
    }

    internal void SetEnd(RequestEnd end) => _end.TrySetResult(end);

    /// <summary>Reminders follow the user's turn as entries of role <c>system</c>, so the last user entry is looked for from the end.</summary>
    private JsonNode? LastUserContent() =>
        (Json?["messages"] as JsonArray)?.LastOrDefault(message => message?["role"]?.GetValue<string>() == "user")?["content"];

    private static JsonNode? TryParse(ReadOnlyMemory<byte> body)
    {
        try
        {
            return body.IsEmpty ? null : JsonNode.Parse(body.Span);
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }
}
