using System.Text;

namespace Tollgate.Testing;

/// <summary>Answers in the shapes that Anthropic's Messages API gives them; figures are made up.</summary>
/// <remarks>Source: the streaming, compaction, advisor and fallback pages of Anthropic's documentation, and captured Claude Code traffic.</remarks>
public static class RecordedStreams
{
    private const string Delta = "event: content_block_delta\ndata: ";
    private const string Stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    private const string Ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n";

    private const string FullUsage =
        "{\"input_tokens\":6,\"cache_creation_input_tokens\":159217,\"cache_read_input_tokens\":12000,\"cache_creation\":"
        + "{\"ephemeral_5m_input_tokens\":150000,\"ephemeral_1h_input_tokens\":9217},\"output_tokens\":1,\"service_tier\":\"standard\","
        + "\"inference_geo\":\"global\",\"speed\":\"standard\"}";

    /// <summary>A short text answer.</summary>
    public static string PlainText { get; } =
        Start(FullUsage) + BlockStart("{\"type\":\"text\",\"text\":\"\"}") + Ping
        + Text("Hello") + Text(", wörld \\u00fc \\ud83d\\ude00 \\\"usage\\\":{\\n") + BlockStop
        + MessageDelta("end_turn", "{\"output_tokens\":2745,\"output_tokens_details\":{\"thinking_tokens\":900}}") + Stop;

    /// <summary>A tool call, with arguments that look like usage.</summary>
    public static string ToolUse { get; } =
        Start("{\"input_tokens\":472,\"output_tokens\":2}")
        + BlockStart("{\"type\":\"tool_use\",\"id\":\"toolu_01\",\"name\":\"Read\",\"input\":{\"usage\":{\"input_tokens\":1}}}")
        + Delta + "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"path\\\": \\\"a\\\"}\"}}\n\n"
        + BlockStop + MessageDelta("tool_use", "{\"output_tokens\":89}") + Stop;

    /// <summary>Thinking with a signature, then text.</summary>
    public static string Thinking { get; } =
        Start("{\"input_tokens\":21,\"output_tokens\":3}") + BlockStart("{\"type\":\"thinking\",\"thinking\":\"\"}")
        + Delta + "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Let me see\"}}\n\n"
        + Delta + "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQBCgIYAhIM\"}}\n\n"
        + BlockStop + Text("42") + MessageDelta("end_turn", "{\"output_tokens\":61}") + Stop;

    /// <summary>A web search; the totals grow past those of the start and past their own split.</summary>
    public static string WebSearch { get; } =
        Start("{\"input_tokens\":2679,\"cache_creation_input_tokens\":31490,\"cache_read_input_tokens\":0,\"cache_creation\":"
            + "{\"ephemeral_5m_input_tokens\":31490,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":3}")
        + BlockStart("{\"type\":\"server_tool_use\",\"id\":\"srvtoolu_1\",\"name\":\"web_search\",\"input\":{}}") + BlockStop + Text("Found")
        + MessageDelta("end_turn", "{\"input_tokens\":10682,\"cache_creation_input_tokens\":184457,\"cache_read_input_tokens\":0,"
            + "\"output_tokens\":510,\"server_tool_use\":{\"web_search_requests\":1,\"web_fetch_requests\":0}}") + Stop;

    /// <summary>A refusal before any output.</summary>
    public static string Refusal { get; } =
        Start("{\"input_tokens\":412,\"output_tokens\":1}") + MessageDelta("refusal", "{\"output_tokens\":0}") + Stop;

    /// <summary>An error after the answer had begun.</summary>
    public static string ErrorAfterStart { get; } =
        Start("{\"input_tokens\":9,\"output_tokens\":1}") + Text("par") + ErrorEvent;

    /// <summary>An error as the first event.</summary>
    public static string ErrorFirst { get; } = ErrorEvent;

    /// <summary>A declined model, and the one that served instead.</summary>
    public static string Fallback { get; } =
        Start("{\"input_tokens\":30,\"output_tokens\":1}")
        + BlockStart("{\"type\":\"fallback\",\"from\":{\"model\":\"claude-opus-5-5\"},\"to\":{\"model\":\"claude-sonnet-5-5\"}}") + BlockStop + Text("ok")
        + MessageDelta("end_turn", "{\"input_tokens\":31,\"output_tokens\":12,\"fallback_credit\":{\"status\":{\"type\":\"redeemed\"}},\"iterations\":["
            + "{\"type\":\"message\",\"model\":\"claude-opus-5-5\",\"input_tokens\":30,\"output_tokens\":0},"
            + "{\"type\":\"fallback_message\",\"model\":\"claude-sonnet-5-5\",\"input_tokens\":31,\"output_tokens\":12}]}") + Stop;

    /// <summary>A compaction, an advisor and an unknown step; an earlier list is replaced.</summary>
    public static string Iterations { get; } =
        Start("{\"input_tokens\":5,\"output_tokens\":1,\"iterations\":[{\"type\":\"message\",\"input_tokens\":5,\"output_tokens\":1}]}") + Text("x")
        + MessageDelta("end_turn", "{\"output_tokens\":7,\"iterations\":[{\"type\":\"compaction\",\"input_tokens\":180000,\"output_tokens\":3500,\"cache_creation\":{\"ephemeral_1h_input_tokens\":4}},"
            + "{\"type\":\"advisor_message\",\"model\":\"claude-fable-5-2\",\"input_tokens\":823,\"cache_read_input_tokens\":null,\"output_tokens\":1612},"
            + "{\"type\":\"message\",\"input_tokens\":5,\"output_tokens\":7},{\"type\":\"dream\",\"output_tokens\":1}]}") + Stop;

    /// <summary>Several deltas: lower, null and absent figures.</summary>
    public static string SeveralDeltas { get; } =
        Start("{\"input_tokens\":100,\"cache_read_input_tokens\":40,\"output_tokens\":4}") + Text("a")
        + MessageDelta("pause_turn", "{\"input_tokens\":null,\"output_tokens\":9}") + Ping
        + MessageDelta("end_turn", "{\"cache_read_input_tokens\":0,\"output_tokens\":8}") + Stop;

    /// <summary>A clean end without its last event.</summary>
    public static string NoMessageStop { get; } = Start("{\"input_tokens\":1,\"output_tokens\":1}") + Text("a") + MessageDelta("end_turn", "{\"output_tokens\":2}");

    /// <summary>Comments, ids, unknown fields and events, several data lines, missing spaces and colons, no names.</summary>
    public static string Unusual { get; } =
        ": hello\n\nid: 7\nretry: 10\nevent:message_start\ndata:{\"type\":\"message_start\",\ndata\ndata:  \"message\":{\"id\":\"msg_1\",\"model\":\"m\\u0031\",\n"
        + "data: \"us\\u0061ge\":{\"input_tokens\":3}}}\n\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":4,\"output_tokens\":5}}\n\n"
        + "event: dream\ndata: {\"usage\":{\"input_tokens\":9}}\n\nevent: message_delta\n\ndata: [DONE]\n\n"
        + "data: {\"usage\":{\"output_tokens\":-1,\"input_tokens\":1e400}}\nevent: message_delta\n\n";

    /// <summary>Figures that are no figures.</summary>
    public static string InvalidFigures { get; } =
        Start("{\"input_tokens\":\"6\",\"cache_read_input_tokens\":1.5,\"cache_creation\":7,\"output_tokens\":4294967296}")
        + MessageDelta("end_turn", "{\"output_tokens\":-3,\"input_tokens\":9223372036854775808}")
        + "event: message_delta\ndata: {\"usage\":{\"output_tokens\":5}\n\n" + Stop;

    /// <summary>A whole answer.</summary>
    public static string WholeMessage { get; } =
        "{\"id\":\"msg_01Whole\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-opus-5-5\",\"content\":[{\"type\":\"tool_use\",\"input\":"
        + "{\"usage\":{\"input_tokens\":77}}}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":" + FullUsage + "}";

    /// <summary>An error answer.</summary>
    public static string WholeError { get; } =
        "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"usage\"},\"request_id\":\"req_1\"}";

    /// <summary>Every stream, by name.</summary>
    public static IReadOnlyDictionary<string, string> Streams { get; } = new Dictionary<string, string>
    {
        [nameof(PlainText)] = PlainText,
        [nameof(ToolUse)] = ToolUse,
        [nameof(Thinking)] = Thinking,
        [nameof(WebSearch)] = WebSearch,
        [nameof(Refusal)] = Refusal,
        [nameof(ErrorAfterStart)] = ErrorAfterStart,
        [nameof(ErrorFirst)] = ErrorFirst,
        [nameof(Fallback)] = Fallback,
        [nameof(Iterations)] = Iterations,
        [nameof(SeveralDeltas)] = SeveralDeltas,
        [nameof(NoMessageStop)] = NoMessageStop,
        [nameof(Unusual)] = Unusual,
        [nameof(InvalidFigures)] = InvalidFigures,
    };

    private static string ErrorEvent =>
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";

    private static string BlockStop => "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";

    /// <summary>A stream's bytes.</summary>
    public static byte[] Bytes(string stream) => Encoding.UTF8.GetBytes(stream);

    /// <summary>A <c>message_start</c> with this usage object.</summary>
    public static string Start(string usage) =>
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_014p7gG3wDgGV9EUtLvnow3U\",\"type\":\"message\",\"role\":\"assistant\","
        + "\"model\":\"claude-opus-5-5\",\"stop_sequence\":null,\"usage\":" + usage + ",\"content\":[],\"stop_reason\":null}}\n\n";

    /// <summary>A <c>message_delta</c> with this stop reason and usage object.</summary>
    public static string MessageDelta(string stopReason, string usage) =>
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" + stopReason + "\",\"stop_sequence\":null},\"usage\":" + usage + "}\n\n";

    /// <summary>A text delta; <paramref name="json"/> as inside a JSON string.</summary>
    public static string Text(string json) =>
        Delta + "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" + json + "\"}}\n\n";

    private static string BlockStart(string block) =>
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":" + block + "}\n\n";
}
