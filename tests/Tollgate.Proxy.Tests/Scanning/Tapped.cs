using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Scanning;

namespace Tollgate.Proxy.Tests.Scanning;

/// <summary>Runs answers through one tap, used again and again as the pool would.</summary>
internal sealed class Tapped
{
    private readonly ResponseTap _tap = new();

    public string Stream(params ReadOnlyMemory<byte>[] pieces) => Run("text/event-stream; charset=utf-8", null, pieces);

    public string Whole(params ReadOnlyMemory<byte>[] pieces) => Run("application/json", null, pieces);

    public string Run(string? contentType, string? contentEncoding, params ReadOnlyMemory<byte>[] pieces)
    {
        Read(contentType, contentEncoding, pieces);
        return Describe(_tap.Report);
    }

    public UsageReport Read(string? contentType, string? contentEncoding, params ReadOnlyMemory<byte>[] pieces)
    {
        _tap.Begin(Operation.Messages, 200, contentType, contentEncoding);
        foreach (var piece in pieces)
        {
            _tap.OnBytes(piece.Span, Timestamps.Only);
        }

        _tap.OnEnd();
        return _tap.Report;
    }

    /// <summary>Everything a report says about the answer, as text, so that a difference shows where it is.</summary>
    public static string Describe(UsageReport report) => string.Join('\n', [
        $"id {report.MessageId} model {report.ServedModel ?? "-"} stop {report.StopReason ?? "-"} error {report.ErrorType ?? "-"}",
        $"tier {report.ServiceTier ?? "-"} geo {report.InferenceGeo ?? "-"} speed {report.Speed ?? "-"} credit {report.FallbackCreditRedeemed}",
        $"started {report.MessageStarted} final {report.FinalUsageSeen} stopped {report.MessageStopped} error {report.ErrorSeen} content {report.ContentSeen}",
        $"invalid {report.UsageInvalid} oversize {report.EventOversize} unreadable {report.Unreadable}",
        $"delta bytes {report.DeltaBytes} first content {report.FirstContentAt} gap {report.LargestGap}",
        Describe(report.Tokens),
        .. report.Iterations.Select(step => $"{step.Kind} {step.Model ?? "-"} {Describe(step.Tokens)}")]);

    private static string Describe(in ReportedTokens tokens) =>
        $"in {tokens.Input} read {tokens.CacheRead} write {tokens.CacheWrite} ({tokens.CacheWrite5m}, {tokens.CacheWrite1h}) "
        + $"out {tokens.Output} ({tokens.Thinking}) searches {tokens.WebSearches} fetches {tokens.WebFetches}";
}
