using System.Data.Common;
using System.Globalization;
using Tollgate.ClickHouse.Rollup;
using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Audit;

/// <summary>Holds the rollup against the rows and folds it comes from, a day at a time.</summary>
/// <param name="store">The store.</param>
/// <param name="settled">Slots that got rows at or after this are not compared.</param>
internal sealed class DriftCheck(StoreClient store, DateTimeOffset settled)
{
    // Where there is anything to compare, in Unix seconds; nulls never come, an empty table gives 0.
    private const string Bounds = $$"""
        SELECT toInt64(min(slot)), toInt64(max(slot)) FROM (
          SELECT toUnixTimestamp({{RollupStatements.SlotOfRow}}) AS slot FROM tollgate.requests AS r WHERE r.ts >= toDateTime({oldest:UInt32},'UTC') GROUP BY slot
          UNION ALL
          SELECT toUnixTimestamp(s.slot) FROM tollgate.usage_folded AS s WHERE s.slot >= toDateTime({oldest:UInt32},'UTC') GROUP BY 1
          UNION ALL
          SELECT toUnixTimestamp(s.slot) FROM tollgate.usage_15m_data AS s WHERE s.slot >= toDateTime({oldest:UInt32},'UTC') GROUP BY 1)
        """;

    private readonly List<SlotDrift> _drifting = [];
    private int _slots;
    private int _unsettled;

    /// <summary>Every slot that drifts, so far.</summary>
    public IReadOnlyList<SlotDrift> Drifting => _drifting;

    /// <summary>Compares every slot from <paramref name="oldest"/> on.</summary>
    public async Task CompareAllAsync(DateTimeOffset oldest, CancellationToken cancellationToken)
    {
        var parameters = new Dictionary<string, object>(StringComparer.Ordinal) { ["oldest"] = (uint)oldest.ToUnixTimeSeconds() };
        var (first, last) = (await store.QueryAsync(Bounds, static reader => (ReadLong(reader, 0), ReadLong(reader, 1)), parameters, cancellationToken))[0];
        if (last == 0)
        {
            return;
        }

        var range = new SlotRange(DateTimeOffset.FromUnixTimeSeconds(first), DateTimeOffset.FromUnixTimeSeconds(last) + MoneySlot.Length);
        foreach (var day in range.Days())
        {
            await day.InPiecesAsync(piece => CompareAsync(Compare(onlySlots: false), piece.ToParameters(), cancellationToken));
        }
    }

    /// <summary>Compares these slots only.</summary>
    public async Task CompareAsync(IEnumerable<DateTimeOffset> slots, CancellationToken cancellationToken)
    {
        foreach (var (day, ofDay) in MoneySlot.ByDay(slots.Distinct()))
        {
            await day.InPiecesAsync(piece => CompareAsync(Compare(onlySlots: true), piece.ToParameters(ofDay), cancellationToken));
        }
    }

    /// <summary>What was found.</summary>
    public DriftAudit ToReport() => new(
        _slots,
        _unsettled,
        _drifting.Count,
        _drifting.Sum(static slot => slot.Attempts),
        new Nanodollars((long)Int128.Clamp(_drifting.Aggregate(Int128.Zero, static (sum, slot) => sum + slot.Cost.Value), 0, long.MaxValue)),
        [.. _drifting.OrderByDescending(static slot => slot.Cost).ThenByDescending(static slot => slot.Attempts).ThenBy(static slot => slot.Slot).Take(LedgerAudit.MostSlots)]);

    private async Task CompareAsync(string sql, Dictionary<string, object> parameters, CancellationToken cancellationToken)
    {
        foreach (var (drift, newest) in await store.QueryAsync(sql, Read, parameters, cancellationToken))
        {
            if (newest >= settled)
            {
                _unsettled++;
                continue;
            }

            _slots++;
            if (drift.Attempts != 0 || drift.Cost.Value != 0)
            {
                _drifting.Add(drift);
            }
        }
    }

    /// <summary>One line for each slot: what both sides say, their differences by key without signs, and when rows came last (ms).</summary>
    private static string Compare(bool onlySlots) => $$"""
        SELECT toUnixTimestamp(slot), sum(ledger_n), sum(rollup_n),
          toString(toInt128(sum(ledger_c) * 1000000000)), toString(toInt128(sum(rollup_c) * 1000000000)),
          sum(abs(ledger_n - rollup_n)), toString(toInt128(sum(abs(ledger_c - rollup_c)) * 1000000000)),
          toUnixTimestamp64Milli(max(newest))
        FROM (
          SELECT slot, sum(l_n) AS ledger_n, sum(r_n) AS rollup_n, sum(l_c) AS ledger_c, sum(r_c) AS rollup_c, max(came) AS newest
          FROM (
            SELECT r.customer AS customer, {{RollupStatements.SlotOfRow}} AS slot, r.team AS team, r.project AS project,
              r.developer AS developer, r.key_id AS key_id, r.provider AS provider, r.model AS model,
              toInt64(count()) AS l_n, toInt64(0) AS r_n, sum(r.cost) AS l_c, toDecimal128(0, 9) AS r_c, max(r.ingested_at) AS came
            FROM tollgate.requests AS r FINAL WHERE {{RollupStatements.Rows(onlySlots)}}
            GROUP BY customer, slot, team, project, developer, key_id, provider, model
            UNION ALL
            SELECT s.customer, s.slot, s.team, s.project, s.developer, s.key_id, s.provider, s.model,
              toInt64(s.requests), toInt64(0), toDecimal128(s.cost, 9), toDecimal128(0, 9), s.ingested_at
            FROM tollgate.usage_folded AS s FINAL WHERE {{RollupStatements.Slots(onlySlots)}}
            UNION ALL
            SELECT s.customer, s.slot, s.team, s.project, s.developer, s.key_id, s.provider, s.model,
              toInt64(0), toInt64(s.requests), toDecimal128(0, 9), toDecimal128(s.cost, 9), toDateTime64(0, 3, 'UTC')
            FROM tollgate.usage_15m_data AS s FINAL WHERE {{RollupStatements.Slots(onlySlots)}})
          GROUP BY customer, slot, team, project, developer, key_id, provider, model)
        GROUP BY slot
        ORDER BY slot
        """;

    private static (SlotDrift Drift, DateTimeOffset Newest) Read(DbDataReader reader) => (
        new SlotDrift(
            MoneyRollup.ReadSlot(reader),
            ReadLong(reader, 1),
            ReadLong(reader, 2),
            MoneyRollup.ParseNanodollars(reader.GetString(3)),
            MoneyRollup.ParseNanodollars(reader.GetString(4)),
            ReadLong(reader, 5),
            MoneyRollup.ParseNanodollars(reader.GetString(6))),
        DateTimeOffset.FromUnixTimeMilliseconds(ReadLong(reader, 7)));

    private static long ReadLong(DbDataReader reader, int column) => Convert.ToInt64(reader.GetValue(column), CultureInfo.InvariantCulture);
}
