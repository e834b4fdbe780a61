namespace Tollgate.Proxy.Metrics;

/// <summary>What Tollgate itself does of a request's life; waits for the client or the upstream are in none of it.</summary>
internal enum OverheadPhase
{
    /// <summary>From the request's head until the upstream's transport is handed the first bytes.</summary>
    Request,

    /// <summary>From the answer's head, and from each of its reads, until the client's connection had been handed it.</summary>
    Response,

    /// <summary>Accounting, recording and counting, after the answer.</summary>
    Settle,
}
