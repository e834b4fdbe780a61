namespace Tollgate.Proxy.Facts;

/// <summary>How one attempt ended: who ended it, and when. The value of the ledger's <c>outcome</c> column.</summary>
public enum ForwardOutcome
{
    /// <summary>The whole answer was relayed, and it was a good one.</summary>
    Completed = 1,

    /// <summary>The upstream answered with an error status; it was relayed untouched.</summary>
    UpstreamError = 2,

    /// <summary>The stream carried an <c>error</c> event under status 200.</summary>
    ErrorEvent = 3,

    /// <summary>The upstream broke off in the middle; the client got the same broken end.</summary>
    UpstreamTruncated = 4,

    /// <summary>The upstream fell silent for longer than allowed, before or after its first byte.</summary>
    UpstreamStalled = 5,

    /// <summary>The client went away before the end.</summary>
    ClientAborted = 6,

    /// <summary>The client stopped reading for longer than allowed.</summary>
    ClientStalled = 7,

    /// <summary>The stream ended cleanly but without its <c>message_stop</c>.</summary>
    Incomplete = 8,

    /// <summary>The gateway died while the attempt was open; written on recovery.</summary>
    Crashed = 9,

    /// <summary>Tollgate itself said no; nothing was sent upstream.</summary>
    Refused = 10,

    /// <summary>No connection could be made; nothing was sent upstream.</summary>
    Unreachable = 11,

    /// <summary>Tollgate had to stop before the answer had ended; the client saw it broken off.</summary>
    GatewayStopped = 12,
}

/// <summary>How good a row's figures are. The value of the ledger's <c>usage_source</c> column.</summary>
public enum UsageSource
{
    /// <summary>Nothing to count: an error, a refusal, a free operation.</summary>
    None = 0,

    /// <summary>The provider's own final figures.</summary>
    Final = 1,

    /// <summary>Input as the provider reported it; output estimated from what was relayed.</summary>
    Partial = 2,

    /// <summary>No figure from the provider at all: input estimated from the request's size.</summary>
    Estimated = 3,
}
