using Tollgate.Proxy.Recording.Folds;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>Whoever commits the spool, as those see it who wait for that.</summary>
internal interface ISpoolCommitter
{
    /// <summary>Returns once a commit has ended that was under way or came after the call.</summary>
    Task CommitAsync(CancellationToken cancellationToken);

    /// <summary>Returns once everything before <paramref name="position"/> is durable.</summary>
    ValueTask MakeDurableAsync(SpoolPosition position, CancellationToken cancellationToken);
}

/// <summary>The thread that makes the spool, and the folds beside it, durable: at an interval, and when somebody waits for it.</summary>
/// <remarks>A thread of its own, because fsync blocks for as long as the disk likes, and a blocked pool thread would be a request's.</remarks>
internal sealed class SpoolCommitter : ISpoolCommitter, IDisposable
{
    private readonly UsageSpool _spool;
    private readonly FoldTable? _folds;
    private readonly SemaphoreSlim _wanted = new(0, 1);
    private readonly ITimer _timer;
    private readonly Thread _thread;
    private volatile bool _isStopping;

    /// <summary>Starts it.</summary>
    /// <param name="spool">What to commit.</param>
    /// <param name="interval">Longest time between a write and its sync; zero for no syncs but those asked for.</param>
    /// <param name="time">The clock.</param>
    /// <param name="folds">Committed after the spool each time; null without any.</param>
    public SpoolCommitter(UsageSpool spool, TimeSpan interval, TimeProvider time, FoldTable? folds = null)
    {
        _spool = spool;
        _folds = folds;

        // With an interval of zero everybody who needs durability asks for it; rows that nobody waits for are still synced once a second.
        var period = interval > TimeSpan.Zero ? interval : TimeSpan.FromSeconds(1);
        _timer = time.CreateTimer(static self => ((SpoolCommitter)self!).Want(), this, period, period);
        _thread = new Thread(Run) { IsBackground = true, Name = "tollgate spool commit" };
        _thread.Start();
    }

    /// <summary>Asks for a commit now; requests that come while one runs share the next.</summary>
    public void Want()
    {
        try
        {
            _wanted.Release();
        }
        catch (SemaphoreFullException)
        {
            // Somebody has asked already.
        }
    }

    /// <inheritdoc/>
    public Task CommitAsync(CancellationToken cancellationToken)
    {
        // The task first: a commit that ends between the two would be missed, and the next one may be an interval away.
        var committed = _spool.WhenCommittedAsync(cancellationToken);
        Want();
        return committed;
    }

    /// <inheritdoc/>
    public ValueTask MakeDurableAsync(SpoolPosition position, CancellationToken cancellationToken)
    {
        Want();
        return _spool.WhenDurableAsync(position, cancellationToken);
    }

    /// <summary>Commits once more and ends the thread.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        _isStopping = true;
        Want();
        _thread.Join();
        _wanted.Dispose();
    }

    private void Run()
    {
        bool isLast;
        do
        {
            _wanted.Wait();
            isLast = _isStopping;
            _spool.Commit();
            _folds?.Commit();
        }
        while (!isLast);
    }
}
