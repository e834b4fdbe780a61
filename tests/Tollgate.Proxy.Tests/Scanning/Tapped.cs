using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Scanning;

namespace Tollgate.Proxy.Tests.Scanning;

/// <summary>Runs answers through taps of the pool.</summary>
internal static class Tapped
{
    public static string Stream(params ReadOnlyMemory<byte>[] pieces) => Run("text/event-stream; charset=utf-8", null, pieces);

    public static string Whole(params ReadOnlyMemory<byte>[] pieces) => Run("application/json", null, pieces);

    public static string Run(string? contentType, string? contentEncoding, params ReadOnlyMemory<byte>[] pieces) =>
        Read(200, contentType, contentEncoding, pieces, Describe);

    /// <summary>Runs one answer and looks at its report before the tap goes back to the pool.</summary>
    public static T Read<T>(int status, string? contentType, string? contentEncoding, ReadOnlyMemory<byte>[] pieces, Func<UsageReport, T> look)
    {
        var tap = ResponseTap.Rent(Operation.Messages);
        tap.OnHead(status, contentType, contentEncoding);
        foreach (var piece in pieces)
        {
            tap.OnBytes(piece.Span, Timestamps.Only);
        }

        tap.OnEnd();
        var seen = look(tap.Report);
        ResponseTap.Return(tap);
        return seen;
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
