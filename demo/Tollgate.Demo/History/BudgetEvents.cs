using System.Globalization;
using Tollgate.ClickHouse;
using Tollgate.Demo.Team;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.Demo.History;

/// <summary>Something a budget did.</summary>
/// <param name="At">When.</param>
/// <param name="Budget">Which.</param>
/// <param name="Kind"><c>soft</c>, <c>hard</c> or <c>blocked</c>.</param>
/// <param name="Row">The attempt by which it came about.</param>
/// <param name="Spent">What had been spent in the window.</param>
internal sealed record BudgetEvent(DateTimeOffset At, DemoBudget Budget, string Kind, UsageRow Row, Nanodollars Spent);

/// <summary>What the budgets did in a history: each passing of a threshold, and each refusal that the history tells of.</summary>
/// <remarks>Of the time before there was a gateway, which writes its own from its start on.</remarks>
internal static class BudgetEvents
{
    private static readonly int[] Percentages = [50, 80, 95, 100];

    /// <summary>The events, oldest first.</summary>
    public static IReadOnlyList<BudgetEvent> Of(DemoHistory history, IReadOnlyList<DemoBudget> budgets) =>
        [.. budgets.SelectMany(budget => Of(history, budget)).OrderBy(static happened => happened.At)];

    /// <summary>Writes them to the store.</summary>
    public static Task WriteAsync(StoreClient store, IReadOnlyList<BudgetEvent> events, CancellationToken cancellationToken)
    {
        var values = events.Select(static happened => string.Create(
            CultureInfo.InvariantCulture,
            $"('{happened.At.UtcDateTime:yyyy-MM-dd HH:mm:ss.fff}', '{DemoTeam.Customer}', '{happened.Budget.Id}', '{happened.Kind}', '{happened.Row.Developer}', '{happened.Row.RequestId}', {happened.Spent.ToDollars()}, {happened.Budget.Limit.ToDollars()})"));
        return events.Count == 0
            ? Task.CompletedTask
            : store.ExecuteAsync(
                "INSERT INTO tollgate.budget_events (ts, customer, budget_id, kind, developer, request_id, spent, limit_usd) VALUES " + string.Join(", ", values),
                cancellationToken: cancellationToken);
    }

    private static IEnumerable<BudgetEvent> Of(DemoHistory history, DemoBudget budget)
    {
        foreach (var rows in history.Rows.Where(row => IsCounted(budget, row)).GroupBy(row => ValueOf(budget.Scope, row)))
        {
            var window = new Queue<UsageRow>();
            long spent = 0;
            var passed = 0;
            foreach (var row in rows)
            {
                window.Enqueue(row);
                spent += row.Cost.Total.Value;
                while (window.Peek().Timestamp <= row.Timestamp - budget.Window)
                {
                    spent -= window.Dequeue().Cost.Total.Value;
                }

                var level = Percentages.Count(percentage => spent >= budget.Limit.Value / 100 * percentage);
                if (row.Outcome == ForwardOutcome.Refused && budget.Scope == ScopeKind.Session)
                {
                    yield return new BudgetEvent(row.Timestamp, budget, "blocked", row, new Nanodollars(spent));
                }
                else if (level > passed)
                {
                    yield return new BudgetEvent(row.Timestamp, budget, level == Percentages.Length ? "hard" : "soft", row, new Nanodollars(spent));
                }

                passed = level;
            }
        }
    }

    private static bool IsCounted(DemoBudget budget, UsageRow row) => budget.Value.Length == 0 || budget.Value == "*" || budget.Value == ValueOf(budget.Scope, row);

    private static string ValueOf(ScopeKind scope, UsageRow row) => scope switch
    {
        ScopeKind.Team => row.Team,
        ScopeKind.Project => row.Project,
        ScopeKind.Developer => row.Developer,
        ScopeKind.Session => row.SessionId,
        _ => string.Empty,
    };
}
