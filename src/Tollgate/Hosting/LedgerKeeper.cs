using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Audit;
using Tollgate.ClickHouse.Rollup;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;

namespace Tollgate.Hosting;

/// <summary>Keeps what is computed from the ledger up to date, and holds the ledger itself to its promise.</summary>
/// <remarks>
/// Every <see cref="RefreshInterval"/> the money rollup of slots that got rows is computed anew. Every <see cref="AuditInterval"/> the numbers and the
/// rollup are audited, what is new since the audit before; once a day everything, which also finds rows that were deleted. Both wait for the schema and pass over a store that is away.
/// </remarks>
internal sealed partial class LedgerKeeper(
    StoreClient store, StoreMigration migration, UsageRecording recording, string gatewayId, GatewayMetrics metrics, TimeProvider time, ILogger<LedgerKeeper> logger)
    : BackgroundService
{
    /// <summary>How old the rollup may be.</summary>
    public static readonly TimeSpan RefreshInterval = TimeSpan.FromMinutes(1);

    /// <summary>How old the audit may be.</summary>
    public static readonly TimeSpan AuditInterval = TimeSpan.FromHours(1);

    // A whole audit reads every number there is: once a day, in steps.
    private const int AuditsPerWhole = 24;

    private readonly MoneyRollup _rollup = new(store, time);
    private readonly LedgerAudit _audit = new(store, time);
    private double _missing = double.NaN;
    private double _drift = double.NaN;
    private int _audits;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.Observe(MetricCatalog.LedgerMissingRows, () => Volatile.Read(ref _missing));
        metrics.Observe(MetricCatalog.LedgerDrift, () => Volatile.Read(ref _drift));
        using var timer = new PeriodicTimer(RefreshInterval, time);
        long? auditedAt = null;
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (migration.Problem is not null)
            {
                continue;
            }

            try
            {
                var refreshed = await _rollup.RefreshAsync(stoppingToken);
                LogRefreshed(refreshed.Slots, refreshed.Elapsed.TotalMilliseconds);
                if (auditedAt is null || time.GetElapsedTime(auditedAt.Value) >= AuditInterval)
                {
                    await AuditAsync(stoppingToken);
                    auditedAt = time.GetTimestamp();
                }
            }
            catch (StoreException away)
            {
                LogNotKept(away.Message);
            }
        }
    }

    private async Task AuditAsync(CancellationToken cancellationToken)
    {
        // The first number not acknowledged is read before the excuses: a row is put aside before it counts as acknowledged.
        var acknowledged = recording.AcknowledgedSequence;
        var report = await _audit.RunAsync(
            new AuditScope
            {
                GatewayId = gatewayId,
                Acknowledged = new Dictionary<string, ulong>(StringComparer.Ordinal) { [gatewayId] = acknowledged },
                Excused = new Dictionary<string, IReadOnlyList<SequenceRange>>(StringComparer.Ordinal)
                {
                    [gatewayId] = [.. recording.PutAside().Select(static sequence => new SequenceRange(sequence, sequence))],
                },
                IsIncremental = _audits++ % AuditsPerWhole != 0,
            },
            cancellationToken);
        Volatile.Write(ref _missing, report.Missing);
        Volatile.Write(ref _drift, (double)report.Drift.Cost.Value / Nanodollars.PerDollar);
        if (report.IsClean)
        {
            LogClean(report.Spools.Sum(static spool => spool.Rows), report.Drift.Slots, report.Elapsed.TotalMilliseconds);
            return;
        }

        var hole = report.Spools.SelectMany(static spool => spool.Holes).Select(static hole => $", the first at number {hole.First}").FirstOrDefault() ?? string.Empty;
        LogNotClean(report.Missing, hole, report.Drift.Drifting, report.Drift.Cost);

        // What drifts is computed, so it can be computed again; a missing row can only be told.
        await _rollup.RecomputeAsync(report.Drift.Worst.Select(static slot => slot.Slot), cancellationToken);
    }

    [LoggerMessage(7301, LogLevel.Debug, "The money rollup of {Slots} slots was computed anew in {Milliseconds} ms.")]
    private partial void LogRefreshed(int slots, double milliseconds);

    [LoggerMessage(7302, LogLevel.Information, "The ledger was audited: {Rows} rows, none missing; {Slots} slots of the rollup, none adrift ({Milliseconds} ms).")]
    private partial void LogClean(long rows, int slots, double milliseconds);

    [LoggerMessage(7303, LogLevel.Error, "The ledger was audited: {Missing} rows are missing{Hole}; {Slots} slots of the rollup were adrift by {Drift} and are computed anew. tollgate verify tells more.")]
    private partial void LogNotClean(long missing, string hole, int slots, Nanodollars drift);

    [LoggerMessage(7304, LogLevel.Warning, "The rollup or the audit waits for the store. {Reason}")]
    private partial void LogNotKept(string reason);
}
