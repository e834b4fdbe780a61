using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Metrics;

/// <summary>Everything that happens in the gateway: one method per event moves the counter and writes the log line, so they can't disagree.</summary>
/// <remarks>
/// Log ids are the step times a thousand: 1 accept, 2 identify, 3 admit, 4 forward, 5 scan, 6 account, 7 record (70xx the store's
/// own, 71xx the sender's, 72xx the spool's), 8 host. No event takes a secret: keys are named by their id.
/// Safe from any thread.
/// </remarks>
public sealed partial class GatewayEvents
{
    /// <summary>Models without a price that are named in the log, once each.</summary>
    public const int MaxUnpricedNames = 100;

    private readonly ILogger<GatewayEvents> _logger;
    private readonly ConcurrentDictionary<string, byte> _unpriced = new(StringComparer.Ordinal);

    /// <summary>Events that go to <paramref name="metrics"/> and <paramref name="logger"/>.</summary>
    public GatewayEvents(GatewayMetrics metrics, ILogger<GatewayEvents> logger)
    {
        Metrics = metrics;
        _logger = logger;
    }

    /// <summary>The counters.</summary>
    public GatewayMetrics Metrics { get; }

    /// <summary>A request's head was read. Ends with <see cref="RequestFinished"/>.</summary>
    public void RequestStarted() => Metrics.AddActive(1);

    /// <summary>The request is over, however it went.</summary>
    public void RequestFinished() => Metrics.AddActive(-1);

    /// <summary>Tollgate answered with an error of its own.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="status">The status sent.</param>
    /// <param name="requestId">Tollgate's id of the request.</param>
    public void Refused(RefusalReason reason, int status, Guid requestId)
    {
        Metrics.Refused(reason).Add(1);
        var text = MetricLabels.Of(reason);
        switch (reason)
        {
            case RefusalReason.KeyMissing or RefusalReason.KeyInvalid:
                LogRefusedAtIdentify(requestId, status, text);
                break;
            case RefusalReason.KeyNotAllowed or RefusalReason.Budget or RefusalReason.BudgetUnbounded or RefusalReason.BudgetUnknown
                or RefusalReason.RateLimit or RefusalReason.BodiesHeld:
                LogRefusedAtAdmission(requestId, status, text);
                break;
            case RefusalReason.UpstreamUnreachable or RefusalReason.UpstreamBroken or RefusalReason.UpstreamTimeout or RefusalReason.GatewayStopped:
                LogRefusedAtForward(requestId, status, text);
                break;
            default:
                LogRefusedAtAccept(requestId, status, text);
                break;
        }
    }

    /// <summary>An attempt is over and accounted for.</summary>
    /// <remarks>Hot path: allocates nothing unless Debug is logged.</remarks>
    public void AttemptEnded(in AttemptFigures attempt, MetricChildren children, Guid requestId)
    {
        children.Observe(attempt);
        if (_logger.IsEnabled(LogLevel.Debug))
        {
            LogAttemptEnded(
                requestId,
                children.Key.Provider,
                children.Key.Model,
                MetricLabels.Of(attempt.Outcome),
                attempt.HttpStatus,
                attempt.Tokens.Prompt,
                attempt.Tokens.Output,
                attempt.Cost.Total,
                attempt.LatencyMicroseconds / 1000);
        }
    }

    /// <summary>What Tollgate itself took of one attempt's time.</summary>
    /// <param name="request">Until the upstream was handed the first bytes.</param>
    /// <param name="response">For relaying the answer; null when there was none.</param>
    /// <param name="settle">For what came after.</param>
    /// <remarks>Hot path: no allocation, no lock; see GatewayEventsTests.Measuring_overhead_allocates_nothing.</remarks>
    public void OverheadMeasured(TimeSpan request, TimeSpan? response, TimeSpan settle)
    {
        Metrics.ObserveOverhead(OverheadPhase.Request, request);
        if (response is { } relayed)
        {
            Metrics.ObserveOverhead(OverheadPhase.Response, relayed);
        }

        Metrics.ObserveOverhead(OverheadPhase.Settle, settle);
    }

    /// <summary>An answer had an event larger than the scanner keeps; figures in it are missing.</summary>
    public void OversizeEvent(Guid requestId) => LogOversizeEvent(requestId);

    /// <summary>Tokens were used of a model without a price. The attempt's own end counts it; here it is named, once.</summary>
    public void UnpricedModel(string model)
    {
        if (_unpriced.ContainsKey(model) || _unpriced.Count >= MaxUnpricedNames)
        {
            return;
        }

        if (_unpriced.TryAdd(model, 0))
        {
            LogUnpricedModel(model);
        }
    }

    /// <summary>The store committed a batch.</summary>
    public void RowsStored(int rows, TimeSpan elapsed)
    {
        Metrics.Stored.Add(rows);
        Metrics.InsertSeconds.Observe(elapsed.TotalSeconds);
        LogRowsStored(rows, elapsed.TotalMilliseconds);
    }

    /// <summary>The store did not take a batch; it will be tried again.</summary>
    public void InsertFailed(string batch, Exception failure, int attempt, TimeSpan pause)
    {
        Metrics.InsertFailures.Add(1);
        LogInsertFailed(batch, attempt, (long)pause.TotalMilliseconds, failure.Message);
    }

    /// <summary>The store can't take rows until an operator has mended its set-up; they wait.</summary>
    public void DeliveryHeld(string batch, int attempt, TimeSpan pause, string reason)
    {
        Metrics.InsertFailures.Add(1);
        LogDeliveryHeld(batch, attempt, (long)pause.TotalMilliseconds, reason);
    }

    /// <summary>The store did not say what it has; it will be asked again.</summary>
    public void StoreNotAsked(int attempt, TimeSpan pause, string reason) => LogStoreNotAsked(attempt, (long)pause.TotalMilliseconds, reason);

    /// <summary>The rows of a batch are stored, but a view that they feed failed.</summary>
    public void ViewsNotFilled(string batch, string reason) => LogViewsNotFilled(batch, reason);

    /// <summary>The store refused a row for what it is; it was put aside.</summary>
    public void RowPutAside(ulong sequence, string reason) => LogRowPutAside(sequence, reason);

    /// <summary>A row that the store refused could not be put aside; it will be tried again.</summary>
    public void DeadLetterNotWritten(ulong sequence, string reason) => LogDeadLetterNotWritten(sequence, reason);

    /// <summary>The store has rows of this gateway that its spool does not know as sent.</summary>
    public void LedgerAhead(int rows) => LogLedgerAhead(rows);

    /// <summary>The sender met with a fault of its own; it begins anew.</summary>
    public void SenderFailed(Exception failure, TimeSpan pause) => LogSenderFailed(failure, (long)pause.TotalMilliseconds);

    /// <summary>A row is in the spool.</summary>
    public void RowSpooled() => Metrics.Spooled.Add(1);

    /// <summary>A row was added to a sum, because the spool is full.</summary>
    public void RowFolded() => Metrics.Folded.Add(1);

    /// <summary>The spool was read at the start.</summary>
    public void SpoolRecovered(int segments, long pending, int open, int damaged)
    {
        Metrics.Damaged.Add(damaged);
        LogSpoolRecovered(segments, pending, open, damaged);
    }

    /// <summary>Attempts that a killed gateway left open were closed.</summary>
    public void SpoolCrashedAttempts(int closed, int left)
    {
        Metrics.Crashed.Add(closed);
        if (left > 0)
        {
            LogCrashedAttemptsLeft(left);
        }
    }

    /// <summary>Records could not be read when their turn came.</summary>
    public void SpoolRecordsDamaged(int stretches)
    {
        Metrics.Damaged.Add(stretches);
        LogSpoolRecordsDamaged(stretches);
    }

    /// <summary>The disk refused a sync.</summary>
    public void SpoolSyncFailed(string reason)
    {
        Metrics.SyncFailures.Add(1);
        LogSpoolSyncFailed(reason);
    }

    /// <summary>No further segment can be had.</summary>
    public void SpoolFull(string reason) => LogSpoolFull(reason);

    /// <summary>There is room again.</summary>
    public void SpoolHasRoom() => LogSpoolHasRoom();

    /// <summary>A segment that is done with could not be deleted.</summary>
    public void SpoolFileNotDeleted(string reason) => LogSpoolFileNotDeleted(reason);

    /// <summary>Folds were found that an earlier process left.</summary>
    public void FoldsRecovered(long attempts) => LogFoldsRecovered(attempts);

    /// <summary>A file for folds can't be had; it is tried for again.</summary>
    public void FoldFileMissing(string reason) => LogFoldFileMissing(reason);

    /// <summary>The disk refused a sync of folds; they are written anew and synced again.</summary>
    public void FoldsNotDurable(string reason)
    {
        Metrics.SyncFailures.Add(1);
        LogFoldsNotDurable(reason);
    }

    /// <summary>The store committed folds.</summary>
    public void FoldsStored(int folds, long attempts) => LogFoldsStored(folds, attempts);

    /// <summary>Folds did not reach the store; they are sent again as they are.</summary>
    public void FoldsNotStored(int attempt, TimeSpan pause, string reason) => LogFoldsNotStored(attempt, (long)pause.TotalMilliseconds, reason);

    /// <summary>What was spent before budgets of one kind counted was read from the ledger.</summary>
    public void BudgetPastRead(string scope, string window) => LogBudgetPastRead(scope, window);

    /// <summary>The ledger did not say what was spent before; it is asked again.</summary>
    public void BudgetPastNotRead(string scope, string window, string reason) => LogBudgetPastNotRead(scope, window, reason);

    /// <summary>A budget has reached one of its thresholds.</summary>
    /// <param name="budget">Its id.</param>
    /// <param name="value">Whose it is.</param>
    /// <param name="threshold">The percentage.</param>
    /// <param name="spent">Spent, as people read it.</param>
    /// <param name="limit">Its limit.</param>
    public void BudgetThresholdReached(string budget, string value, int threshold, string spent, string limit)
    {
        Metrics.BudgetThreshold(budget, threshold).Add(1);
        LogBudgetThresholdReached(budget, value, threshold, spent, limit);
    }

    /// <summary>The configuration was replaced while running.</summary>
    public void WorldReplaced(int upstreams, int keys) => LogWorldReplaced(upstreams, keys);

    [LoggerMessage(1001, LogLevel.Debug, "Request {RequestId} was refused with {Status}: {Reason}.")]
    private partial void LogRefusedAtAccept(Guid requestId, int status, string reason);

    [LoggerMessage(2001, LogLevel.Information, "Request {RequestId} was refused with {Status}: {Reason}.")]
    private partial void LogRefusedAtIdentify(Guid requestId, int status, string reason);

    [LoggerMessage(3001, LogLevel.Information, "Request {RequestId} was refused with {Status}: {Reason}.")]
    private partial void LogRefusedAtAdmission(Guid requestId, int status, string reason);

    [LoggerMessage(3002, LogLevel.Information, "What was spent before is read for budgets of {Scope} by {Window}.")]
    private partial void LogBudgetPastRead(string scope, string window);

    [LoggerMessage(3003, LogLevel.Warning, "The ledger did not say what was spent before, for budgets of {Scope} by {Window}; strict ones let nobody in until it does. {Reason}")]
    private partial void LogBudgetPastNotRead(string scope, string window, string reason);

    [LoggerMessage(3004, LogLevel.Warning, "Budget {Budget} of {Value} has reached {Threshold} %: {Spent} of {Limit}.")]
    private partial void LogBudgetThresholdReached(string budget, string value, int threshold, string spent, string limit);

    [LoggerMessage(4001, LogLevel.Warning, "Request {RequestId} could not be forwarded and was answered with {Status}: {Reason}.")]
    private partial void LogRefusedAtForward(Guid requestId, int status, string reason);

    [LoggerMessage(5001, LogLevel.Warning, "An event in the answer to request {RequestId} was too large to be read; its figures are missing from the row.")]
    private partial void LogOversizeEvent(Guid requestId);

    [LoggerMessage(6001, LogLevel.Debug, "Request {RequestId} to {Provider} {Model}: {Outcome}, status {Status}, {PromptTokens} + {OutputTokens} tokens, {Cost}, {Milliseconds} ms.", SkipEnabledCheck = true)]
    private partial void LogAttemptEnded(
        Guid requestId, string provider, string model, string outcome, int status, long promptTokens, long outputTokens, Nanodollars cost, long milliseconds);

    [LoggerMessage(6002, LogLevel.Warning, "Model {Model} has no price: its requests are recorded with their tokens, and their cost is unknown. Add it to the file named by prices:file.")]
    private partial void LogUnpricedModel(string model);

    [LoggerMessage(7102, LogLevel.Debug, "{Rows} rows were stored in {Milliseconds} ms.")]
    private partial void LogRowsStored(int rows, double milliseconds);

    [LoggerMessage(7103, LogLevel.Warning, "Batch {Batch} was not stored at try {Attempt}; the next try is in {Milliseconds} ms. {Reason}")]
    private partial void LogInsertFailed(string batch, int attempt, long milliseconds, string reason);

    [LoggerMessage(7105, LogLevel.Error, "Batch {Batch} can't be stored until the store's set-up is mended (try {Attempt}); rows wait in the spool, the next try is in {Milliseconds} ms. {Reason}")]
    private partial void LogDeliveryHeld(string batch, int attempt, long milliseconds, string reason);

    [LoggerMessage(7106, LogLevel.Warning, "The store did not say which rows it has (try {Attempt}); rows wait in the spool, the next try is in {Milliseconds} ms. {Reason}")]
    private partial void LogStoreNotAsked(int attempt, long milliseconds, string reason);

    [LoggerMessage(7107, LogLevel.Error, "The rows of batch {Batch} are stored, but a view that they feed is not filled; run tollgate migrate rebuild for their time. {Reason}")]
    private partial void LogViewsNotFilled(string batch, string reason);

    [LoggerMessage(7108, LogLevel.Error, "Row {Sequence} was refused by the store and put aside; see tollgate spool dead-letters. {Reason}")]
    private partial void LogRowPutAside(ulong sequence, string reason);

    [LoggerMessage(7109, LogLevel.Error, "Row {Sequence} was refused by the store and could not be put aside; it is tried again. {Reason}")]
    private partial void LogDeadLetterNotWritten(ulong sequence, string reason);

    [LoggerMessage(7110, LogLevel.Warning, "The store has {Rows} rows of this gateway that the spool does not know as sent: the spool is older than the ledger, or was damaged. They are not sent again.")]
    private partial void LogLedgerAhead(int rows);

    [LoggerMessage(7111, LogLevel.Error, "The sender met with an error and begins anew in {Milliseconds} ms; rows wait in the spool.")]
    private partial void LogSenderFailed(Exception failure, long milliseconds);

    [LoggerMessage(7201, LogLevel.Information, "The spool has {Segments} segments with {Pending} rows for the store and {Open} attempts that were open when the gateway ended; {Damaged} stretches could not be read.")]
    private partial void LogSpoolRecovered(int segments, long pending, int open, int damaged);

    [LoggerMessage(7202, LogLevel.Error, "{Left} attempts that were open when the gateway ended could not be closed, because the spool is full; the next start does it.")]
    private partial void LogCrashedAttemptsLeft(int left);

    [LoggerMessage(7203, LogLevel.Error, "{Stretches} stretches of the spool could not be read; the rows in them are lost.")]
    private partial void LogSpoolRecordsDamaged(int stretches);

    [LoggerMessage(7204, LogLevel.Error, "The spool could not be made durable; what the file held is written again elsewhere. Check the disk. {Reason}")]
    private partial void LogSpoolSyncFailed(string reason);

    [LoggerMessage(7205, LogLevel.Error, "The spool is full; spool.whenFull decides what becomes of attempts that begin now. {Reason}")]
    private partial void LogSpoolFull(string reason);

    [LoggerMessage(7206, LogLevel.Information, "The spool has room again.")]
    private partial void LogSpoolHasRoom();

    [LoggerMessage(7207, LogLevel.Warning, "A segment of the spool that is done with could not be deleted; the next start tries again. {Reason}")]
    private partial void LogSpoolFileNotDeleted(string reason);

    [LoggerMessage(7112, LogLevel.Information, "{Folds} sums of {Attempts} attempts, folded while the spool was full, were stored.")]
    private partial void LogFoldsStored(int folds, long attempts);

    [LoggerMessage(7113, LogLevel.Warning, "The sums of attempts that were folded while the spool was full were not stored at try {Attempt}; the next try is in {Milliseconds} ms. {Reason}")]
    private partial void LogFoldsNotStored(int attempt, long milliseconds, string reason);

    [LoggerMessage(7208, LogLevel.Information, "The spool has sums of {Attempts} attempts that were folded while it was full; they are sent to the store.")]
    private partial void LogFoldsRecovered(long attempts);

    [LoggerMessage(7209, LogLevel.Error, "Attempts that are folded while the spool is full would not survive the gateway. {Reason}")]
    private partial void LogFoldFileMissing(string reason);

    [LoggerMessage(7210, LogLevel.Error, "The sums of folded attempts could not be made durable; they are written anew and tried again. Check the disk. {Reason}")]
    private partial void LogFoldsNotDurable(string reason);

    [LoggerMessage(8001, LogLevel.Information, "The configuration was replaced: {Upstreams} upstreams, {Keys} keys.")]
    private partial void LogWorldReplaced(int upstreams, int keys);
}
