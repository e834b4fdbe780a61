using System.Text.Json;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Control;

/// <summary>Something a budget did, as the history in ClickHouse has it.</summary>
/// <remarks>Units: nano-dollars; 0 for budgets in tokens, whose figures are in <see cref="Note"/>.</remarks>
public sealed record BudgetHappening
{
    /// <summary>Tells this row from every other, also when it is written again.</summary>
    public Guid Id { get; init; } = Guid.NewGuid();

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>What: one of the column's five words.</summary>
    public required BudgetHappeningKind Kind { get; init; }

    /// <summary>The budget's id.</summary>
    public required string Budget { get; init; }

    /// <summary>The budget's scope.</summary>
    public ScopeKind Scope { get; init; }

    /// <summary>Whose it is; empty for everything, <c>*</c> for a raise of a budget that each has its own of.</summary>
    public string Value { get; init; } = string.Empty;

    /// <summary>The budget's window and time zone, as configured: a reset is of these or of nothing.</summary>
    public string Window { get; init; } = string.Empty;

    /// <summary>Who was refused.</summary>
    public string Developer { get; init; } = string.Empty;

    /// <summary>The request that was refused.</summary>
    public Guid RequestId { get; init; }

    /// <summary>What was spent then; null: whoever writes the row asks.</summary>
    public long? Spent { get; init; }

    /// <summary>The limit then, raises included; null: whoever writes the row asks.</summary>
    public long? Limit { get; init; }

    /// <summary>The rest, in words.</summary>
    public string Note { get; init; } = string.Empty;

    /// <summary>The window of a budget as <see cref="Window"/> has it.</summary>
    public static string WindowOf(BudgetOptions budget)
    {
        ArgumentNullException.ThrowIfNull(budget);
        return $"{budget.Window} {budget.TimeZone}";
    }

    /// <summary>A budget's limit at a time, raises included; 0 for one in tokens.</summary>
    public static long LimitAt(BudgetOptions budget, DateTimeOffset time)
    {
        ArgumentNullException.ThrowIfNull(budget);
        var limit = (Int128)(budget.LimitUsd?.Value ?? 0);
        foreach (var raise in budget.Raises)
        {
            limit += budget.LimitUsd is not null && raise.Until > time ? raise.Usd.Value : 0;
        }

        return limit > long.MaxValue ? long.MaxValue : (long)limit;
    }

    internal string ToJson() => JsonSerializer.Serialize(this, ControlJson.Options);

    internal static BudgetHappening FromJson(string json) => JsonSerializer.Deserialize<BudgetHappening>(json, ControlJson.Options)!;
}

/// <summary>What a budget can do. The numbers are those of the column <c>kind</c>.</summary>
public enum BudgetHappeningKind
{
    /// <summary>A threshold below the limit was passed.</summary>
    Soft = 1,

    /// <summary>The limit was reached.</summary>
    Hard = 2,

    /// <summary>A request was refused.</summary>
    Blocked = 3,

    /// <summary>The window ended.</summary>
    Reset = 4,

    /// <summary>A raise was given or taken.</summary>
    Override = 5,
}
