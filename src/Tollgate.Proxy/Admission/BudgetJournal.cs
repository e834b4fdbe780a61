using System.Threading.Channels;

namespace Tollgate.Proxy.Admission;

/// <summary>What budgets do, as it happens, on its way to whoever keeps their history.</summary>
/// <remarks>
/// Never waits and never refuses: what is noted here are marks that spend passes, a few for each budget, window and limit, and refusals, of which only so many
/// are noted that a client which tries for ever makes few (<see cref="RefusalFilter"/>). Whoever reads it forgets what it has seen before.
/// Safe for use by several threads.
/// </remarks>
public sealed class BudgetJournal
{
    private readonly Channel<BudgetNote> _notes = Channel.CreateUnbounded<BudgetNote>(new UnboundedChannelOptions { SingleReader = true });
    private readonly RefusalFilter _refusals = new();

    /// <summary>What was noted, oldest first; for one reader.</summary>
    public ChannelReader<BudgetNote> Notes => _notes.Reader;

    /// <summary>A budget's spend passed a mark.</summary>
    internal void Passed(BudgetState state, int percent, long now) =>
        _notes.Writer.TryWrite(new BudgetNote(new DateTimeOffset(now, TimeSpan.Zero), state.Budget, state.Value, state.Spent, state.Limit, state.WindowStart, state.WindowEnd) { Percent = percent });

    /// <summary>A request was refused because of a budget.</summary>
    internal void Refused(in AdmissionVerdict verdict, string developer, Guid requestId, DateTimeOffset at)
    {
        var budget = verdict.Budget!;
        var window = BudgetNote.IsRollingWindow(budget) ? at.UtcTicks / TimeSpan.TicksPerDay : verdict.WindowStart;
        if (!_refusals.IsNew(budget.Id, verdict.Value!, window, developer, at))
        {
            return;
        }

        var isForEver = verdict.WindowEnd == long.MaxValue;
        _notes.Writer.TryWrite(new BudgetNote(
            at,
            budget,
            verdict.Value!,
            verdict.Spent,
            verdict.Most,
            isForEver ? null : new DateTimeOffset(verdict.WindowStart, TimeSpan.Zero),
            isForEver ? null : new DateTimeOffset(verdict.WindowEnd, TimeSpan.Zero))
        {
            Developer = developer,
            RequestId = requestId,
        });
    }
}

/// <summary>Something that a budget did.</summary>
/// <remarks>Units: nano-dollars when the budget is in money, else tokens.</remarks>
/// <param name="At">When.</param>
/// <param name="Budget">Which, as configured then.</param>
/// <param name="Value">Whose it is; empty for everything.</param>
/// <param name="Spent">Settled in the window.</param>
/// <param name="Limit">With the raises that were in force.</param>
/// <param name="WindowStart">When the window began; null for one that lasts for ever.</param>
/// <param name="WindowEnd">When it ends, see <see cref="BudgetState.WindowEnd"/>.</param>
public sealed record BudgetNote(
    DateTimeOffset At, Configuration.BudgetOptions Budget, string Value, long Spent, long Limit, DateTimeOffset? WindowStart, DateTimeOffset? WindowEnd)
{
    /// <summary>The mark that was passed, in percent of the limit; 0: a request was refused.</summary>
    public int Percent { get; init; }

    /// <summary>Who was refused.</summary>
    public string Developer { get; init; } = string.Empty;

    /// <summary>The request that was refused.</summary>
    public Guid RequestId { get; init; }

    /// <summary>Whether the window is counted back from now, so that it has no end: its days are told apart instead.</summary>
    public bool IsRolling => IsRollingWindow(Budget);

    internal static bool IsRollingWindow(Configuration.BudgetOptions budget) => char.IsAsciiDigit(budget.Window[0]);
}
