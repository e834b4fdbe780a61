namespace Tollgate.ClickHouse.Rollup;

/// <summary>The SQL of the money rollup.</summary>
/// <remarks>
/// Parameters: <c>from</c> and <c>to</c> are Unix seconds, the range of slots; <c>slots</c> are Unix seconds of single slots within it.
/// Every column is read as t.name: an alias of the same name would otherwise be taken in its place.
/// </remarks>
internal static class RollupStatements
{
    /// <summary>The store's clock, in ms: the one that <c>ingested_at</c> and <c>computed_at</c> are told by.</summary>
    public const string Clock = "SELECT toUnixTimestamp64Milli(now64(3))";

    /// <summary>The slot of a row of <c>requests</c> as <c>r</c>.</summary>
    public const string SlotOfRow = "toStartOfFifteenMinutes(toDateTime(r.ts,'UTC'))";

    /// <summary>Settings of an INSERT … SELECT that must come whole or not at all, also when the same rows were inserted just before.</summary>
    /// <remarks>
    /// 4,000,000 groups: one part instead of four (26.7). insert_deduplicate is said because servers differ in whether they pass over
    /// an INSERT … SELECT of the rows inserted before; 26.7 does not.
    /// </remarks>
    public const string AsOneBlock =
        "SETTINGS min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 0, max_insert_threads = 1, insert_deduplicate = 0";

    private const string InRange = "r.ts >= toDateTime({from:UInt32},'UTC') AND r.ts < toDateTime({to:UInt32},'UTC')";
    private const string SlotInRange = "s.slot >= toDateTime({from:UInt32},'UTC') AND s.slot < toDateTime({to:UInt32},'UTC')";

    /// <summary>Rows of <c>requests</c> as <c>r</c> in the range.</summary>
    public static string Rows(bool onlySlots) => onlySlots ? $"{InRange} AND toUnixTimestamp({SlotOfRow}) IN {{slots:Array(UInt32)}}" : InRange;

    /// <summary>Rows of a table with slots, as <c>s</c>, in the range.</summary>
    public static string Slots(bool onlySlots) => onlySlots ? $"{SlotInRange} AND toUnixTimestamp(s.slot) IN {{slots:Array(UInt32)}}" : SlotInRange;

    /// <summary>Slots that got rows at or after <c>since</c> (ms), oldest first; of those that begin at or after <c>oldest</c> (s).</summary>
    public const string ChangedSlots = $$"""
        SELECT DISTINCT toUnixTimestamp(slot) FROM (
          SELECT {{SlotOfRow}} AS slot FROM tollgate.requests AS r
          WHERE r.ingested_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND r.ts >= toDateTime({oldest:UInt32},'UTC')
          GROUP BY slot
          UNION ALL
          SELECT s.slot FROM tollgate.usage_folded AS s
          WHERE s.ingested_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND s.slot >= toDateTime({oldest:UInt32},'UTC')
          GROUP BY s.slot)
        ORDER BY 1
        """;

    /// <summary>Slots that got rows after they were computed, or less than <c>margin</c> (s) before, or were never computed; oldest first.</summary>
    public const string StaleSlots = $$"""
        SELECT toUnixTimestamp(slot) FROM (
          SELECT {{SlotOfRow}} AS slot, max(r.ingested_at) AS newest, toDateTime64(0, 6, 'UTC') AS computed FROM tollgate.requests AS r
          WHERE r.ts >= toDateTime({oldest:UInt32},'UTC') GROUP BY slot
          UNION ALL
          SELECT s.slot, max(s.ingested_at), toDateTime64(0, 6, 'UTC') FROM tollgate.usage_folded AS s
          WHERE s.slot >= toDateTime({oldest:UInt32},'UTC') GROUP BY s.slot
          UNION ALL
          SELECT s.slot, toDateTime64(0, 3, 'UTC'), max(s.computed_at) FROM tollgate.usage_15m_data AS s
          WHERE s.slot >= toDateTime({oldest:UInt32},'UTC') GROUP BY s.slot)
        GROUP BY slot
        HAVING toUnixTimestamp64Milli(max(newest)) > 0 AND max(newest) >= max(computed) - toIntervalSecond({margin:UInt32})
        ORDER BY slot
        """;

    /// <summary>Computes slots anew from the rows and folds there are now; a key that has none left is written as zeros.</summary>
    /// <remarks>
    /// computed_at outruns what it replaces also when the clock has been set back.
    /// All in one block, hence one part, hence all or nothing: a slot is never half of one computation and half of another.
    /// Memory: one state for each key of the range, which callers keep within a day, and halve when that is too much.
    /// </remarks>
    public static string Recompute(bool onlySlots) => $$"""
        INSERT INTO tollgate.usage_15m_data (customer, slot, team, project, developer, key_id, provider, model, requests, errors,
          input_tokens, output_tokens, cache_read_tokens, cache_w5m_tokens, cache_w1h_tokens,
          cost_input, cost_output, cost_cache_read, cost_cache_write, cost_other, cost, cost_uncached, estimated_cost, computed_at)
        SELECT p.customer, p.slot, p.team, p.project, p.developer, p.key_id, p.provider, p.model, sum(p.requests), sum(p.errors),
          sum(p.input_tokens), sum(p.output_tokens), sum(p.cache_read_tokens), sum(p.cache_w5m_tokens), sum(p.cache_w1h_tokens),
          sum(p.cost_input), sum(p.cost_output), sum(p.cost_cache_read), sum(p.cost_cache_write), sum(p.cost_other),
          sum(p.cost), sum(p.cost_uncached), sum(p.estimated_cost),
          greatest(now64(6,'UTC'), max(p.computed) + toIntervalMicrosecond(1))
        FROM (
          SELECT r.customer AS customer, {{SlotOfRow}} AS slot, r.team AS team, r.project AS project,
            r.developer AS developer, r.key_id AS key_id, r.provider AS provider, r.model AS model,
            count() AS requests, countIf(r.http_status >= 400 OR r.error_type != '') AS errors,
            sum(toUInt64(r.input_tokens)) AS input_tokens, sum(toUInt64(r.output_tokens)) AS output_tokens,
            sum(toUInt64(r.cache_read_tokens)) AS cache_read_tokens,
            sum(toUInt64(r.cache_w5m_tokens)) AS cache_w5m_tokens, sum(toUInt64(r.cache_w1h_tokens)) AS cache_w1h_tokens,
            sum(r.cost_input) AS cost_input, sum(r.cost_output) AS cost_output, sum(r.cost_cache_read) AS cost_cache_read,
            sum(r.cost_cache_write) AS cost_cache_write, sum(r.cost_other) AS cost_other,
            sum(r.cost) AS cost, sum(r.cost_uncached) AS cost_uncached, sumIf(r.cost, r.usage_source != 'final') AS estimated_cost,
            toDateTime64(0, 6, 'UTC') AS computed
          FROM tollgate.requests AS r FINAL WHERE {{Rows(onlySlots)}}
          GROUP BY customer, slot, team, project, developer, key_id, provider, model
          UNION ALL
          SELECT s.customer, s.slot, s.team, s.project, s.developer, s.key_id, s.provider, s.model, s.requests, s.errors,
            s.input_tokens, s.output_tokens, s.cache_read_tokens, s.cache_w5m_tokens, s.cache_w1h_tokens,
            s.cost_input, s.cost_output, s.cost_cache_read, s.cost_cache_write, s.cost_other, s.cost, s.cost_uncached, s.estimated_cost,
            toDateTime64(0, 6, 'UTC')
          FROM tollgate.usage_folded AS s FINAL WHERE {{Slots(onlySlots)}}
          UNION ALL
          SELECT s.customer, s.slot, s.team, s.project, s.developer, s.key_id, s.provider, s.model, 0, 0,
            0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0,
            max(s.computed_at)
          FROM tollgate.usage_15m_data AS s WHERE {{Slots(onlySlots)}}
          GROUP BY s.customer, s.slot, s.team, s.project, s.developer, s.key_id, s.provider, s.model) AS p
        GROUP BY p.customer, p.slot, p.team, p.project, p.developer, p.key_id, p.provider, p.model
        {{AsOneBlock}}
        """;

    /// <summary>Attempts and nano-dollars of the range, as the rollup has them now.</summary>
    public const string Totals = $$"""
        SELECT sum(s.requests), toString(toInt128(sum(s.cost) * 1000000000)) FROM tollgate.usage_15m_data AS s FINAL WHERE {{SlotInRange}}
        """;
}
