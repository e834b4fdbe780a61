using Tollgate.Demo.Team;
using Tollgate.Proxy.Facts;

namespace Tollgate.Demo.History;

/// <summary>A budget of the simulated team.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Scope">Whose spend it counts.</param>
/// <param name="Value">Which one; <c>*</c> gives each its own.</param>
/// <param name="Window">Its rolling window.</param>
/// <param name="Limit">What may be spent in it.</param>
/// <param name="Mode"><c>expected</c> refuses, <c>watch</c> only counts.</param>
internal sealed record DemoBudget(string Id, ScopeKind Scope, string Value, TimeSpan Window, Nanodollars Limit, string Mode);

/// <summary>Budgets that show each state there is, whenever the demo runs: limits follow from what the history has spent, windows are rolling.</summary>
internal static class DemoBudgets
{
    /// <summary>What a session may cost in a day: where the live session that runs away is stopped.</summary>
    public static readonly Nanodollars PerSession = Nanodollars.FromDollars(12);

    private static readonly Nanodollars PerDeveloper = Nanodollars.FromDollars(25);

    /// <summary>The budgets of a history: one far from its limit, one above 80 %, one spent, and two that each developer and session has.</summary>
    public static IReadOnlyList<DemoBudget> Of(DemoHistory history)
    {
        var month = TimeSpan.FromDays(30);
        var week = TimeSpan.FromDays(7);
        var everything = history.Rows.Sum(static row => row.Cost.Total.Value);
        var payments = Spent(history, month, static row => row.Team == "payments");
        var spent = Spent(history, week, static row => row.Project == DemoTeam.SpentProject);
        return
        [
            new("everything", ScopeKind.Everything, string.Empty, month, Dollars(everything * 2), "watch"),
            new("payments", ScopeKind.Team, "payments", month, Dollars(payments / 82 * 100), "expected"),
            new("design-system", ScopeKind.Project, DemoTeam.SpentProject, week, Dollars(spent / 100 * 90), "expected"),
            new("per-developer", ScopeKind.Developer, "*", TimeSpan.FromDays(1), PerDeveloper, "watch"),
            new("per-session", ScopeKind.Session, "*", TimeSpan.FromDays(1), PerSession, "expected"),
        ];
    }

    private static long Spent(DemoHistory history, TimeSpan window, Func<Proxy.Recording.UsageRow, bool> isCounted) =>
        history.Rows.Where(row => row.Timestamp > history.End - window && isCounted(row)).Sum(static row => row.Cost.Total.Value);

    /// <summary>Whole cents, one at least.</summary>
    private static Nanodollars Dollars(long nano)
    {
        const long Cent = Nanodollars.PerDollar / 100;
        return new Nanodollars(Math.Max(Cent, nano / Cent * Cent));
    }
}
