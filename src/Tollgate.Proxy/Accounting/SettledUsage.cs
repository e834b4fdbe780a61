using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Accounting;

/// <summary>What an attempt used, as far as its end lets anyone know, and how good the figures are.</summary>
/// <param name="Tokens">The top-level figures; what ran beside them stays in <see cref="UsageReport.Iterations"/>.</param>
/// <param name="Source">How good they are.</param>
public readonly record struct SettledUsage(TokenUsage Tokens, UsageSource Source)
{
    // About four bytes of English or code are one token; Anthropic's own gateway bills aborted answers by the same rule.
    private const int BytesPerToken = 4;

    /// <summary>Decides the figures of an attempt that has ended.</summary>
    /// <param name="report">What was read of the answer.</param>
    /// <param name="outcome">How the attempt ended.</param>
    /// <param name="upstreamStatus">The status the upstream itself answered with; 0 when it had not answered. Not the status of an answer that Tollgate made.</param>
    /// <param name="operation">What was asked.</param>
    /// <param name="requestBytes">Bytes of the request's body sent upstream.</param>
    /// <param name="requestFullySent">Whether the upstream had the whole request, so that it may have started to work, and to bill.</param>
    /// <remarks>Hot path: allocates nothing.</remarks>
    public static SettledUsage From(
        UsageReport report, ForwardOutcome outcome, int upstreamStatus, Operation operation, long requestBytes, bool requestFullySent)
    {
        if (operation != Operation.Messages
            || outcome is ForwardOutcome.Refused or ForwardOutcome.Unreachable or ForwardOutcome.UpstreamError
            || upstreamStatus is not (0 or (>= 200 and < 300)))
        {
            return default;
        }

        if (!report.MessageStarted)
        {
            // An error event in place of a message is the upstream's word that it did nothing; silence is no such word.
            return requestFullySent && !report.ErrorSeen ? Estimate(requestBytes, report) : default;
        }

        ref readonly var reported = ref report.Tokens;
        var nothingOfThePrompt = reported is
        {
            Input: ReportedTokens.NotReported,
            CacheRead: ReportedTokens.NotReported,
            CacheWrite: ReportedTokens.NotReported,
            CacheWrite5m: ReportedTokens.NotReported,
            CacheWrite1h: ReportedTokens.NotReported,
        };
        if (nothingOfThePrompt)
        {
            return Estimate(requestBytes, report);
        }

        var tokens = reported.ToUsage();
        if (report.FinalUsageSeen && reported.Output != ReportedTokens.NotReported)
        {
            // Final even when the end broke off afterwards: the outcome tells that, and the figures are still the provider's own.
            // A figure that could not be read makes them incomplete, which is all that Partial has to say then.
            return new SettledUsage(tokens, report.UsageInvalid ? UsageSource.Partial : UsageSource.Final);
        }

        // message_start's output is a placeholder of 1 to 8 tokens; it stands only where hardly more was relayed.
        var output = Math.Max(tokens.Output, TokensOf(report.DeltaBytes));
        return new SettledUsage(tokens with { Output = output }, UsageSource.Partial);
    }

    private static SettledUsage Estimate(long requestBytes, UsageReport report) => new(
        new TokenUsage(TokensOf(requestBytes), 0, 0, 0, Math.Max(Math.Max(0, report.Tokens.Output), TokensOf(report.DeltaBytes)), 0),
        UsageSource.Estimated);

    private static long TokensOf(long bytes) => (bytes + BytesPerToken - 1) / BytesPerToken;
}
