using System.Text.Json;
using System.Text.Json.Serialization;
using Tollgate.Demo.Team;

namespace Tollgate.Demo.Live;

/// <summary>What the simulated provider is to answer, as a header that the gateway passes on like any it does not know.</summary>
/// <remarks>So the provider keeps nothing: whoever sends the header says what it will count, and a request without it gets a short answer.</remarks>
internal sealed record AnswerPlan
{
    /// <summary>The header.</summary>
    public const string Header = "x-demo-answer";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        Converters = { new JsonStringEnumConverter() },
    };

    /// <summary>How it ends.</summary>
    public CallEnding Ending { get; init; }

    /// <summary>As a stream of events.</summary>
    public bool Stream { get; init; }

    /// <summary>Milliseconds until the first content.</summary>
    public int FirstMs { get; init; }

    /// <summary>Milliseconds until the end.</summary>
    public int TotalMs { get; init; }

    /// <summary><c>stop_reason</c>.</summary>
    public string Stop { get; init; } = "end_turn";

    /// <summary>Served in fast mode.</summary>
    public bool Fast { get; init; }

    /// <summary><c>input_tokens</c>.</summary>
    public long Input { get; init; }

    /// <summary><c>cache_read_input_tokens</c>.</summary>
    public long Read { get; init; }

    /// <summary><c>ephemeral_5m_input_tokens</c>.</summary>
    public long Write5m { get; init; }

    /// <summary><c>ephemeral_1h_input_tokens</c>.</summary>
    public long Write1h { get; init; }

    /// <summary><c>output_tokens</c>.</summary>
    public long Output { get; init; }

    /// <summary><c>thinking_tokens</c>.</summary>
    public long Thinking { get; init; }

    /// <summary><c>web_search_requests</c>.</summary>
    public long Searches { get; init; }

    /// <summary>What a planned attempt is answered with, <paramref name="speed"/> times as fast.</summary>
    public static AnswerPlan Of(PlannedCall call, double speed) => new()
    {
        // What the developer stops, the provider would have answered in full.
        Ending = call.Ending == CallEnding.Aborted ? CallEnding.Completed : call.Ending,
        Stream = call.IsStream,
        FirstMs = (int)(call.FirstToken.TotalMilliseconds / speed),
        TotalMs = (int)(call.Duration.TotalMilliseconds / speed),
        Stop = call.StopReason.Length == 0 ? "end_turn" : call.StopReason,
        Fast = call.IsFast,
        Input = Math.Max(0, call.Tokens.Input),
        Read = Math.Max(0, call.Tokens.CacheRead),
        Write5m = Math.Max(0, call.Tokens.CacheWrite5m),
        Write1h = Math.Max(0, call.Tokens.CacheWrite1h),
        Output = Math.Max(1, call.Tokens.Output),
        Thinking = Math.Max(0, call.Tokens.Thinking),
        Searches = Math.Max(0, call.Tokens.WebSearches),
    };

    /// <summary>The header's value read; null for none or for nonsense.</summary>
    public static AnswerPlan? Parse(string? header)
    {
        try
        {
            return string.IsNullOrEmpty(header) ? null : JsonSerializer.Deserialize<AnswerPlan>(header, Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The header's value.</summary>
    public string Write() => JsonSerializer.Serialize(this, Json);
}
