using System.Buffers;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
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
    public bool CanBegin => options.WhenFull == WhenSpoolFull.Fold || !spool.IsFull;

    /// <inheritdoc/>
    public OpenAttempt Begin() => spool.Begin();

    /// <inheritdoc/>
    /// <remarks>Hot path: no allocation once the thread's buffer has grown.</remarks>
    public void Draft(OpenAttempt attempt, UsageRow row) => spool.TryDraft(attempt, Encode(row));

    /// <inheritdoc/>
    public ValueTask WhenSafeAsync(OpenAttempt attempt, CancellationToken cancellationToken)
    {
        if (!_waitsForDisk || !attempt.TryFindDraftEnd(out var end))
        {
            return ValueTask.CompletedTask;
        }

        return committer.MakeDurableAsync(end, cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>Hot path: no allocation once the thread's buffer has grown.</remarks>
    public void Close(OpenAttempt attempt, UsageRow row)
    {
        if (spool.TryClose(attempt, Encode(row), time.GetUtcNow().ToUnixTimeMilliseconds()))
        {
            events.RowSpooled();
        }
        else
        {
            folds.Add(row);
            events.RowFolded();
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
