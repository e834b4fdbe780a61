namespace Tollgate.Control;

/// <summary>What budgets did, on its way to the history in ClickHouse, and the memory of what is there. Several processes may add to it and take from it.</summary>
public interface IBudgetEventQueue
{
    /// <summary>Called after something was added by this process; must return at once.</summary>
    Action? Added { get; set; }

    /// <summary>Adds what was not added before, by whichever process.</summary>
    /// <returns>How many were new.</returns>
    Task<int> AddAsync(IReadOnlyList<QueuedHappening> happenings, CancellationToken cancellation);

    /// <summary>When the next is due; null when none waits. Takes nothing and locks nothing.</summary>
    Task<DateTimeOffset?> NextDueAsync(CancellationToken cancellation);

    /// <summary>Takes what is due, oldest first. Nobody else is given the same until <paramref name="lease"/> has passed.</summary>
    /// <param name="limit">Most to take, 1 to 1000.</param>
    /// <param name="lease">Longer than one attempt can last.</param>
    /// <param name="cancellation">Gives up.</param>
    Task<IReadOnlyList<TakenHappening>> TakeDueAsync(int limit, TimeSpan lease, CancellationToken cancellation);

    /// <summary>Says that the store has them, or that they are not to be written. They are remembered until their windows are over.</summary>
    Task MarkDoneAsync(IReadOnlyList<TakenHappening> taken, CancellationToken cancellation);

    /// <summary>Says that they could not be written, and when to try again.</summary>
    Task PostponeAsync(IReadOnlyList<TakenHappening> taken, string reason, DateTimeOffset nextAttempt, CancellationToken cancellation);

    /// <summary>Forgets what is done and belongs to windows that ended before <paramref name="before"/>. Returns how many.</summary>
    Task<int> ForgetAsync(DateTimeOffset before, CancellationToken cancellation);
}

/// <summary>Something to add.</summary>
/// <param name="Key">What makes it the same as another.</param>
/// <param name="WindowEnd">Until when another may be the same; <see cref="DateTimeOffset.MaxValue"/>: for ever.</param>
/// <param name="Due">When to write it; null: at once.</param>
/// <param name="Happening">What is written.</param>
public sealed record QueuedHappening(string Key, DateTimeOffset WindowEnd, DateTimeOffset? Due, BudgetHappening Happening);

/// <summary>Something taken.</summary>
/// <param name="Id">Its number in the queue.</param>
/// <param name="Attempts">How often it was taken, this time included.</param>
/// <param name="Happening">What is written.</param>
public sealed record TakenHappening(long Id, int Attempts, BudgetHappening Happening);
