using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.Benchmarks.Recording;

/// <summary>A row as a turn of Claude Code leaves it: 418 bytes for the store.</summary>
internal static class TypicalRow
{
    public static UsageRow Make()
    {
        var row = new UsageRow
        {
            Timestamp = new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero),
            RequestId = Guid.CreateVersion7(),
            AttemptId = Guid.CreateVersion7(),
            GatewayId = "4f1b9c3a7d20",
            Customer = "acme",
            Team = "search",
            Project = "ranking",
            Developer = "alice",
            KeyId = "alice01",
            SessionId = "6a1f6a2e-57b1-4f5a-9d27-1f5a0f4b7a11",
            AgentId = "a3f1",
            RequestClass = "main",
            Client = "claude-cli/2.1.330",
            Provider = "anthropic",
            Endpoint = Operation.Messages,
            ModelRequested = "claude-opus-4-8",
            Model = "claude-opus-4-8",
            ServiceTier = "standard",
            IsStream = true,
            HttpStatus = 200,
            Outcome = ForwardOutcome.Completed,
            StopReason = "tool_use",
            UsageSource = UsageSource.Final,
            Tokens = new TokenUsage(12, 81_234, 1_201, 0, 512, 0),
            Cost = new Cost(new(60_000), new(12_800_000), new(40_617_000), new(7_506_250), default, new(425_095_000)),
            Priced = true,
            PriceRevision = 1,
            LatencyMicroseconds = 8_123_456,
            FirstByteMicroseconds = 912_345,
            TtftMicroseconds = 934_567,
            MaxGapMicroseconds = 210_000,
            OverheadMicroseconds = 61,
            RequestBytes = 92_160,
            ResponseBytes = 6_144,
            UpstreamRequestId = "req_011CSHoEeqs5C35K2UUqR7Fy",
        };
        row.MessageId.Set("msg_01XFDUDYJgAACzvnptvVoYEL"u8);
        return row;
    }
}
