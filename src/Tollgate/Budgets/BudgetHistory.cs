using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Tollgate.ClickHouse;
using Tollgate.Control;
using Tollgate.Hosting;
using Tollgate.Proxy.Admission;

namespace Tollgate.Budgets;

/// <summary>Writes what budgets did from the queue to <c>tollgate.budget_events</c>, each once; what the store has not confirmed stays in the queue.</summary>
/// <remarks>
/// Each event is counted as tried, durably, before it is sent. One that was tried before is asked for first, when every insert that may still be under way has ended.
/// </remarks>
internal sealed partial class BudgetHistory : BackgroundService
{
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    // Well within the lease: whoever takes over then is alone.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    // Past the end of its window nothing is added to it any more, but for clocks that differ.
    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromDays(2);

    private readonly IBudgetEventQueue _queue;
    private readonly BudgetEventsTable _table;
    private readonly IControlStore _control;
    private readonly IAdmissionStates _states;
    private readonly TimeProvider _time;
    private readonly ILogger<BudgetHistory> _logger;
    private readonly QueueLoop _loop;

    /// <summary>Joins them; from here on the queue wakes this one.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="table">The table.</param>
    /// <param name="control">Whose budgets are whose, and which are still there.</param>
    /// <param name="states">What is spent, for raises.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told of what waits.</param>
    public BudgetHistory(IBudgetEventQueue queue, BudgetEventsTable table, IControlStore control, IAdmissionStates states, TimeProvider time, ILogger<BudgetHistory> logger)
    {
        (_queue, _table, _control, _states, _time, _logger) = (queue, table, control, states, time, logger);
        _loop = new QueueLoop(time);
        queue.Added = _loop.Ring;
    }

    /// <summary>Writes what is due now.</summary>
    public async Task WriteDueAsync(CancellationToken cancellation)
    {
        var taken = await _queue.TakeDueAsync(BudgetEventsTable.MostRows, Lease, cancellation);
        if (taken.Count == 0)
        {
            return;
        }

        var failure = await TryWriteAsync(taken, cancellation);
        if (failure is null)
        {
            await _queue.MarkDoneAsync(taken, cancellation);
            return;
        }

        var pause = TimeSpan.FromTicks(Math.Min(LongestPause.Ticks, FirstPause.Ticks << Math.Min(taken.Max(static one => one.Attempts), 10)));
        await _queue.PostponeAsync(taken, failure, _time.GetUtcNow() + pause, cancellation);
        LogWaits(taken.Count, failure);
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => _loop.RunAsync(
        new QueueWork(_queue.NextDueAsync, WriteDueAsync, _queue.ForgetAsync, ForgottenAfter, away => LogAway(away.Message)), stoppingToken);

    /// <summary>Has the store hold them all. Returns why it may not.</summary>
    private async Task<string?> TryWriteAsync(IReadOnlyList<TakenHappening> taken, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(Patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        try
        {
            Guid[] tried = [.. taken.Where(static one => one.Attempts > 1).Select(static one => one.Happening.Id)];
            var there = tried.Length == 0 ? [] : await _table.FindAsync(tried, either.Token);
            var missing = taken.Where(one => !there.Contains(one.Happening.Id)).ToList();
            BudgetEventRow[] rows = [.. missing.Select(one => ToRow(one.Happening)).OfType<BudgetEventRow>()];
            if (rows.Length > 0)
            {
                await _table.InsertAsync(rows, TokenOf(missing), either.Token);
            }

            return null;
        }
        catch (StoreException failure)
        {
            return failure.Message;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return $"The store did not answer within {Patience.TotalSeconds:0} s.";
        }
    }

    /// <summary>The row; null when it is not to be written: a reset of a budget that is gone, or has other windows by now.</summary>
    private BudgetEventRow? ToRow(BudgetHappening happening)
    {
        var data = _control.LastRead;
        var limit = happening.Limit;
        if (happening.Kind == BudgetHappeningKind.Reset)
        {
            if (data?.Budgets.FirstOrDefault(budget => budget.Id == happening.Budget && BudgetHappening.WindowOf(budget) == happening.Window) is not { } budget)
            {
                return null;
            }

            limit = BudgetHappening.LimitAt(budget, happening.At);
        }

        return new BudgetEventRow(
            happening.At,
            data is null ? string.Empty : BudgetCustomer.Of(data, happening.Scope, happening.Value),
            happening.Budget,
            (byte)happening.Kind,
            happening.Developer,
            happening.RequestId,
            happening.Spent ?? SpentOf(happening),
            limit ?? 0,
            happening.Note,
            happening.Id);
    }

    // A raise of a budget that each has its own of has no one spend.
    private long SpentOf(BudgetHappening happening) =>
        happening.Value != "*" && _states.Budgets().FirstOrDefault(state => state.Budget.Id == happening.Budget) is { IsUsd: true } state ? state.Spent : 0;

    // By the attempts too: a token that the store has seen must not be used again, see docs/decisions/0014-ask-before-sending-again.md.
    private static string TokenOf(List<TakenHappening> sent) => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(
        string.Join(' ', sent.Select(static one => string.Create(CultureInfo.InvariantCulture, $"{one.Happening.Id}/{one.Attempts}"))))));

    [LoggerMessage(8912, LogLevel.Warning, "{Count} budget events wait for the store. {Reason}")]
    private partial void LogWaits(int count, string reason);

    [LoggerMessage(8913, LogLevel.Warning, "Budget events wait: the control store is away. {Reason}")]
    private partial void LogAway(string reason);
}
