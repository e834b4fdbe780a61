using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Tests.Metrics;

/// <summary>Attempts and keys to count.</summary>
internal static class Given
{
    public static MetricKey Key(string model = "claude-opus-4-8", string keyId = "k1", LabelValues labels = default) =>
        new("anthropic", model, keyId, "Ann's", "search", "acme", labels);

    public static AttemptFigures Completed() => new(
        ForwardOutcome.Completed,
        200,
        string.Empty,
        IsStream: true,
        new TokenUsage(Input: 10, CacheRead: 200, CacheWrite5m: 30, CacheWrite1h: 4, Output: 101, Thinking: 5),
        new Cost(new(1), new(20), new(300), new(4_000), new(50_000), new(99_999)),
        Priced: true,
        UsageSource.Final,
        LatencyMicroseconds: 3_000_000,
        TtftMicroseconds: 1_000_000);
}
