using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Admin.Resources;

/// <summary>A budget at this moment. Amounts are in dollars, or in tokens, as the budget counts; the others are null.</summary>
internal sealed record BudgetStateView
{
    /// <summary>The budget.</summary>
    public required string Id { get; init; }

    /// <summary>Whose spend is added up.</summary>
    public required ScopeKind Scope { get; init; }

    /// <summary>Which one.</summary>
    public required string Value { get; init; }

    /// <summary>What holds the limit.</summary>
    public required BudgetMode Mode { get; init; }

    /// <summary>The time it is for.</summary>
    public required string Window { get; init; }

    /// <summary>Settled in this window.</summary>
    public Nanodollars? SpentUsd { get; init; }

    /// <summary>Reserved by requests under way.</summary>
    public Nanodollars? HeldUsd { get; init; }

    /// <summary>The limit with the raises in force.</summary>
    public Nanodollars? LimitUsd { get; init; }

    /// <summary>Settled in this window.</summary>
    public long? SpentTokens { get; init; }

    /// <summary>Reserved by requests under way.</summary>
    public long? HeldTokens { get; init; }

    /// <summary>The limit with the raises in force.</summary>
    public long? LimitTokens { get; init; }

    /// <summary>When the window began.</summary>
    public DateTimeOffset? WindowStart { get; init; }

    /// <summary>When it starts anew; of a rolling one, when its oldest spend leaves it.</summary>
    public DateTimeOffset? ResetsAt { get; init; }

    /// <summary>Whether what was spent before this gateway counted is in it.</summary>
    public required bool IsKnown { get; init; }

    /// <summary>Brings a state to it.</summary>
    public static BudgetStateView Of(BudgetState state) => new()
    {
        Id = state.Budget.Id,
        Scope = state.Budget.Scope,
        Value = state.Value,
        Mode = state.Budget.Mode,
        Window = state.Budget.Window,
        SpentUsd = state.IsUsd ? new Nanodollars(state.Spent) : null,
        HeldUsd = state.IsUsd ? new Nanodollars(state.Held) : null,
        LimitUsd = state.IsUsd ? new Nanodollars(state.Limit) : null,
        SpentTokens = state.IsUsd ? null : state.Spent,
        HeldTokens = state.IsUsd ? null : state.Held,
        LimitTokens = state.IsUsd ? null : state.Limit,
        WindowStart = state.WindowStart,
        ResetsAt = state.WindowEnd,
        IsKnown = state.IsKnown,
    };

    /// <summary>What a budget has that has counted nothing yet.</summary>
    public static BudgetState Untouched(BudgetOptions budget, string value) =>
        new(budget, value, 0, 0, budget.LimitUsd?.Value ?? budget.LimitTokens ?? 0, null, null, IsKnown: false);
}

/// <summary>A rate limit at this moment.</summary>
internal sealed record LimitStateView
{
    /// <summary>The limit.</summary>
    public required string Id { get; init; }

    /// <summary>Whose requests are counted.</summary>
    public required ScopeKind Scope { get; init; }

    /// <summary>Which one.</summary>
    public required string Value { get; init; }

    /// <summary>What is counted.</summary>
    public required LimitMetric Metric { get; init; }

    /// <summary>How many per <c>per</c>.</summary>
    public required long Limit { get; init; }

    /// <summary>The time that it is for.</summary>
    public required TimeSpan Per { get; init; }

    /// <summary>Taken and not yet given back by time.</summary>
    public required long Used { get; init; }

    /// <summary>Brings a state to it.</summary>
    public static LimitStateView Of(LimitState state) => new()
    {
        Id = state.Limit.Id,
        Scope = state.Limit.Scope,
        Value = state.Value,
        Metric = state.Limit.Metric,
        Limit = state.Limit.Limit,
        Per = state.Limit.Per,
        Used = state.Used,
    };
}
