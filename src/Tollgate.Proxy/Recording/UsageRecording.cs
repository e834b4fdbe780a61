using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Recording;

/// <summary>The recording room, joined: the spool, the thread that makes it durable, the sender, and what requests write with.</summary>
/// <remarks>Start: <see cref="Open"/>, then <see cref="StartAsync"/> as soon as the store may be asked. Stop: when no request is left, <see cref="StopAsync"/>.</remarks>
public sealed class UsageRecording : IDisposable
{
    private readonly UsageSpool _spool;
    private readonly SpoolCommitter _committer;
    private readonly UsageSender _sender;
    private readonly DeadLetters _deadLetters;
    private readonly UsageRecorder _recorder;
    private readonly FoldTable _folds;

    private UsageRecording(
        UsageSpool spool, FoldTable folds, SpoolCommitter committer, UsageSender sender, DeadLetters deadLetters, UsageRecorder recorder)
    {
        _spool = spool;
        _folds = folds;
        _committer = committer;
        _sender = sender;
        _deadLetters = deadLetters;
        _recorder = recorder;
    }

    /// <summary>What requests write with.</summary>
    public IUsageRecorder Recorder => _recorder;

    /// <summary>What keeps the spool from being well; null when it is.</summary>
    public string? SpoolProblem => _spool.Problem ?? _folds.Problem;

    /// <summary>What keeps rows from reaching the store; null when nothing does.</summary>
    public string? DeliveryProblem => _sender.Problem;

    /// <summary>The number of the spool's first row.</summary>
    public ulong FirstSequence => _sender.FirstSequence;

    /// <summary>The number of the last row that is in the store or put aside; below <see cref="FirstSequence"/> while none is.</summary>
    public ulong AcknowledgedSequence => _sender.AcknowledgedSequence;

    /// <summary>Returns once every row before <paramref name="place"/> is in the store or put aside.</summary>
    /// <param name="place">From <see cref="IUsageRecorder.Tail"/>; calls come in the order of their places.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The number of the first row at or behind it.</returns>
    public Task<ulong> WhenDeliveredAsync(long place, CancellationToken cancellationToken) =>
        _sender.WhenDeliveredAsync(new SpoolPosition(place), cancellationToken);

    /// <summary>Numbers of rows that were put aside because the store refused them.</summary>
    public IReadOnlyList<ulong> PutAside() => [.. _deadLetters.Sequences()];

    /// <summary>Takes up the spool in a directory; rows that are still in it are sent first.</summary>
    /// <param name="directory">Where it is; made when it is not there.</param>
    /// <param name="spool">Its limits.</param>
    /// <param name="recording">Sizes and intervals of batches.</param>
    /// <param name="format">How rows are written for the store.</param>
    /// <param name="sink">The store.</param>
    /// <param name="gatewayId">Whose rows they are.</param>
    /// <param name="time">The clock.</param>
    /// <param name="events">Told of everything that happens.</param>
    /// <exception cref="SpoolFormatException">It can't be used: another process has it, or a later version wrote it.</exception>
    /// <exception cref="IOException">The disk refused.</exception>
    public static UsageRecording Open(
        string directory,
        SpoolOptions spool,
        RecordingOptions recording,
        IRowFormat format,
        IUsageSink sink,
        string gatewayId,
        TimeProvider time,
        GatewayEvents events)
    {
        ArgumentNullException.ThrowIfNull(spool);
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(events);
        var files = LinuxSpoolFiles.Take(directory);
        FoldTable? folds = null;
        UsageSpool opened;
        try
        {
            // Folds first: they need their room before segments take it all, and know which attempts are in the ledger by them.
            folds = FoldTable.Open(files, events);
            opened = UsageSpool.Open(files, new SpoolSettings(spool.SegmentBytes & ~7, spool.MaxBytes, format.Version), events, time, folds.LastAttempts);
        }
        catch
        {
            folds?.Dispose();
            files.Dispose();
            throw;
        }

        var deadLetters = new DeadLetters(files);
        var committer = new SpoolCommitter(opened, spool.SyncInterval, time, folds);
        var sender = new UsageSender(opened, committer, sink, format, folds, deadLetters, recording, time, events, gatewayId);
        var recorder = new UsageRecorder(opened, committer, format, folds, spool, time, events);
        var made = new UsageRecording(opened, folds, committer, sender, deadLetters, recorder);
        made.Publish(events.Metrics);
        return made;
    }

    /// <summary>Starts sending.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => _sender.StartAsync(cancellationToken);

    /// <summary>Sends what it can while the store answers; the rest stays in the spool for the next start.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _sender.StopAsync(cancellationToken);

    /// <summary>Makes the last rows durable and closes the spool.</summary>
    public void Dispose()
    {
        _committer.Dispose();
        _sender.Dispose();
        _folds.Dispose();
        _spool.Dispose();
    }

    private void Publish(GatewayMetrics metrics)
    {
        metrics.Observe(MetricCatalog.SpoolBytes, () => _spool.Bytes);
        metrics.Observe(MetricCatalog.SpoolPendingRows, () => _sender.PendingRows);
        metrics.Observe(MetricCatalog.SpoolOldestUnsent, () => _sender.OldestUnsent.TotalSeconds);
        metrics.Observe(MetricCatalog.SpoolFull, () => _spool.IsFull ? 1 : 0);
        metrics.Observe(MetricCatalog.SpoolDeadLetterRows, () => _deadLetters.Sequences().Count());
        metrics.Observe(MetricCatalog.SpoolPendingFoldedRows, () => _folds.PendingAttempts);
    }
}
