using System.Globalization;
using Tollgate.Control;
using Tollgate.Proxy.Admission;

namespace Tollgate.Budgets;

/// <summary>Brings what budgets do from the journal to the queue in the control store, where it survives the process and is once, whoever saw it.</summary>
/// <remarks>
/// While the control store is away it waits here. A process that is killed then loses refusals; marks it finds again, because a start reads what is spent.
/// With the first event of a calendar window its reset is queued, due when the window ends: so it comes whether or not anybody spends, or this process lives, by then.
/// </remarks>
/// <param name="journal">Where it happens.</param>
/// <param name="queue">The queue.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told when the control store is away.</param>
internal sealed partial class BudgetRecorder(BudgetJournal journal, IBudgetEventQueue queue, TimeProvider time, ILogger<BudgetRecorder> logger) : BackgroundService
{
    private const int AtOnce = 200;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    // Read and not yet queued. Used by ExecuteAsync, and by StopAsync after it.
    private readonly List<BudgetNote> _batch = [];

    /// <summary>Queues everything noted so far.</summary>
    /// <exception cref="ControlUnavailableException">The control store is away; nothing is lost.</exception>
    public async Task RecordAsync(CancellationToken cancellation)
    {
        while (true)
        {
            while (_batch.Count < AtOnce && journal.Notes.TryRead(out var note))
            {
                _batch.Add(note);
            }

            if (_batch.Count == 0)
            {
                return;
            }

            await queue.AddAsync([.. _batch.SelectMany(ToQueued)], cancellation);
            _batch.Clear();
        }
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await RecordAsync(cancellationToken);
        }
        catch (ControlUnavailableException away)
        {
            LogAway(away.Message);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (await journal.Notes.WaitToReadAsync(stoppingToken))
            {
                while (!await TryRecordAsync(stoppingToken))
                {
                    await Task.Delay(Pause, time, stoppingToken);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // StopAsync queues the rest.
        }
    }

    private async Task<bool> TryRecordAsync(CancellationToken cancellation)
    {
        try
        {
            await RecordAsync(cancellation);
            return true;
        }
        catch (ControlUnavailableException away)
        {
            LogAway(away.Message);
            return false;
        }
    }

    private static IEnumerable<QueuedHappening> ToQueued(BudgetNote note)
    {
        var window = BudgetHappening.WindowOf(note.Budget);
        var which = note.IsRolling ? $"{note.At.UtcDateTime:yyyyMMdd}" : note.WindowStart is { } start ? $"{start.UtcDateTime:yyyyMMddTHHmmss}" : string.Empty;
        var kind = note.Percent == 0 ? BudgetHappeningKind.Blocked : note.Percent < 100 ? BudgetHappeningKind.Soft : BudgetHappeningKind.Hard;
        var what = note.Percent == 0 ? note.Developer : string.Create(CultureInfo.InvariantCulture, $"{note.Percent}/{note.Limit}");
        var end = note.IsRolling ? new DateTimeOffset(note.At.UtcDateTime.Date.AddDays(1), TimeSpan.Zero) : note.WindowEnd ?? DateTimeOffset.MaxValue;
        var isUsd = note.Budget.LimitUsd is not null;
        var happening = new BudgetHappening
        {
            At = note.At,
            Kind = kind,
            Budget = note.Budget.Id,
            Scope = note.Budget.Scope,
            Value = note.Value,
            Window = window,
            Developer = note.Developer,
            RequestId = note.RequestId,
            Spent = isUsd ? note.Spent : 0,
            Limit = isUsd ? note.Limit : 0,
            Note = string.Create(
                CultureInfo.InvariantCulture,
                $"{(note.Percent == 0 ? string.Empty : $"{note.Percent} % of ")}{Whose(note)}{(isUsd ? string.Empty : $": {note.Spent:N0} of {note.Limit:N0} tokens")}"),
        };
        yield return new QueuedHappening(KeyOf(kind, note, window, which, what), end, null, happening);
        if (!note.IsRolling && note.WindowEnd is { } resets)
        {
            yield return new QueuedHappening(KeyOf(BudgetHappeningKind.Reset, note, window, which, string.Empty), resets, resets, happening with
            {
                Id = Guid.NewGuid(),
                At = resets,
                Kind = BudgetHappeningKind.Reset,
                Developer = string.Empty,
                RequestId = Guid.Empty,
                Spent = 0,
                Limit = null,
                Note = Whose(note),
            });
        }
    }

    private static string Whose(BudgetNote note) => note.Value.Length == 0 ? "everything" : $"{note.Budget.Scope.ToString().ToLowerInvariant()} {note.Value}";

    // The value comes last: it may be any text.
    private static string KeyOf(BudgetHappeningKind kind, BudgetNote note, string window, string which, string what) =>
        string.Join('\n', kind.ToString(), note.Budget.Id, window, which, what, note.Value);

    [LoggerMessage(8911, LogLevel.Warning, "What budgets did waits: the control store is away. {Reason}")]
    private partial void LogAway(string reason);
}
