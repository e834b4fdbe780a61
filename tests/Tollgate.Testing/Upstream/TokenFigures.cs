using System.Text.Json.Nodes;

namespace Tollgate.Testing.Upstream;

/// <summary>What one reply says it used: the oracle that ledgers are compared with.</summary>
/// <remarks>Units: tokens. Shape: the classes are disjoint, as Anthropic reports them.</remarks>
/// <param name="Input">Fresh input.</param>
/// <param name="CacheWrite5m">Written for five minutes.</param>
/// <param name="CacheWrite1h">Written for an hour.</param>
/// <param name="CacheRead">Read from the cache.</param>
/// <param name="Output">Output.</param>
public sealed record TokenFigures(long Input, long CacheWrite5m, long CacheWrite1h, long CacheRead, long Output)
{
    /// <summary>Web searches made by the server.</summary>
    public long WebSearches { get; init; }

    /// <summary><c>inference_geo</c>.</summary>
    public string Geo { get; init; } = "global";

    /// <summary><c>speed</c>.</summary>
    public string Speed { get; init; } = "standard";

    /// <summary><c>service_tier</c>.</summary>
    public string Tier { get; init; } = "standard";

    /// <summary>Part of <see cref="Output"/> that was thinking; 0 leaves the field out.</summary>
    public long Thinking { get; init; }

    /// <summary>False leaves the 5m/1h split out, as old models and clouds do.</summary>
    public bool WithSplit { get; init; } = true;

    /// <summary>Input that <c>message_start</c> does not know yet, because a server tool's results come later.</summary>
    public long InputGrowth { get; init; }

    /// <summary>Cache writes in the final total that are in no split, because a server tool caused them.</summary>
    public long CacheWriteGrowth { get; init; }

    /// <summary>Entries of <c>usage.iterations</c>; null leaves the field out.</summary>
    public JsonArray? Iterations { get; init; }

    /// <summary>The whole prompt.</summary>
    public long Prompt => Input + CacheWrite5m + CacheWrite1h + CacheWriteGrowth + CacheRead;

    /// <summary>The figures of the k-th billable reply: every class of every reply differs, so that no mix-up cancels out.</summary>
    public static TokenFigures OfReply(int k) => new(1000 + k, 2000 + (10L * k), 4000 + (100L * k), 8000 + (1000L * k), 500 + k);

    /// <summary><c>usage</c> as <c>message_start</c> has it: without the growth, with a placeholder for the output.</summary>
    public JsonObject AtStart()
    {
        var usage = Counters(Input - InputGrowth, CacheWrite5m + CacheWrite1h, output: 1);
        AddProperties(usage);
        return usage;
    }

    /// <summary><c>usage</c> of <c>message_delta</c>: totals, with neither split nor tier, geo or speed.</summary>
    public JsonObject AtDelta()
    {
        var usage = Counters(Input, CacheWrite5m + CacheWrite1h + CacheWriteGrowth, Output);
        AddFinal(usage);
        return usage;
    }

    /// <summary><c>usage</c> of a whole message.</summary>
    public JsonObject Whole()
    {
        var usage = Counters(Input, CacheWrite5m + CacheWrite1h + CacheWriteGrowth, Output);
        AddProperties(usage);
        AddFinal(usage);
        return usage;
    }

    private JsonObject Counters(long input, long cacheWrite, long output) => new()
    {
        ["input_tokens"] = input,
        ["cache_creation_input_tokens"] = cacheWrite,
        ["cache_read_input_tokens"] = CacheRead,
        ["output_tokens"] = output,
    };

    private void AddProperties(JsonObject usage)
    {
        if (WithSplit)
        {
            usage["cache_creation"] = new JsonObject
            {
                ["ephemeral_5m_input_tokens"] = CacheWrite5m,
                ["ephemeral_1h_input_tokens"] = CacheWrite1h,
            };
        }

        usage["service_tier"] = Tier;
        usage["inference_geo"] = Geo;
        usage["speed"] = Speed;
    }

    private void AddFinal(JsonObject usage)
    {
        if (Thinking > 0)
        {
            usage["output_tokens_details"] = new JsonObject { ["thinking_tokens"] = Thinking };
        }

        if (WebSearches > 0)
        {
            usage["server_tool_use"] = new JsonObject { ["web_search_requests"] = WebSearches, ["web_fetch_requests"] = 0 };
        }

        if (Iterations is not null)
        {
            usage["iterations"] = Iterations.DeepClone();
        }
    }
}
