using System.Buffers;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Recording;

/// <summary>Writes rows to the spool; when it is full, folds them into sums.</summary>
internal sealed class UsageRecorder(
    UsageSpool spool, ISpoolCommitter committer, IRowFormat format, FoldTable folds, SpoolOptions options, TimeProvider time, GatewayEvents events) : IUsageRecorder
{
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _encoded;

    private readonly bool _waitsForDisk = options.SyncInterval == TimeSpan.Zero;

    /// <inheritdoc/>
    public long Tail => spool.Tail.Value;

    /// <inheritdoc/>
    public bool CanBegin => options.WhenFull == WhenSpoolFull.Fold || !spool.IsFull;

    /// <inheritdoc/>
    public OpenAttempt Begin() => spool.Begin();

    /// <inheritdoc/>
    /// <remarks>Hot path: no allocation once the thread's buffer has grown.</remarks>
    public void Draft(OpenAttempt attempt, UsageRow row) => spool.TryDraft(attempt, Encode(row));

    /// <inheritdoc/>
    /// <remarks>
    /// Hot path: no allocation once the thread's buffer has grown.
    /// Folded already here, not only at the end: else a kill between the client's last byte and the end would cost the ledger an attempt that
    /// was answered in full. Tokens, dollars and status don't change any more.
    /// </remarks>
    public void DraftWhole(OpenAttempt attempt, UsageRow row)
    {
        var encoded = Encode(row);
        if (!spool.TryDraft(attempt, encoded))
        {
            Fold(attempt, row, encoded);
        }
    }

    /// <inheritdoc/>
    public ValueTask WhenSafeAsync(OpenAttempt attempt, CancellationToken cancellationToken)
    {
        if (_waitsForDisk && attempt.IsFolded)
        {
            return new ValueTask(WhenFoldsAreDurableAsync(cancellationToken));
        }

        if (!_waitsForDisk || !attempt.TryFindDraftEnd(out var end))
        {
            return ValueTask.CompletedTask;
        }

        return committer.MakeDurableAsync(end, cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>Hot path: no allocation once the thread's buffer has grown.</remarks>
    public long Close(OpenAttempt attempt, UsageRow row)
    {
        if (attempt.IsFolded)
        {
            spool.End(attempt);
            return IUsageRecorder.Folded;
        }

        var encoded = Encode(row);
        if (spool.TryClose(attempt, encoded, time.GetUtcNow().ToUnixTimeMilliseconds(), out var place))
        {
            events.RowSpooled();
            return place.Value;
        }

        Fold(attempt, row, encoded);
        spool.End(attempt);
        return IUsageRecorder.Folded;
    }

    private void Fold(OpenAttempt attempt, UsageRow row, ReadOnlySpan<byte> encoded)
    {
        var id = SpooledRow.AttemptKeyOf(encoded);
        folds.Add(row, id, () => spool.NoteFolded(attempt, id));
        events.RowFolded();
    }

    // Folds are made durable after the spool at each commit. The second commit to end has begun after the call, and so after the folds of the first.
    private async Task WhenFoldsAreDurableAsync(CancellationToken cancellationToken)
    {
        for (var commits = 0; commits < 2; commits++)
        {
            await committer.CommitAsync(cancellationToken);
        }
    }

    private ReadOnlySpan<byte> Encode(UsageRow row)
    {
        var encoded = _encoded ??= new ArrayBufferWriter<byte>(1024);
        encoded.ResetWrittenCount();
        format.Write(encoded, row);
        return encoded.WrittenSpan;
    }
}
