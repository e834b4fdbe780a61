using Tollgate.Proxy.Configuration;

namespace Tollgate.Proxy.Admission;

/// <summary>What is spent and held now, for people: the admin API, metrics, warnings.</summary>
public interface IAdmissionStates
{
    /// <summary>Every budget that counts something, one entry for each value of a budget for each.</summary>
    IReadOnlyList<BudgetState> Budgets();

    /// <summary>Every rate limit that has counted something, one entry for each value.</summary>
    IReadOnlyList<LimitState> Limits();
}

/// <summary>One budget at one moment.</summary>
/// <remarks>Units: nano-dollars when <see cref="IsUsd"/>, else tokens.</remarks>
/// <param name="Budget">As configured.</param>
/// <param name="Value">Whose it is: the value that the scope has; empty for everything.</param>
/// <param name="Spent">Settled in this window.</param>
/// <param name="Held">Reserved by requests under way.</param>
/// <param name="Limit">With the raises that are in force.</param>
/// <param name="WindowStart">When the window began; null for one that lasts for ever.</param>
/// <param name="WindowEnd">When it starts anew; null for one that lasts for ever. For a rolling one: when the oldest spend leaves it.</param>
/// <param name="IsKnown">Whether what was spent before this gateway counted has been read from the ledger.</param>
public sealed record BudgetState(
    BudgetOptions Budget, string Value, long Spent, long Held, long Limit, DateTimeOffset? WindowStart, DateTimeOffset? WindowEnd, bool IsKnown)
{
    /// <summary>Whether amounts are money.</summary>
    public bool IsUsd => Budget.LimitUsd is not null;
}

/// <summary>One rate limit at one moment.</summary>
/// <param name="Limit">As configured.</param>
/// <param name="Value">Whose it is; empty for everything.</param>
/// <param name="Used">Taken and not yet given back by time; for limits of what is under way, how many are.</param>
public sealed record LimitState(LimitOptions Limit, string Value, long Used);
