using Tollgate.Proxy.Admission;

namespace Tollgate.Admin;

/// <summary>Stands where nothing is counted: no budget and no limit has a state.</summary>
internal sealed class NoAdmissionStates : IAdmissionStates
{
    /// <inheritdoc/>
    public IReadOnlyList<BudgetState> Budgets() => [];

    /// <inheritdoc/>
    public IReadOnlyList<LimitState> Limits() => [];
}
