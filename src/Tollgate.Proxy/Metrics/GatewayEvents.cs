using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Metrics;

/// <summary>Everything that happens in the gateway: one method per event moves the counter and writes the log line, so they can't disagree.</summary>
/// <remarks>
/// Log ids are the step times a thousand: 1 accept, 2 identify, 3 admit, 4 forward, 5 scan, 6 account, 7 record (70xx the store's
/// own, 71xx the batcher's), 8 host. No event takes a secret: keys are named by their id.
/// Safe from any thread.
/// </remarks>
public sealed partial class GatewayEvents
{
    /// <summary>Models without a price that are named in the log, once each.</summary>
    public const int MaxUnpricedNames = 100;

    /// <summary>Least time between two log lines about dropped rows; each drop is counted.</summary>
    public static readonly TimeSpan DropLogInterval = TimeSpan.FromSeconds(10);

    private readonly ILogger<GatewayEvents> _logger;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, byte> _unpriced = new(StringComparer.Ordinal);
    private long _nextDropLog = long.MinValue;

    /// <summary>Events that go to <paramref name="metrics"/> and <paramref name="logger"/>.</summary>
    public GatewayEvents(GatewayMetrics metrics, ILogger<GatewayEvents> logger, TimeProvider time)
    {
        Metrics = metrics;
        _logger = logger;
        _time = time;
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

    /// <summary>The queue was full and the newest row was dropped.</summary>
    public void RowDropped()
    {
        Metrics.Dropped.Add(1);

        // Whoever moves the time on writes the line; a full queue at 5,000 requests a second is not also a full log.
        var now = _time.GetTimestamp();
        var next = Volatile.Read(ref _nextDropLog);
        var after = now + (long)(DropLogInterval.TotalSeconds * _time.TimestampFrequency);
        if (now >= next && Interlocked.CompareExchange(ref _nextDropLog, after, next) == next)
        {
            LogRowDropped(Metrics.Dropped.Units);
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

    /// <summary>Rows were given up. When the store's refusal is why, that insert's failure is counted with them.</summary>
    public void RowsLost(int rows, RowLoss loss, string batch, Exception? failure)
    {
        Metrics.Lost(loss).Add(rows);
        if (failure is not null)
        {
            Metrics.InsertFailures.Add(1);
        }

        LogRowsLost(failure, rows, batch, MetricLabels.Of(loss));
    }

    /// <summary>The configuration was replaced while running.</summary>
    public void WorldReplaced(int upstreams, int keys) => LogWorldReplaced(upstreams, keys);

    [LoggerMessage(1001, LogLevel.Debug, "Request {RequestId} was refused with {Status}: {Reason}.")]
    private partial void LogRefusedAtAccept(Guid requestId, int status, string reason);

    [LoggerMessage(2001, LogLevel.Information, "Request {RequestId} was refused with {Status}: {Reason}.")]
    private partial void LogRefusedAtIdentify(Guid requestId, int status, string reason);

    [LoggerMessage(4001, LogLevel.Warning, "Request {RequestId} could not be forwarded and was answered with {Status}: {Reason}.")]
    private partial void LogRefusedAtForward(Guid requestId, int status, string reason);

    [LoggerMessage(5001, LogLevel.Warning, "An event in the answer to request {RequestId} was too large to be read; its figures are missing from the row.")]
    private partial void LogOversizeEvent(Guid requestId);

    [LoggerMessage(6001, LogLevel.Debug, "Request {RequestId} to {Provider} {Model}: {Outcome}, status {Status}, {PromptTokens} + {OutputTokens} tokens, {Cost}, {Milliseconds} ms.", SkipEnabledCheck = true)]
    private partial void LogAttemptEnded(
        Guid requestId, string provider, string model, string outcome, int status, long promptTokens, long outputTokens, Nanodollars cost, long milliseconds);

    [LoggerMessage(6002, LogLevel.Warning, "Model {Model} has no price: its requests are recorded with their tokens, and their cost is unknown. Add it to the file named by prices:file.")]
    private partial void LogUnpricedModel(string model);

    [LoggerMessage(7101, LogLevel.Error, "The queue to the store is full: {Dropped} rows were dropped since the start. Is the store reachable? Else raise recording:queueCapacity.")]
    private partial void LogRowDropped(long dropped);

    [LoggerMessage(7102, LogLevel.Debug, "{Rows} rows were stored in {Milliseconds} ms.")]
    private partial void LogRowsStored(int rows, double milliseconds);

    [LoggerMessage(7103, LogLevel.Warning, "Batch {Batch} was not stored at try {Attempt}; the next try is in {Milliseconds} ms. {Reason}")]
    private partial void LogInsertFailed(string batch, int attempt, long milliseconds, string reason);

    [LoggerMessage(7104, LogLevel.Error, "{Rows} rows of {Batch} are lost: {Reason}.")]
    private partial void LogRowsLost(Exception? failure, int rows, string batch, string reason);

    [LoggerMessage(8001, LogLevel.Information, "The configuration was replaced: {Upstreams} upstreams, {Keys} keys.")]
    private partial void LogWorldReplaced(int upstreams, int keys);
}
