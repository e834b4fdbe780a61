using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Recording;

/// <summary>Joins rows to the counters: Metrics must not name this room, so the row's figures are handed over as a fact.</summary>
public static class UsageRowEvents
{
    /// <summary>Counts the row's attempt and logs it.</summary>
    public static void AttemptEnded(this GatewayEvents events, UsageRow row, MetricChildren children) =>
        events.AttemptEnded(row.ToFigures(), children, row.RequestId);

    /// <summary>Counts the row's attempt.</summary>
    public static void Observe(this MetricChildren children, UsageRow row) => children.Observe(row.ToFigures());

    /// <summary>What the counters need of the row.</summary>
    public static AttemptFigures ToFigures(this UsageRow row) => new(
        row.Outcome,
        row.HttpStatus,
        row.ErrorType,
        row.IsStream,
        row.Tokens,
        row.Cost,
        row.Priced,
        row.UsageSource,
        row.LatencyMicroseconds,
        row.TtftMicroseconds);
}
