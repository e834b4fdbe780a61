namespace Tollgate.Proxy.Admission;

/// <summary>Everything that one request has reserved; taken all together by <see cref="AdmissionBook.TryAdmit"/>, given back exactly once.</summary>
/// <remarks>
/// Owner: one request, from <see cref="AdmissionBook.Rent"/> to <see cref="AdmissionBook.Return"/>. Whoever ends the request settles it (what it came
/// to) or releases it (nothing went upstream); whichever comes first counts, the other does nothing.
/// </remarks>
public sealed class AdmissionLease
{
    /// <summary>Whether something is reserved that was not yet given back.</summary>
    public bool IsOpen { get; internal set; }

    /// <summary>When it was admitted, in UTC ticks: decides its windows.</summary>
    internal long At { get; set; }

    /// <summary>What is reserved of budgets.</summary>
    internal List<BudgetHold> Budgets { get; } = new(8);

    /// <summary>What each series counts it in, in their order under the rules of <see cref="RulesVersion"/>; empty when it costs nothing.</summary>
    internal List<SpendAccount> Accounts { get; } = new(8);

    /// <summary>The rules that it was admitted by.</summary>
    internal int RulesVersion { get; set; }

    /// <summary>What is taken of limits.</summary>
    internal List<LimitHold> Limits { get; } = new(4);

    /// <summary>The least that is left of any money budget, in nano-dollars; negative: no budget.</summary>
    public long RemainingUsd { get; internal set; } = -1;

    /// <summary>The budget of which that is left; empty without one.</summary>
    public string TightestBudget { get; internal set; } = string.Empty;

    /// <summary>When that budget starts anew, in UTC ticks; <see cref="long.MaxValue"/>: never.</summary>
    public long ResetAt { get; internal set; }

    /// <summary>How much of that budget is used, in thousandths, this request's reserve included.</summary>
    public int UsedPerMille => TightestLimit == 0 || TightestUsed >= TightestLimit ? 1000 : (int)(TightestUsed * 1000 / TightestLimit);

    /// <summary>What is used of that budget, this request's reserve included.</summary>
    internal Int128 TightestUsed { get; set; }

    /// <summary>Its limit.</summary>
    internal long TightestLimit { get; set; }

    internal void Clear()
    {
        IsOpen = false;
        Budgets.Clear();
        Accounts.Clear();
        Limits.Clear();
        RemainingUsd = -1;
        TightestBudget = string.Empty;
    }

    /// <summary>A reserve of a budget.</summary>
    internal readonly record struct BudgetHold(BudgetCell Cell, int Generation, long Amount);

    /// <summary>A share of a limit.</summary>
    internal readonly record struct LimitHold(LimitRule Rule, LimitCell Cell, long Amount);
}
