using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Admission;

/// <summary>Shows budgets as gauges, read at each scrape.</summary>
/// <remarks>Bounds: <see cref="MaxBudgets"/> budgets; where each developer or session has its own, those that spent the most.</remarks>
public static class AdmissionGauges
{
    /// <summary>Budgets shown; of those for each value, that many in all.</summary>
    public const int MaxBudgets = 1_000;

    private static readonly MetricDefinition[] Gauges =
    [
        MetricCatalog.BudgetLimit, MetricCatalog.BudgetSpent, MetricCatalog.BudgetHeld,
        MetricCatalog.BudgetLimitTokens, MetricCatalog.BudgetSpentTokens, MetricCatalog.BudgetHeldTokens,
        MetricCatalog.BudgetReset,
    ];

    /// <summary>Has the gauges read.</summary>
    public static void Publish(IAdmissionStates states, GatewayMetrics metrics) => metrics.Observe(Gauges, () => Read(states));

    /// <summary>The budget's name in metrics: its id, and the value behind it when each value has its own.</summary>
    public static string NameOf(BudgetState state) => state.Budget.Value == "*" ? $"{state.Budget.Id}/{state.Value}" : state.Budget.Id;

    private static IEnumerable<(string[] Labels, double[] Values)> Read(IAdmissionStates states) =>
        states.Budgets().OrderByDescending(static state => state.Budget.Value != "*").ThenByDescending(static state => state.Spent).Take(MaxBudgets).Select(static state =>
        {
            string[] labels = [state.Budget.Scope.ToString().ToLowerInvariant(), NameOf(state), state.Budget.Window];
            var (usd, tokens) = state.IsUsd ? (1e-9, double.NaN) : (double.NaN, 1);
            return (labels, new[]
            {
                state.Limit * usd, state.Spent * usd, state.Held * usd,
                state.Limit * tokens, state.Spent * tokens, state.Held * tokens,
                state.WindowEnd?.ToUnixTimeSeconds() ?? 0,
            });
        });
}
