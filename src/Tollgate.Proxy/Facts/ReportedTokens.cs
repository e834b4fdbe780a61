namespace Tollgate.Proxy.Facts;

/// <summary>A provider's <c>usage</c> object as it came: every field knows whether it was reported.</summary>
/// <remarks>
/// Units: tokens, or uses for the two server tools. <see cref="NotReported"/> stands for absent and for null; 0 is a report.
/// Why: a <c>message_delta</c> is cumulative and omits what did not change, so a later absent field must leave the earlier
/// figure alone while a later 0 must replace it.
/// </remarks>
public struct ReportedTokens
{
    /// <summary>The field was absent or null.</summary>
    public const long NotReported = -1;

    /// <summary><c>input_tokens</c>.</summary>
    public long Input = NotReported;

    /// <summary><c>cache_read_input_tokens</c>.</summary>
    public long CacheRead = NotReported;

    /// <summary><c>cache_creation_input_tokens</c>: all writes, whatever their time to live.</summary>
    public long CacheWrite = NotReported;

    /// <summary><c>cache_creation.ephemeral_5m_input_tokens</c>.</summary>
    public long CacheWrite5m = NotReported;

    /// <summary><c>cache_creation.ephemeral_1h_input_tokens</c>.</summary>
    public long CacheWrite1h = NotReported;

    /// <summary><c>output_tokens</c>; a placeholder in <c>message_start</c>.</summary>
    public long Output = NotReported;

    /// <summary><c>output_tokens_details.thinking_tokens</c>.</summary>
    public long Thinking = NotReported;

    /// <summary><c>server_tool_use.web_search_requests</c>.</summary>
    public long WebSearches = NotReported;

    /// <summary><c>server_tool_use.web_fetch_requests</c>.</summary>
    public long WebFetches = NotReported;

    /// <summary>Nothing reported yet.</summary>
    public ReportedTokens()
    {
    }

    /// <summary>Takes over every field that <paramref name="later"/> reports; keeps the rest.</summary>
    public void Overwrite(in ReportedTokens later)
    {
        Input = Last(Input, later.Input);
        CacheRead = Last(CacheRead, later.CacheRead);
        CacheWrite = Last(CacheWrite, later.CacheWrite);
        CacheWrite5m = Last(CacheWrite5m, later.CacheWrite5m);
        CacheWrite1h = Last(CacheWrite1h, later.CacheWrite1h);
        Output = Last(Output, later.Output);
        Thinking = Last(Thinking, later.Thinking);
        WebSearches = Last(WebSearches, later.WebSearches);
        WebFetches = Last(WebFetches, later.WebFetches);

        static long Last(long earlier, long later) => later == NotReported ? earlier : later;
    }

    /// <summary>The disjoint classes to be priced.</summary>
    /// <remarks>
    /// A total of writes above its 5m/1h split (server tools grow the total after <c>message_start</c>) counts the remainder as
    /// 5-minute writes; a split above a stale total stands as it is.
    /// </remarks>
    public readonly TokenUsage ToUsage()
    {
        var fiveMinutes = OrZero(CacheWrite5m);
        var oneHour = OrZero(CacheWrite1h);
        var remainder = Math.Max(0, OrZero(CacheWrite) - fiveMinutes - oneHour);
        return new TokenUsage(OrZero(Input), OrZero(CacheRead), fiveMinutes + remainder, oneHour, OrZero(Output), OrZero(Thinking));

        static long OrZero(long reported) => Math.Max(0, reported);
    }
}
