using System.Data.Common;
using System.Globalization;
using Tollgate.ClickHouse.Rollup;

namespace Tollgate.ClickHouse.Audit;

/// <summary>Proves by SQL that no row is missing from the ledger, and that the money rollup is what the ledger says.</summary>
/// <remarks>
/// Numbers are dense within a spool, so a hole between its first and its last is a lost row. Nothing is judged that is older than
/// 24 months: of those rows the store drops whole parts, by age.
/// Memory: a step of 1 M numbers or the keys of a day in the engine, at most <see cref="MostHoles"/> ranges for each spool here.
/// Owner: one caller at a time; incremental audits remember the last one.
/// </remarks>
public sealed class LedgerAudit(StoreClient store, TimeProvider time)
{
    /// <summary>Ranges of missing numbers listed for each spool; all are counted.</summary>
    public const int MostHoles = 1_000;

    /// <summary>Drifting slots listed; all are counted.</summary>
    public const int MostSlots = 100;

    // An insert's rows are dated at its start and seen at its end.
    private static readonly TimeSpan InsertTime = TimeSpan.FromMinutes(5);

    private readonly Dictionary<(string GatewayId, ulong First), Walked> _walked = [];
    private Compared? _compared;

    /// <summary>Looks at what <paramref name="scope"/> says.</summary>
    /// <exception cref="StoreException">The store is away or refused; nothing is remembered of this audit.</exception>
    public async Task<AuditReport> RunAsync(AuditScope scope, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(scope);
        var begun = time.GetTimestamp();
        var now = await MoneyRollup.ReadClockAsync(store, cancellationToken);
        var complete = MoneySlot.OldestComplete(now);
        var since = scope.Since is { } asked && asked > complete ? asked.ToUniversalTime() : complete;

        var spools = await ReadSpoolsAsync(scope.GatewayId, cancellationToken);
        var audits = new List<SpoolAudit>();
        for (var i = 0; i < spools.Count; i++)
        {
            var next = i + 1 < spools.Count && spools[i + 1].GatewayId == spools[i].GatewayId ? spools[i + 1].First : (ulong?)null;
            audits.Add(await AuditAsync(spools[i], next, since, scope, cancellationToken));
        }

        var unnumbered = await CountUnnumberedAsync(spools, since, scope.GatewayId, cancellationToken);
        var drift = await CompareAsync(scope, since, now, cancellationToken);
        return new AuditReport(now, audits, unnumbered, drift, time.GetElapsedTime(begun));
    }

    private async Task<SpoolAudit> AuditAsync(Spool spool, ulong? next, DateTimeOffset since, AuditScope scope, CancellationToken cancellationToken)
    {
        // Where a spool ends, another of the gateway begins.
        var stored = await ReadStoredAsync(spool, new SequenceRange(spool.First, next - 1 ?? ulong.MaxValue), since, cancellationToken);
        var first = spool.BegunAt >= since ? spool.First : stored.OldestKept;
        var (last, beyond) = (stored.Last, 0L);
        if (scope.Acknowledged.TryGetValue(spool.GatewayId, out var acknowledged) && (next is null || acknowledged < next))
        {
            if (stored.Last is { } largest && acknowledged < largest)
            {
                beyond = await CountBeyondAsync(spool, new SequenceRange(Math.Max(acknowledged + 1, spool.First), largest), cancellationToken);
            }

            last = acknowledged;
        }

        // Nothing was written yet, or nothing of it is to be looked at.
        if (first is not { } from || last is not { } to || to < from)
        {
            return new SpoolAudit(spool.GatewayId, spool.BegunAt, first ?? spool.First, (first ?? spool.First) - 1, 0, 0, 0, 0, beyond, []);
        }

        var range = new SequenceRange(from, to);
        var holes = new HoleList(scope.Excused.TryGetValue(spool.GatewayId, out var excused) ? excused : [], MostHoles);
        var duplicates = await WalkAsync(spool, range, holes, scope.IsIncremental, cancellationToken);
        return new SpoolAudit(
            spool.GatewayId, spool.BegunAt, from, to, range.Count - holes.MissingCount - holes.ExcusedCount, holes.MissingCount, holes.ExcusedCount, duplicates, beyond, holes.Missing);
    }

    private async Task<long> WalkAsync(Spool spool, SequenceRange range, HoleList holes, bool isIncremental, CancellationToken cancellationToken)
    {
        var walk = new SpoolWalk(store, spool.GatewayId);
        var next = range.First;
        if (isIncremental && _walked.TryGetValue((spool.GatewayId, spool.First), out var walked) && walked.To >= range.First && walked.To <= range.Last)
        {
            await walk.WalkAgainAsync([.. walked.Absent.Where(hole => hole.Last >= range.First).Select(hole => hole with { First = Math.Max(hole.First, range.First) })], holes, cancellationToken);
            next = walked.To + 1;
        }

        if (next <= range.Last)
        {
            await walk.WalkAsync(range with { First = next }, holes, cancellationToken);
        }

        holes.Close();
        if (isIncremental)
        {
            // More holes than are kept: what comes after the last kept one is walked again.
            _walked[(spool.GatewayId, spool.First)] = new Walked(holes.IsCut ? holes.Absent[^1].Last : range.Last, holes.Absent);
        }

        return walk.Duplicates;
    }

    private async Task<DriftAudit> CompareAsync(AuditScope scope, DateTimeOffset since, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var check = new DriftCheck(store, now - scope.SettlingTime);
        var from = MoneySlot.Ceiling(since);
        if (scope.IsIncremental && _compared is { } compared)
        {
            // What was not settled then had got rows within the settling time before.
            var changed = await MoneyRollup.ChangedSlotsAsync(store, compared.At - compared.SettlingTime - InsertTime, now, cancellationToken);
            await check.CompareAsync(changed.Concat(compared.Drifting).Where(slot => slot >= from), cancellationToken);
        }
        else
        {
            await check.CompareAllAsync(from, cancellationToken);
        }

        if (scope.IsIncremental)
        {
            _compared = new Compared(now, scope.SettlingTime, [.. check.Drifting.Select(static drift => drift.Slot)]);
        }

        return check.ToReport();
    }

    private Task<List<Spool>> ReadSpoolsAsync(string? gatewayId, CancellationToken cancellationToken) => store.QueryAsync(
        $$"""
        SELECT s.gateway_id, s.first_seq, toUnixTimestamp64Milli(min(s.created_at)) FROM tollgate.spools AS s
        {{(gatewayId is null ? string.Empty : "WHERE s.gateway_id = {gateway:String}")}}
        GROUP BY s.gateway_id, s.first_seq ORDER BY s.gateway_id, s.first_seq
        """,
        static reader => new Spool(
            reader.GetString(0),
            Convert.ToUInt64(reader.GetValue(1), CultureInfo.InvariantCulture),
            DateTimeOffset.FromUnixTimeMilliseconds(Convert.ToInt64(reader.GetValue(2), CultureInfo.InvariantCulture))),
        ForGateway(gatewayId ?? string.Empty),
        cancellationToken);

    private async Task<Stored> ReadStoredAsync(Spool spool, SequenceRange range, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var parameters = ForGateway(spool.GatewayId);
        parameters["first"] = range.First;
        parameters["last"] = range.Last;
        parameters["since"] = since.ToUnixTimeMilliseconds();
        const string Kept = "r.ts >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')";
        return (await store.QueryAsync(
            $$"""
            SELECT count(), max(r.wal_seq), countIf({{Kept}}), minIf(r.wal_seq, {{Kept}}) FROM tollgate.requests AS r
            WHERE r.gateway_id = {gateway:String} AND r.wal_seq >= {first:UInt64} AND r.wal_seq <= {last:UInt64}
            """,
            static reader => new Stored(ReadIfAny(reader, 0), ReadIfAny(reader, 2)),
            parameters,
            cancellationToken))[0];

        // A figure, unless the count before it says that there are no rows.
        static ulong? ReadIfAny(DbDataReader reader, int count) =>
            Convert.ToUInt64(reader.GetValue(count), CultureInfo.InvariantCulture) == 0 ? null : Convert.ToUInt64(reader.GetValue(count + 1), CultureInfo.InvariantCulture);
    }

    private async Task<long> CountBeyondAsync(Spool spool, SequenceRange range, CancellationToken cancellationToken)
    {
        var parameters = ForGateway(spool.GatewayId);
        parameters["first"] = range.First;
        parameters["last"] = range.Last;
        return (await store.QueryAsync(
            "SELECT count() FROM tollgate.requests AS r WHERE r.gateway_id = {gateway:String} AND r.wal_seq >= {first:UInt64} AND r.wal_seq <= {last:UInt64}",
            static reader => Convert.ToInt64(reader.GetValue(0), CultureInfo.InvariantCulture),
            parameters,
            cancellationToken))[0];
    }

    /// <summary>Rows numbered below the first spool of their gateway, or of a gateway without any.</summary>
    private async Task<Dictionary<string, long>> CountUnnumberedAsync(List<Spool> spools, DateTimeOffset since, string? gatewayId, CancellationToken cancellationToken)
    {
        var parameters = ForGateway(gatewayId ?? string.Empty);
        parameters["since"] = since.ToUnixTimeMilliseconds();
        var kept = $"r.ts >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC'){(gatewayId is null ? string.Empty : " AND r.gateway_id = {gateway:String}")}";
        var lowest = await store.QueryAsync(
            $"SELECT r.gateway_id, min(r.wal_seq) FROM tollgate.requests AS r WHERE {kept} GROUP BY r.gateway_id",
            static reader => (GatewayId: reader.GetString(0), Lowest: Convert.ToUInt64(reader.GetValue(1), CultureInfo.InvariantCulture)),
            parameters,
            cancellationToken);

        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var (id, number) in lowest)
        {
            var first = spools.Where(spool => spool.GatewayId == id).Select(static spool => spool.First).DefaultIfEmpty(ulong.MaxValue).Min();
            if (number < first)
            {
                var ofGateway = ForGateway(id);
                ofGateway["since"] = since.ToUnixTimeMilliseconds();
                ofGateway["first"] = first;
                counts[id] = (await store.QueryAsync(
                    "SELECT count() FROM tollgate.requests AS r WHERE r.gateway_id = {gateway:String} AND r.wal_seq < {first:UInt64} AND r.ts >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')",
                    static reader => Convert.ToInt64(reader.GetValue(0), CultureInfo.InvariantCulture),
                    ofGateway,
                    cancellationToken))[0];
            }
        }

        return counts;
    }

    private static Dictionary<string, object> ForGateway(string gatewayId) => new(StringComparer.Ordinal) { ["gateway"] = gatewayId };

    private sealed record Spool(string GatewayId, ulong First, DateTimeOffset BegunAt);

    /// <summary>What the store has of a spool: its largest number, and the smallest of a row that is to be looked at.</summary>
    private sealed record Stored(ulong? Last, ulong? OldestKept);

    /// <summary>How far a spool is known, and what was absent up to there.</summary>
    private sealed record Walked(ulong To, IReadOnlyList<SequenceRange> Absent);

    /// <summary>When the rollup was compared last, and which slots drifted.</summary>
    private sealed record Compared(DateTimeOffset At, TimeSpan SettlingTime, IReadOnlyList<DateTimeOffset> Drifting);
}
