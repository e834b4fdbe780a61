using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Audit;

/// <summary>The numbers of one spool.</summary>
/// <param name="GatewayId">Whose.</param>
/// <param name="BegunAt">When the spool was made.</param>
/// <param name="First">The first number expected: the spool's first, or the oldest that is still looked at.</param>
/// <param name="Last">The last number expected; <paramref name="First"/> − 1 when none is.</param>
/// <param name="Rows">Numbers found between the two, each counted once.</param>
/// <param name="Missing">Numbers that are not there and not excused.</param>
/// <param name="Excused">Numbers that are not there and excused.</param>
/// <param name="Duplicates">Rows stored beyond the first of their number, among the numbers looked at this time. They go as parts are merged.</param>
/// <param name="Beyond">Rows numbered above <paramref name="Last"/>: stored, but not acknowledged yet.</param>
/// <param name="Holes">The missing numbers, the first <see cref="LedgerAudit.MostHoles"/> ranges.</param>
public sealed record SpoolAudit(
    string GatewayId, DateTimeOffset BegunAt, ulong First, ulong Last, long Rows, long Missing, long Excused, long Duplicates, long Beyond, IReadOnlyList<SequenceRange> Holes);

/// <summary>A slot whose rollup is not what its rows say.</summary>
/// <param name="Slot">Its beginning.</param>
/// <param name="LedgerAttempts">Attempts by <c>requests</c> and <c>usage_folded</c>.</param>
/// <param name="RollupAttempts">Attempts by <c>usage_15m</c>.</param>
/// <param name="LedgerCost">Money by <c>requests</c> and <c>usage_folded</c>.</param>
/// <param name="RollupCost">Money by <c>usage_15m</c>.</param>
/// <param name="Attempts">Differences of attempts, added up without their signs over the slot's keys: money under a wrong team drifts although the sums agree.</param>
/// <param name="Cost">Differences of money, added up in the same way.</param>
public sealed record SlotDrift(
    DateTimeOffset Slot, long LedgerAttempts, long RollupAttempts, Nanodollars LedgerCost, Nanodollars RollupCost, long Attempts, Nanodollars Cost);

/// <summary>The ledger against the rollup.</summary>
/// <param name="Slots">Slots compared.</param>
/// <param name="Unsettled">Slots not compared because they got rows a moment ago.</param>
/// <param name="Drifting">Slots that differ.</param>
/// <param name="Attempts">Their differences of attempts, without signs.</param>
/// <param name="Cost">Their differences of money, without signs.</param>
/// <param name="Worst">Those with the most money adrift, at most <see cref="LedgerAudit.MostSlots"/>.</param>
public sealed record DriftAudit(int Slots, int Unsettled, int Drifting, long Attempts, Nanodollars Cost, IReadOnlyList<SlotDrift> Worst);

/// <summary>What an audit found.</summary>
/// <param name="At">When, by the store's clock.</param>
/// <param name="Spools">By gateway and first number.</param>
/// <param name="Unnumbered">Rows looked at that belong to no spool, by gateway: written before there were spools. Nobody can tell whether any is missing.</param>
/// <param name="Drift">The ledger against the rollup.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record AuditReport(DateTimeOffset At, IReadOnlyList<SpoolAudit> Spools, IReadOnlyDictionary<string, long> Unnumbered, DriftAudit Drift, TimeSpan Elapsed)
{
    /// <summary>Numbers missing in all spools.</summary>
    public long Missing => Spools.Sum(static spool => spool.Missing);

    /// <summary>Nothing is missing and nothing drifts. Duplicates are no fault: they count once.</summary>
    public bool IsClean => Missing == 0 && Drift.Drifting == 0;
}
