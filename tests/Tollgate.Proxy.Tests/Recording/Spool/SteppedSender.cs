using System.Collections.Concurrent;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording.Spool;

/// <summary>Where a sender stands still until the test lets it go on.</summary>
/// <param name="What">For a failed schedule's report.</param>
internal abstract record Stop(string What)
{
    /// <summary>It wants a commit.</summary>
    public sealed record Commit(TaskCompletionSource Done) : Stop("commit");

    /// <summary>It wants everything before a place to be durable.</summary>
    public sealed record Durable(SpoolPosition Position, TaskCompletionSource Done) : Stop($"durable {Position}");

    /// <summary>It sends a batch.</summary>
    public sealed record Write(SentBatch Batch, TaskCompletionSource Done) : Stop($"write {Batch.Token}");

    /// <summary>It wants inserts ended.</summary>
    public sealed record Abandon(TaskCompletionSource Done) : Stop("abandon");

    /// <summary>It asks which rows are stored.</summary>
    public sealed record Find(ulong First, ulong Last, TaskCompletionSource<IReadOnlyList<StoredRow>> Done) : Stop($"find {First}-{Last}");

    /// <summary>It registers.</summary>
    public sealed record Register(ulong First, TaskCompletionSource Done) : Stop($"register {First}");

    /// <summary>It pauses.</summary>
    public sealed record Delay(Action Fire) : Stop("delay");
}

/// <summary>A batch's bytes at the moment it was sent.</summary>
internal sealed record SentBatch(string Token, IReadOnlyList<byte[]> Rows);

/// <summary>Everything around a sender that it waits for: each wait is handed to the test, which ends it, so that no two things ever happen at once.</summary>
internal sealed class SteppedSender : TimeProvider, IUsageSink, ISpoolCommitter
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly BlockingCollection<Stop> _stops = [];
    private readonly DateTimeOffset _now;

    public SteppedSender(DateTimeOffset now) => _now = now;

    /// <summary>The sender says before it is true that a place is durable.</summary>
    public bool IsHasty { get; init; }

    public override DateTimeOffset GetUtcNow() => _now;

    /// <summary>Where the sender stands next, once it does.</summary>
    public Stop Next() => _stops.TryTake(out var stop, Patience) ? stop : throw new InvalidOperationException("The sender neither waits nor ends.");

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        _stops.Add(new Stop.Delay(() => callback(state)));
        return new NoTimer();
    }

    public Task CommitAsync(CancellationToken cancellationToken)
    {
        var done = NewSource();
        _stops.Add(new Stop.Commit(done), CancellationToken.None);
        return done.Task;
    }

    public ValueTask MakeDurableAsync(SpoolPosition position, CancellationToken cancellationToken)
    {
        if (IsHasty)
        {
            return ValueTask.CompletedTask;
        }

        var done = NewSource();
        _stops.Add(new Stop.Durable(position, done), CancellationToken.None);
        return new ValueTask(done.Task);
    }

    public Task WriteFoldsAsync(IReadOnlyList<Fold> folds, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task WriteAsync(UsageBatch batch, CancellationToken cancellationToken)
    {
        var done = NewSource();
        var rows = Enumerable.Range(0, batch.Count).Select(index => batch.Row(index).ToArray()).ToArray();
        Assert.Equal(batch.Bytes.ToArray(), rows.SelectMany(static row => row));
        _stops.Add(new Stop.Write(new SentBatch(batch.Token, rows), done), CancellationToken.None);
        return done.Task;
    }

    public Task AbandonAsync(CancellationToken cancellationToken)
    {
        var done = NewSource();
        _stops.Add(new Stop.Abandon(done), CancellationToken.None);
        return done.Task;
    }

    public Task<IReadOnlyList<StoredRow>> FindAsync(ulong first, ulong last, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<IReadOnlyList<StoredRow>>();
        _stops.Add(new Stop.Find(first, last, done), CancellationToken.None);
        return done.Task;
    }

    public Task RegisterAsync(ulong firstSequence, CancellationToken cancellationToken)
    {
        var done = NewSource();
        _stops.Add(new Stop.Register(firstSequence, done), CancellationToken.None);
        return done.Task;
    }

    // Not asynchronous: the sender goes on within the call that ends its wait, which saves two changes of thread at each step.
    private static TaskCompletionSource NewSource() => new();

    private sealed class NoTimer : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
