using System.Diagnostics.CodeAnalysis;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Admission;

/// <summary>What is spent by every value of one scope in windows of one kind. Budgets with the same scope and window share it.</summary>
/// <remarks>
/// Counts every request from its <see cref="Cut"/> on, whether or not a budget is for its value yet; what came before is read from the ledger.
/// So a budget that is added later, or whose limit changes, finds the whole past, and never starts anew.
/// Touched under the gate of its <see cref="AdmissionBook"/>, but for <see cref="WhenKnown"/>.
/// </remarks>
internal sealed class SpendSeries(SeriesKey key, BudgetWindow window, long cut)
{
    private readonly Dictionary<string, SpendAccount> _accounts = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _known = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What it adds up.</summary>
    public SeriesKey Key { get; } = key;

    /// <summary>When its windows begin and end.</summary>
    public BudgetWindow Window { get; } = window;

    /// <summary>The ledger's place from which it counts by itself: rows before it are read.</summary>
    public long Cut { get; } = cut;

    /// <summary>The budgets that are for values of it.</summary>
    public BudgetRule[] Rules { get; set; } = [];

    /// <summary>Whether what came before <see cref="Cut"/> has been read.</summary>
    public bool IsKnown => _known.Task.IsCompleted;

    /// <summary>Completes once <see cref="IsKnown"/>.</summary>
    public Task WhenKnown => _known.Task;

    /// <summary>Every account.</summary>
    public IEnumerable<SpendAccount> Accounts => _accounts.Values;

    /// <summary>The account of a value; made when it is the first time.</summary>
    public SpendAccount AccountOf_NeedsGate(string value, out bool isNew)
    {
        isNew = !_accounts.TryGetValue(value, out var account);
        if (account is null)
        {
            account = new SpendAccount(this, value);
            _accounts.Add(value, account);
        }

        return account;
    }

    /// <summary>The account of a value, if there is one.</summary>
    public bool TryFind_NeedsGate(string value, [NotNullWhen(true)] out SpendAccount? account) => _accounts.TryGetValue(value, out account);

    /// <summary>Nothing of the past is missing any more.</summary>
    public void SetKnown() => _known.TrySetResult();

    /// <summary>Lets go of accounts of which nothing is spent or held: a new one would read the same.</summary>
    public void Sweep_NeedsGate(long now)
    {
        foreach (var (value, account) in _accounts)
        {
            account.Roll_NeedsGate(now);
            if (account.Usd == 0 && account.Tokens == 0
                && Array.TrueForAll(account.Cells, static cell => cell.Held == 0 && cell.Warned == 0 && cell.Rule.Options.Value == "*"))
            {
                account.IsGone = true;
                _accounts.Remove(value);
            }
        }
    }
}

/// <summary>What a series adds up.</summary>
/// <param name="Scope">The scope.</param>
/// <param name="Window">The window, as configured.</param>
/// <param name="TimeZone">Where its days begin.</param>
public readonly record struct SeriesKey(ScopeKind Scope, string Window, string TimeZone);
