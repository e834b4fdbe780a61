namespace Tollgate.Proxy.Facts;

/// <summary>What the counters need to know of one attempt that has ended; a view of its row, made and dropped on the stack.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="HttpStatus">The status the client was sent; 0 when none was.</param>
/// <param name="ErrorType"><c>error.type</c>; empty when there is none.</param>
/// <param name="IsStream">The answer was a stream of events.</param>
/// <param name="Tokens">Tokens by class.</param>
/// <param name="Cost">Cost by class.</param>
/// <param name="Priced">The price list knew the model.</param>
/// <param name="UsageSource">How good the figures are.</param>
/// <param name="LatencyMicroseconds">From the request's head to the answer's end.</param>
/// <param name="TtftMicroseconds">From the request's head to the first content delta; 0 without one.</param>
public readonly record struct AttemptFigures(
    ForwardOutcome Outcome,
    int HttpStatus,
    string ErrorType,
    bool IsStream,
    TokenUsage Tokens,
    Cost Cost,
    bool Priced,
    UsageSource UsageSource,
    long LatencyMicroseconds,
    long TtftMicroseconds);
