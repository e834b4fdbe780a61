namespace Tollgate.Proxy.Metrics;

/// <summary>What Prometheus knows a metric as.</summary>
public enum MetricKind
{
    /// <summary>Only grows.</summary>
    Counter,

    /// <summary>Goes up and down.</summary>
    Gauge,

    /// <summary>Counts observations by size.</summary>
    Histogram,
}

/// <summary>One metric, before the prefix and the configured labels are put to it.</summary>
/// <param name="Name">Its name without the prefix.</param>
/// <param name="Kind">Its type.</param>
/// <param name="Help">What it counts, and the unit.</param>
/// <param name="PerChild">Whether it has the base labels and the configured ones.</param>
/// <param name="Labels">Labels beside those.</param>
/// <param name="Buckets">Upper bounds of a histogram's buckets, in the metric's unit.</param>
public sealed record MetricDefinition(string Name, MetricKind Kind, string Help, bool PerChild, string[] Labels, double[] Buckets);

/// <summary>Every metric of the gateway: what the registry is built from, and <c>docs/metrics.md</c> with it.</summary>
public static class MetricCatalog
{
    private static readonly double[] LatencyBuckets = [0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 120, 300, 600];
    private static readonly double[] FirstTokenBuckets = [0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 20, 30, 60];
    private static readonly double[] InterTokenBuckets = [0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 5];
    private static readonly double[] OverheadBuckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 250_000];
    private static readonly double[] InsertBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    /// <summary>Labels of every metric that is counted per key and model, before the configured ones.</summary>
    public static IReadOnlyList<string> BaseLabels { get; } = ["provider", "model", "key_id", "key_name", "team", "customer"];

    /// <summary>Attempts sent upstream.</summary>
    public static MetricDefinition UpstreamRequests { get; } = PerChild("upstream_requests_total", "Attempts sent upstream that have ended; success plus error.");

    /// <summary>Good ones.</summary>
    public static MetricDefinition SuccessRequests { get; } = PerChild("success_requests_total", "Attempts whose whole answer was relayed, and was a good one.");

    /// <summary>The others.</summary>
    public static MetricDefinition ErrorRequests { get; } = PerChild(
        "error_requests_total",
        "Attempts that ended otherwise, by the status the client was sent (none: before any) and the provider's error type, else the outcome.",
        "status_code",
        "error_type");

    /// <summary>Fresh input.</summary>
    public static MetricDefinition InputTokens { get; } = PerChild("input_tokens_total", "Fresh input tokens, neither read from nor written to the cache. Classes are disjoint.");

    /// <summary>Output.</summary>
    public static MetricDefinition OutputTokens { get; } = PerChild("output_tokens_total", "Output tokens, thinking included.");

    /// <summary>Cache reads.</summary>
    public static MetricDefinition CacheReadTokens { get; } = PerChild("cache_read_input_tokens_total", "Input tokens read from the prompt cache.");

    /// <summary>Five-minute cache writes.</summary>
    public static MetricDefinition CacheWrite5mTokens { get; } = PerChild("cache_write_input_tokens_5m_total", "Input tokens written to the prompt cache for five minutes.");

    /// <summary>One-hour cache writes.</summary>
    public static MetricDefinition CacheWrite1hTokens { get; } = PerChild("cache_write_input_tokens_1h_total", "Input tokens written to the prompt cache for one hour.");

    /// <summary>Money.</summary>
    public static MetricDefinition Cost { get; } = PerChild(
        "cost_total",
        "Cost in USD by class (input, output, cache_read, cache_write, other); the classes add up to the ledger's total, to the nano-dollar.",
        "token_type");

    /// <summary>Unknown cost.</summary>
    public static MetricDefinition UnpricedRequests { get; } = PerChild("unpriced_requests_total", "Attempts with tokens of a model that the price list does not know: their cost is unknown, not nothing.");

    /// <summary>Estimated money.</summary>
    public static MetricDefinition EstimatedCost { get; } = PerChild("estimated_cost_total", "The part of cost_total, in USD, that rests on estimated tokens because the answer ended early.");

    /// <summary>Cache hits.</summary>
    public static MetricDefinition CacheHits { get; } = PerChild("cache_hits_total", "Attempts that read at least one token from the prompt cache.");

    /// <summary>Whole latency.</summary>
    public static MetricDefinition UpstreamLatency { get; } = Timing("upstream_latency_seconds", "Seconds from the request's head to the answer's end.", LatencyBuckets);

    /// <summary>Time to first token.</summary>
    public static MetricDefinition FirstTokenLatency { get; } = Timing("stream_first_token_latency_seconds", "Seconds from the request's head to a stream's first content.", FirstTokenBuckets);

    /// <summary>Pace of a stream.</summary>
    public static MetricDefinition InterTokenLatency { get; } = Timing(
        "stream_inter_token_latency_seconds",
        "Seconds per output token after a completed stream's first content: its mean over the stream, one observation per attempt.",
        InterTokenBuckets);

    /// <summary>Tollgate's own share.</summary>
    public static MetricDefinition OverheadLatency { get; } = new(
        "overhead_latency_microseconds",
        MetricKind.Histogram,
        "Microseconds that one attempt spent in Tollgate itself, by phase: request (until the upstream was handed the first bytes), response (from each read of the answer "
        + "until the client's connection had it, summed), settle (accounting and recording afterwards). Waits for the client, the upstream or a connection are not in it.",
        PerChild: false,
        ["phase"],
        OverheadBuckets);

    /// <summary>Open requests.</summary>
    public static MetricDefinition ActiveRequests { get; } = Global("active_requests", MetricKind.Gauge, "Requests being handled now.");

    /// <summary>Refusals.</summary>
    public static MetricDefinition RefusedRequests { get; } = Global("refused_requests_total", MetricKind.Counter, "Requests that Tollgate answered itself with an error, by reason.", "reason");

    /// <summary>Dear sessions.</summary>
    public static MetricDefinition SessionSpent { get; } = Global(
        "session_spent_usd",
        MetricKind.Gauge,
        FormattableString.Invariant($"USD that a session spent in the last {DearestSessions.Window.TotalMinutes} minutes, by when its attempts ended: the {DearestSessions.MaxShown} dearest of this gateway, from ${DearestSessions.Floor.ToDollars():0} on. Begins at nothing when the gateway starts."),
        "session_id",
        "key_id",
        "key_name",
        "team",
        "customer");

    /// <summary>Limits of budgets.</summary>
    public static MetricDefinition BudgetLimit { get; } = Budget("budget_limit_usd", "USD that a budget allows in its window, raises included.");

    /// <summary>Spent of budgets.</summary>
    public static MetricDefinition BudgetSpent { get; } = Budget("budget_spent_usd", "USD spent of a budget in its present window.");

    /// <summary>Held of budgets.</summary>
    public static MetricDefinition BudgetHeld { get; } = Budget("budget_held_usd", "USD of a budget that requests under way have reserved.");

    /// <summary>Resets of budgets.</summary>
    public static MetricDefinition BudgetReset { get; } = Budget(
        "budget_reset_timestamp_seconds", "When a budget starts anew, in Unix seconds; of a rolling one, when its oldest spend may leave it; 0 for one that lasts for ever.");

    /// <summary>Token limits of budgets.</summary>
    public static MetricDefinition BudgetLimitTokens { get; } = Budget("budget_limit_tokens", "Tokens that a budget allows in its window, raises included.");

    /// <summary>Tokens spent of budgets.</summary>
    public static MetricDefinition BudgetSpentTokens { get; } = Budget("budget_spent_tokens", "Tokens spent of a budget in its present window.");

    /// <summary>Tokens held of budgets.</summary>
    public static MetricDefinition BudgetHeldTokens { get; } = Budget("budget_held_tokens", "Tokens of a budget that requests under way have reserved.");

    /// <summary>Thresholds reached.</summary>
    public static MetricDefinition BudgetThresholds { get; } = Global(
        "budget_thresholds_total", MetricKind.Counter, "Times that a budget reached one of its thresholds, by budget and percentage.", "name", "threshold");

    /// <summary>Spool size.</summary>
    public static MetricDefinition SpoolBytes { get; } = Global("spool_bytes", MetricKind.Gauge, "Bytes of disk that the spool takes, segments prepared ahead included.");

    /// <summary>Waiting rows.</summary>
    public static MetricDefinition SpoolPendingRows { get; } = Global("spool_pending_rows", MetricKind.Gauge, "Ledger rows in the spool that the store has not acknowledged.");

    /// <summary>Age of the backlog.</summary>
    public static MetricDefinition SpoolOldestUnsent { get; } = Global(
        "spool_oldest_unsent_seconds", MetricKind.Gauge, "Seconds that the oldest row has been waiting for the store; 0 when none is.");

    /// <summary>Whether there is room.</summary>
    public static MetricDefinition SpoolFull { get; } = Global(
        "spool_full", MetricKind.Gauge, "1 while the spool can get no further segment, so that spool.whenFull decides; else 0.");

    /// <summary>Rows put aside.</summary>
    public static MetricDefinition SpoolDeadLetterRows { get; } = Global(
        "spool_dead_letter_rows", MetricKind.Gauge, "Ledger rows that the store refused for what they are, kept beside the spool (tollgate spool dead-letters).");

    /// <summary>Waiting folds.</summary>
    public static MetricDefinition SpoolPendingFoldedRows { get; } = Global(
        "spool_pending_folded_rows", MetricKind.Gauge, "Attempts in sums, because the spool was full, that the store has not acknowledged.");

    /// <summary>Spooled rows.</summary>
    public static MetricDefinition SpoolRows { get; } = Global("spool_rows_total", MetricKind.Counter, "Ledger rows written to the spool.");

    /// <summary>Folded rows.</summary>
    public static MetricDefinition SpoolFoldedRows { get; } = Global(
        "spool_folded_rows_total", MetricKind.Counter, "Attempts whose tokens and dollars were added to a sum because the spool was full.");

    /// <summary>Crashed attempts.</summary>
    public static MetricDefinition SpoolCrashedAttempts { get; } = Global(
        "spool_crashed_attempts_total", MetricKind.Counter, "Attempts that a killed gateway left open and this one closed with what was known.");

    /// <summary>Damage.</summary>
    public static MetricDefinition SpoolDamagedRecords { get; } = Global(
        "spool_damaged_records_total", MetricKind.Counter, "Stretches of the spool that held no whole record: torn by a power cut, or damaged on the disk.");

    /// <summary>Failed syncs.</summary>
    public static MetricDefinition SpoolSyncFailures { get; } = Global(
        "spool_sync_failures_total", MetricKind.Counter, "Syncs of the spool that the disk refused; what they held was written again elsewhere.");

    /// <summary>Missing rows.</summary>
    public static MetricDefinition LedgerMissingRows { get; } = Global(
        "ledger_missing_rows", MetricKind.Gauge, "Rows of this gateway that the store should have and has not, by the last audit; 0 is the promise.");

    /// <summary>Drift of the rollup.</summary>
    public static MetricDefinition LedgerDrift { get; } = Global(
        "ledger_drift_usd", MetricKind.Gauge, "USD by which the rollup differs from the rows it is computed from, by the last audit; 0 is the promise.");

    /// <summary>Stored rows.</summary>
    public static MetricDefinition StoreRows { get; } = Global("store_rows_total", MetricKind.Counter, "Ledger rows that the store has committed.");

    /// <summary>Failed inserts.</summary>
    public static MetricDefinition StoreInsertFailures { get; } = Global("store_insert_failures_total", MetricKind.Counter, "Inserts that failed, tries of the same batch counted one by one.");

    /// <summary>Insert time.</summary>
    public static MetricDefinition StoreInsert { get; } = new(
        "store_insert_seconds", MetricKind.Histogram, "Seconds that a successful insert took.", PerChild: false, [], InsertBuckets);

    /// <summary>All of them, in the order of the documentation.</summary>
    public static IReadOnlyList<MetricDefinition> All { get; } =
    [
        UpstreamRequests, SuccessRequests, ErrorRequests,
        InputTokens, OutputTokens, CacheReadTokens, CacheWrite5mTokens, CacheWrite1hTokens,
        Cost, UnpricedRequests, EstimatedCost, CacheHits,
        UpstreamLatency, FirstTokenLatency, InterTokenLatency, OverheadLatency,
        ActiveRequests, RefusedRequests,
        SessionSpent,
        BudgetLimit, BudgetSpent, BudgetHeld, BudgetReset, BudgetLimitTokens, BudgetSpentTokens, BudgetHeldTokens, BudgetThresholds,
        SpoolBytes, SpoolPendingRows, SpoolOldestUnsent, SpoolFull, SpoolDeadLetterRows, SpoolPendingFoldedRows,
        SpoolRows, SpoolFoldedRows, SpoolCrashedAttempts, SpoolDamagedRecords, SpoolSyncFailures,
        StoreRows, StoreInsertFailures, StoreInsert, LedgerMissingRows, LedgerDrift,
    ];

    private static MetricDefinition PerChild(string name, string help, params string[] labels) => new(name, MetricKind.Counter, help, true, labels, []);

    private static MetricDefinition Budget(string name, string help) => Global(name, MetricKind.Gauge, help, "scope", "name", "window");

    private static MetricDefinition Timing(string name, string help, double[] buckets) => new(name, MetricKind.Histogram, help, true, [], buckets);

    private static MetricDefinition Global(string name, MetricKind kind, string help, params string[] labels) => new(name, kind, help, false, labels, []);
}
