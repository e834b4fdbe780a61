using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Recording.Folds;

/// <summary>Brings folds into the store, beside the rows and never in their way.</summary>
/// <remarks>
/// Whatever the store does, the same folds are sent until it says that it has them: a repeat replaces itself, so nothing need be asked. A failure
/// is told and tried again at a later round, with pauses of its own.
/// Owner: the sender's loop.
/// </remarks>
/// <param name="table">The folds.</param>
/// <param name="sink">The store.</param>
/// <param name="options">How long to pause.</param>
/// <param name="time">The clock.</param>
/// <param name="events">Told of everything that happens.</param>
internal sealed class FoldDelivery(FoldTable table, IUsageSink sink, RecordingOptions options, TimeProvider time, GatewayEvents events)
{
    private readonly BatchSchedule _schedule = new(options);
    private DateTimeOffset _notBefore;

    /// <summary>What the last try failed with; null when it did not.</summary>
    public string? Problem { get; private set; }

    /// <summary>Sends what folds there are, unless the last failure was a moment ago.</summary>
    /// <param name="commit">Returns when a commit of the spool has ended.</param>
    /// <param name="cancellationToken">Ends it in the middle; the folds are sent again.</param>
    public async Task FlushAsync(Func<Task> commit, CancellationToken cancellationToken)
    {
        if (time.GetUtcNow() < _notBefore)
        {
            return;
        }

        try
        {
            var folds = table.Freeze();
            if (folds.Count > 0)
            {
                // The notes in the spool of what was folded must be durable before the folds are forgotten here. The second commit to end has begun after the freeze.
                await commit();
                await commit();
                await sink.WriteFoldsAsync(folds, cancellationToken);
                table.Delivered();
                events.FoldsStored(folds.Count, folds.Sum(static fold => fold.Sums.Requests));
            }

            table.Clear();
            _schedule.Reset();
            Problem = null;
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            var pause = _schedule.PauseAfterFailure(Random.Shared.NextDouble());
            _notBefore = time.GetUtcNow() + pause;
            Problem = failure.Message;
            events.FoldsNotStored(_schedule.Failures, pause, failure.Message);
        }
    }
}
