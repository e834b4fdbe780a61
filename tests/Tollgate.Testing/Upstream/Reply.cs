using System.Text.Json.Nodes;

namespace Tollgate.Testing.Upstream;

/// <summary>A plan for one answer: what it says, what it says it used, and how its bytes travel.</summary>
/// <remarks>Plans are values; a scenario is written by <c>with</c>.</remarks>
public sealed record Reply
{
    /// <summary>HTTP status.</summary>
    public int Status { get; init; } = 200;

    /// <summary>Content blocks of a message, as the API writes them.</summary>
    public IReadOnlyList<JsonObject> Content { get; init; } = [];

    /// <summary><c>stop_reason</c>.</summary>
    public string StopReason { get; init; } = "end_turn";

    /// <summary>The model that says it served; null echoes the requested one.</summary>
    public string? Model { get; init; }

    /// <summary>Changes the figures of the k-th reply.</summary>
    public Func<TokenFigures, TokenFigures> Usage { get; init; } = static figures => figures;

    /// <summary>A body of its own instead of a message: errors, pages of a CDN. Not billable, no usage.</summary>
    public ReadOnlyMemory<byte>? Body { get; init; }

    /// <summary>Content type of <see cref="Body"/>.</summary>
    public string BodyType { get; init; } = "application/json";

    /// <summary>More response headers.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Type and message of an <c>error</c> event that takes the place of the stream's end.</summary>
    public (string Type, string Message)? ErrorEvent { get; init; }

    /// <summary>How the bytes travel.</summary>
    public Delivery Delivery { get; init; } = Delivery.Plain;

    /// <summary>A message of plain text.</summary>
    public static Reply Text(string text) => new() { Content = [new JsonObject { ["type"] = "text", ["text"] = text }] };

    /// <summary>A message that asks the client to run a tool.</summary>
    public static Reply ToolUse(string tool, JsonObject input) => new()
    {
        Content = [new JsonObject { ["type"] = "tool_use", ["id"] = NewId("toolu_"), ["name"] = tool, ["input"] = input }],
        StopReason = "tool_use",
    };

    /// <summary>A message whose server searched the web; the input grows between <c>message_start</c> and <c>message_delta</c>.</summary>
    public static Reply WebSearch(string text, int searches)
    {
        var content = new List<JsonObject>();
        for (var search = 0; search < searches; search++)
        {
            var id = NewId("srvtoolu_");
            content.Add(new JsonObject { ["type"] = "server_tool_use", ["id"] = id, ["name"] = "web_search", ["input"] = new JsonObject { ["query"] = $"query {search}" } });
            content.Add(new JsonObject { ["type"] = "web_search_tool_result", ["tool_use_id"] = id, ["content"] = new JsonArray() });
        }

        content.Add(new JsonObject { ["type"] = "text", ["text"] = text });
        return new Reply { Content = content, Usage = figures => figures with { WebSearches = searches, InputGrowth = 900 } };
    }

    /// <summary>A refusal before any output: it shows usage that is not billed.</summary>
    public static Reply Refusal() => new() { StopReason = "refusal" };

    /// <summary>An error in Anthropic's envelope.</summary>
    public static Reply Error(int status, string type, string message) => new()
    {
        Status = status,
        Body = System.Text.Encoding.UTF8.GetBytes(MessageText.Json(new JsonObject
        {
            ["type"] = "error",
            ["error"] = new JsonObject { ["type"] = type, ["message"] = message },
        })),
    };

    /// <summary>An error from something in between that does not speak the API.</summary>
    public static Reply Page(int status, string contentType, string text) => new()
    {
        Status = status,
        Body = System.Text.Encoding.UTF8.GetBytes(text),
        BodyType = contentType,
    };

    /// <summary>The documented error of a status.</summary>
    public static Reply Error(int status) => status switch
    {
        400 => Error(400, "invalid_request_error", "messages: at least one message is required"),
        401 => Error(401, "authentication_error", "invalid x-api-key"),
        402 => Error(402, "billing_error", "Your credit balance is too low"),
        403 => Error(403, "permission_error", "This key may not use the model"),
        404 => Error(404, "not_found_error", "model: no such model"),
        413 => Error(413, "request_too_large", "Request exceeds the maximum size"),
        429 => Error(429, "rate_limit_error", "Too many requests"),
        504 => Error(504, "timeout_error", "The request timed out"),
        529 => Error(529, "overloaded_error", "Overloaded"),
        _ => Error(status, "api_error", "Internal server error"),
    };

    /// <summary>The same with another response header.</summary>
    public Reply WithHeader(string name, string value) => this with { Headers = [.. Headers, new(name, value)] };

    internal static string NewId(string prefix) => prefix + Guid.NewGuid().ToString("N")[..24];
}
