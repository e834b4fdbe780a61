namespace Tollgate.Proxy.Scanning;

/// <summary>The property names of the Messages API that metering reads.</summary>
internal enum JsonName : byte
{
    /// <summary>Any other name.</summary>
    Unknown,
    CacheCreation,
    CacheRead,
    CacheWrite,
    CacheWrite1h,
    CacheWrite5m,
    Content,
    ContentBlock,
    Delta,
    Error,
    FallbackCredit,
    Id,
    InferenceGeo,
    Input,
    Iterations,
    Message,
    Model,
    Output,
    OutputDetails,
    PartialJson,
    ServerToolUse,
    ServiceTier,
    Speed,
    Status,
    StopReason,
    Text,
    Thinking,
    ThinkingTokens,
    To,
    Type,
    Usage,
    WebFetches,
    WebSearches,
}

/// <summary>Finds a <see cref="JsonName"/> by its bytes.</summary>
internal static class JsonNames
{
    /// <summary>The name that <paramref name="utf8"/>, unescaped, stands for.</summary>
    public static JsonName Find(ReadOnlySpan<byte> utf8) => utf8.Length switch
    {
        2 when utf8.SequenceEqual("id"u8) => JsonName.Id,
        2 when utf8.SequenceEqual("to"u8) => JsonName.To,
        4 when utf8.SequenceEqual("type"u8) => JsonName.Type,
        4 when utf8.SequenceEqual("text"u8) => JsonName.Text,
        5 when utf8.SequenceEqual("usage"u8) => JsonName.Usage,
        5 when utf8.SequenceEqual("model"u8) => JsonName.Model,
        5 when utf8.SequenceEqual("delta"u8) => JsonName.Delta,
        5 when utf8.SequenceEqual("error"u8) => JsonName.Error,
        5 when utf8.SequenceEqual("speed"u8) => JsonName.Speed,
        6 when utf8.SequenceEqual("status"u8) => JsonName.Status,
        7 when utf8.SequenceEqual("message"u8) => JsonName.Message,
        7 when utf8.SequenceEqual("content"u8) => JsonName.Content,
        8 when utf8.SequenceEqual("thinking"u8) => JsonName.Thinking,
        10 when utf8.SequenceEqual("iterations"u8) => JsonName.Iterations,
        11 when utf8.SequenceEqual("stop_reason"u8) => JsonName.StopReason,
        12 when utf8.SequenceEqual("input_tokens"u8) => JsonName.Input,
        12 when utf8.SequenceEqual("service_tier"u8) => JsonName.ServiceTier,
        12 when utf8.SequenceEqual("partial_json"u8) => JsonName.PartialJson,
        13 when utf8.SequenceEqual("output_tokens"u8) => JsonName.Output,
        13 when utf8.SequenceEqual("inference_geo"u8) => JsonName.InferenceGeo,
        13 when utf8.SequenceEqual("content_block"u8) => JsonName.ContentBlock,
        14 when utf8.SequenceEqual("cache_creation"u8) => JsonName.CacheCreation,
        15 when utf8.SequenceEqual("thinking_tokens"u8) => JsonName.ThinkingTokens,
        15 when utf8.SequenceEqual("server_tool_use"u8) => JsonName.ServerToolUse,
        15 when utf8.SequenceEqual("fallback_credit"u8) => JsonName.FallbackCredit,
        18 when utf8.SequenceEqual("web_fetch_requests"u8) => JsonName.WebFetches,
        19 when utf8.SequenceEqual("web_search_requests"u8) => JsonName.WebSearches,
        21 when utf8.SequenceEqual("output_tokens_details"u8) => JsonName.OutputDetails,
        23 when utf8.SequenceEqual("cache_read_input_tokens"u8) => JsonName.CacheRead,
        25 when utf8.SequenceEqual("ephemeral_5m_input_tokens"u8) => JsonName.CacheWrite5m,
        25 when utf8.SequenceEqual("ephemeral_1h_input_tokens"u8) => JsonName.CacheWrite1h,
        27 when utf8.SequenceEqual("cache_creation_input_tokens"u8) => JsonName.CacheWrite,
        _ => JsonName.Unknown,
    };
}
