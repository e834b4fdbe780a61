namespace Tollgate.ClickHouse;

/// <summary>The table of the ledger, as far as an insert knows it.</summary>
public static class RequestsTable
{
    /// <summary>Database and name.</summary>
    public const string Name = "tollgate.requests";

    /// <summary>The version of the columns and their order.</summary>
    public const int Version = 1;

    /// <summary>Whether this binary knows the columns of a version.</summary>
    public static bool Knows(int version) => version == Version;

    /// <summary>The columns of rows that were written under a version.</summary>
    /// <exception cref="ArgumentOutOfRangeException">This binary does not know it.</exception>
    public static IReadOnlyList<string> ColumnsOf(int version) => Knows(version)
        ? Columns
        : throw new ArgumentOutOfRangeException(nameof(version), version, $"Rows of format {version} were written by a later Tollgate; this one knows {Version}.");

    /// <summary>The columns of an inserted row, in the order <see cref="RowBinaryEncoder.WriteRow"/> writes them.</summary>
    /// <remarks>Named in every insert, so that a column added by a newer Tollgate takes its default and this one goes on.</remarks>
    public static IReadOnlyList<string> Columns { get; } =
    [
        "wal_seq", "attempt_id", "ts", "request_id", "gateway_id",
        "customer", "team", "project", "developer", "key_id",
        "session_id", "agent_id", "parent_agent_id", "agent_kind", "prompt_id", "request_class", "client",
        "provider", "endpoint", "model_requested", "model", "fallback_from", "service_tier", "inference_geo",
        "is_stream", "is_batch", "is_fast", "http_status", "outcome", "error_type", "stop_reason", "usage_source",
        "input_tokens", "output_tokens", "cache_read_tokens", "cache_w5m_tokens", "cache_w1h_tokens", "thinking_tokens", "server_tool_uses",
        "cost_input", "cost_output", "cost_cache_read", "cost_cache_write", "cost_other", "cost", "cost_uncached",
        "priced", "band_ambiguous", "price_rev",
        "latency_ms", "first_byte_us", "ttft_us", "max_gap_us", "overhead_us", "req_bytes", "resp_bytes",
        "upstream_request_id", "message_id", "labels",
    ];
}
