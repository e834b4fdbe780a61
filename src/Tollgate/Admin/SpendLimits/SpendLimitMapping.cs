using System.Globalization;
using Tollgate.Control;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Admin.SpendLimits;

/// <summary>Budgets as Anthropic's caps, and back.</summary>
/// <remarks>
/// Units: a cap is in whole cents, spend in cents with decimals; a budget is in nano-dollars, 10,000,000 of which are a cent.
/// Shape: a budget is a cap when it counts dollars for everything, a team or a developer, by the day, week or month in UTC; its id is the cap's without
/// <c>spl_</c>. A cap without an amount is a budget that only watches, with the largest limit.
/// </remarks>
internal static class SpendLimitMapping
{
    /// <summary>What a cap's id begins with.</summary>
    public const string Prefix = "spl_";

    private const long NanodollarsPerCent = Nanodollars.PerDollar / 100;

    private static readonly Nanodollars Unlimited = Nanodollars.FromDollars(1_000_000_000);

    /// <summary>Whether a budget can be shown as a cap.</summary>
    public static bool IsSpendLimit(BudgetOptions budget) =>
        budget.LimitUsd is { } limit && limit.Value % NanodollarsPerCent == 0
        && budget.Scope is ScopeKind.Everything or ScopeKind.Team or ScopeKind.Developer
        && PeriodOf(budget.Window) is not null && budget.TimeZone is "UTC";

    /// <summary>A budget as a cap.</summary>
    public static SpendLimitView View(Stored<BudgetOptions> stored) => new(
        Prefix + stored.Value.Id, "spend_limit", ScopeOf(stored.Value), AmountOf(stored.Value), "USD", PeriodOf(stored.Value.Window)!, IsEnabled: true, stored.ChangedAt, stored.ChangedAt);

    /// <summary>A cap as a budget; <paramref name="current"/> is what it replaces, if anything.</summary>
    public static BudgetOptions Budget(SpendLimitBody body, string id, BudgetOptions? current)
    {
        var (scope, value) = ScopeOf(body.Scope);
        return (current ?? new BudgetOptions()) with
        {
            Id = id,
            Scope = scope,
            Value = value,
            Window = WindowOf(body.Period),
            LimitUsd = body.Amount is null ? Unlimited : new Nanodollars(long.Parse(body.Amount, NumberStyles.None, CultureInfo.InvariantCulture) * NanodollarsPerCent),
            LimitTokens = null,
            Mode = body.Amount is null ? BudgetMode.Watch : current is null or { Mode: BudgetMode.Watch } ? BudgetMode.Expected : current.Mode,
        };
    }

    /// <summary>What a cap's scope is of a budget's.</summary>
    public static (ScopeKind Scope, string Value) ScopeOf(SpendLimitScopeBody scope) => scope.Type switch
    {
        "organization" => (ScopeKind.Everything, string.Empty),
        "rbac_group" => (ScopeKind.Team, scope.RbacGroupId),
        _ => (ScopeKind.Developer, scope.UserId),
    };

    /// <summary>A budget's scope as a cap's.</summary>
    public static SpendLimitScope ScopeOf(BudgetOptions budget) => budget.Scope switch
    {
        ScopeKind.Everything => new SpendLimitScope("organization"),
        ScopeKind.Team => new SpendLimitScope("rbac_group") { RbacGroupId = budget.Value },
        _ => new SpendLimitScope("user") { UserId = budget.Value },
    };

    /// <summary>The amount in cents; null for unlimited.</summary>
    public static string? AmountOf(BudgetOptions budget) =>
        budget.Mode == BudgetMode.Watch && budget.LimitUsd == Unlimited ? null : (budget.LimitUsd!.Value.Value / NanodollarsPerCent).ToString(CultureInfo.InvariantCulture);

    /// <summary>An amount in cents, with what decimals it has.</summary>
    public static string Cents(long nanodollars) => ((decimal)nanodollars / NanodollarsPerCent).ToString("0.#######", CultureInfo.InvariantCulture);

    /// <summary>A period as a budget's window.</summary>
    public static string WindowOf(string period) => period switch { "daily" => "day", "weekly" => "week", _ => "month" };

    /// <summary>A budget's window as a period; null when there is none.</summary>
    public static string? PeriodOf(string window) => window switch { "day" => "daily", "week" => "weekly", "month" => "monthly", _ => null };
}
