using System.Globalization;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Metrics;

/// <summary>Values of labels, from enums and bounded numbers through one switch each.</summary>
internal static class MetricLabels
{
    private static readonly string[] Statuses = [.. Enumerable.Range(100, 500).Select(status => status.ToString(CultureInfo.InvariantCulture))];

    /// <summary>An HTTP status; <c>none</c> for 0, <c>other</c> for what is no status.</summary>
    public static string OfStatus(int status) => status switch
    {
        0 => "none",
        >= 100 and < 600 => Statuses[status - 100],
        _ => BoundedValues.Other,
    };

    /// <summary>The ledger's word for an outcome.</summary>
    public static string Of(ForwardOutcome outcome) => outcome switch
    {
        ForwardOutcome.Completed => "completed",
        ForwardOutcome.UpstreamError => "upstream_error",
        ForwardOutcome.ErrorEvent => "error_event",
        ForwardOutcome.UpstreamTruncated => "upstream_truncated",
        ForwardOutcome.UpstreamStalled => "upstream_stalled",
        ForwardOutcome.ClientAborted => "client_aborted",
        ForwardOutcome.ClientStalled => "client_stalled",
        ForwardOutcome.Incomplete => "incomplete",
        ForwardOutcome.Crashed => "crashed",
        ForwardOutcome.Refused => "refused",
        ForwardOutcome.Unreachable => "unreachable",
        ForwardOutcome.GatewayStopped => "gateway_stopped",
        _ => BoundedValues.Other,
    };

    /// <summary>A phase of Tollgate's own work.</summary>
    public static string Of(OverheadPhase phase) => phase switch
    {
        OverheadPhase.Request => "request",
        OverheadPhase.Response => "response",
        OverheadPhase.Settle => "settle",
        _ => BoundedValues.Other,
    };

    /// <summary>Why Tollgate said no.</summary>
    public static string Of(RefusalReason reason) => reason switch
    {
        RefusalReason.NoRoute => "no_route",
        RefusalReason.BadRequest => "bad_request",
        RefusalReason.TooLarge => "too_large",
        RefusalReason.WebPage => "web_page",
        RefusalReason.KeyMissing => "key_missing",
        RefusalReason.KeyInvalid => "key_invalid",
        RefusalReason.KeyNotAllowed => "key_not_allowed",
        RefusalReason.Budget => "budget",
        RefusalReason.BudgetUnbounded => "budget_unbounded",
        RefusalReason.BudgetUnknown => "budget_unknown",
        RefusalReason.RateLimit => "rate_limit",
        RefusalReason.BodiesHeld => "bodies_held",
        RefusalReason.SpoolFull => "spool_full",
        RefusalReason.UpstreamUnreachable => "upstream_unreachable",
        RefusalReason.UpstreamBroken => "upstream_broken",
        RefusalReason.UpstreamTimeout => "upstream_timeout",
        RefusalReason.GatewayStopped => "gateway_stopped",
        _ => BoundedValues.Other,
    };
}
