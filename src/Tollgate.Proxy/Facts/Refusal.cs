namespace Tollgate.Proxy.Facts;

/// <summary>Why Tollgate itself said no. The value of the <c>reason</c> label of <c>refused_requests_total</c>.</summary>
public enum RefusalReason
{
    /// <summary>No route leads from the request's path to an upstream.</summary>
    NoRoute,

    /// <summary>The request's head is malformed or can't be relayed without changing its meaning.</summary>
    BadRequest,

    /// <summary>The request's body is larger than allowed.</summary>
    TooLarge,

    /// <summary>A web page tried to use a key that is not its own.</summary>
    WebPage,

    /// <summary>A virtual key is needed and none was presented.</summary>
    KeyMissing,

    /// <summary>The virtual key presented is unknown, damaged or disabled.</summary>
    KeyInvalid,

    /// <summary>The virtual key may not ask for this: its models, paths or networks are others.</summary>
    KeyNotAllowed,

    /// <summary>What is left of a budget is less than the request needs.</summary>
    Budget,

    /// <summary>Nothing bounds what the request may cost, and a strict budget is for it.</summary>
    BudgetUnbounded,

    /// <summary>What was spent before is not known yet, and a strict budget is for it.</summary>
    BudgetUnknown,

    /// <summary>A rate limit is reached.</summary>
    RateLimit,

    /// <summary>The gateway holds as many bytes of request bodies as it may.</summary>
    BodiesHeld,

    /// <summary>The spool has no room for the attempt's row, and the configuration says to refuse then.</summary>
    SpoolFull,

    /// <summary>No connection to the upstream could be made.</summary>
    UpstreamUnreachable,

    /// <summary>The upstream broke off, or answered with something that is not HTTP, before the client was sent anything.</summary>
    UpstreamBroken,

    /// <summary>The upstream did not answer in time.</summary>
    UpstreamTimeout,

    /// <summary>Tollgate had to stop before the upstream had begun to answer.</summary>
    GatewayStopped,
}

/// <summary>An answer of Tollgate's own, in Anthropic's error shape.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Reason">Why.</param>
/// <param name="ErrorType"><c>error.type</c>, one of Anthropic's.</param>
/// <param name="Message">What happened, the value, the limit and what to change; Claude Code prints it as it is. Never a secret.</param>
/// <param name="ShouldRetry">
/// Sent as <c>x-should-retry</c>, which Anthropic's clients obey before anything else: without it a 401 is retried for three minutes.
/// </param>
/// <param name="RetryAfter">Sent as <c>retry-after</c>, in whole seconds; zero: not sent.</param>
public sealed record Refusal(
    int Status, RefusalReason Reason, string ErrorType, string Message, bool ShouldRetry = false, TimeSpan RetryAfter = default)
{
    /// <summary>Headers to send beside those.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];
}
