using System.Net;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Configuration;

/// <summary>What no attribute can say of keys, budgets and limits; the same for the file and for the API.</summary>
internal static class SpendRules
{
    /// <summary>Checks the lists of a whole configuration: each entry, and that their ids are their own.</summary>
    public static void Check(TollgateOptions options, ProblemList problems)
    {
        CheckIds("customers", options.Customers, static customer => customer.Id, problems);
        CheckIds("teams", options.Teams, static team => team.Id, problems);
        CheckIds("projects", options.Projects, static project => project.Id, problems);
        CheckIds("keys", options.Keys, static key => key.Id, problems);
        CheckIds("budgets", options.Budgets, static budget => budget.Id, problems);
        CheckIds("limits", options.Limits, static limit => limit.Id, problems);
        ForEach("keys", options.Keys, CheckKey, problems);
        ForEach("budgets", options.Budgets, CheckBudget, problems);
        ForEach("limits", options.Limits, CheckLimit, problems);
        CheckNetworks(options.Webhooks.AllowNetworks, "webhooks.allowNetworks", problems);
    }

    /// <summary>Checks one key.</summary>
    public static void CheckKey(KeyOptions key, string path, ProblemList problems)
    {
        CheckNetworks(key.SourceNetworks, $"{path}.sourceNetworks", problems);

        if (key.PreviousHashExpiresAt is not null && key.PreviousHash.Length == 0)
        {
            problems.Add($"{path}.previousHashExpiresAt", "is set, but previousHash is not. Give both, or neither.");
        }
    }

    /// <summary>Checks a list of networks.</summary>
    public static void CheckNetworks(IReadOnlyList<string> networks, string path, ProblemList problems)
    {
        for (var i = 0; i < networks.Count; i++)
        {
            if (!IPNetwork.TryParse(networks[i], out _))
            {
                problems.Add(
                    ConfigurationPath.Join(path, i),
                    $"is {ConfigurationPath.Quote(networks[i])}, but must be a network such as \"10.0.0.0/8\" or \"2001:db8::/32\", with no bits set behind its length.");
            }
        }
    }

    /// <summary>Checks one budget.</summary>
    public static void CheckBudget(BudgetOptions budget, string path, ProblemList problems)
    {
        CheckScope(budget.Scope, budget.Value, path, problems);
        if (budget.LimitUsd is null == budget.LimitTokens is null)
        {
            problems.Add(path, budget.LimitUsd is null
                ? "has no limit. Give limitUsd or limitTokens."
                : "has both limitUsd and limitTokens. Give one; make a second budget for the other.");
        }

        if (!problems.Has($"{path}.window") && !BudgetWindow.TryParse(budget.Window, budget.TimeZone, out _, out var problem))
        {
            problems.Add($"{path}.window", problem);
        }

        for (var i = 0; i < budget.Thresholds.Count; i++)
        {
            if (budget.Thresholds[i] is < 1 or > 1000)
            {
                problems.Add(ConfigurationPath.Join($"{path}.thresholds", i), $"is {budget.Thresholds[i]}, but must be a percentage of 1 to 1,000.");
            }
        }

        for (var i = 0; i < budget.Raises.Count; i++)
        {
            var (raise, raisePath) = (budget.Raises[i], ConfigurationPath.Join($"{path}.raises", i));
            if (raise.Until == default)
            {
                problems.Add($"{raisePath}.until", "is required. Add it.");
            }

            if (budget.LimitUsd is not null ? raise.Tokens != 0 : raise.Usd.Value != 0)
            {
                problems.Add(raisePath, $"adds {raise.Usd} and {raise.Tokens} tokens, but the budget counts {(budget.LimitUsd is not null ? "dollars" : "tokens")}. Add those alone.");
            }
        }
    }

    /// <summary>Checks one limit.</summary>
    public static void CheckLimit(LimitOptions limit, string path, ProblemList problems) => CheckScope(limit.Scope, limit.Value, path, problems);

    private static void CheckScope(ScopeKind scope, string value, string path, ProblemList problems)
    {
        if (scope == ScopeKind.Everything && value.Length > 0)
        {
            problems.Add($"{path}.value", $"is {ConfigurationPath.Quote(value)}, but the scope is \"everything\", which has no values. Name a scope, or leave value out.");
        }
        else if (scope != ScopeKind.Everything && value.Length == 0)
        {
            problems.Add($"{path}.value", $"is empty. Name the {OptionsShape.EnumText(scope)} that it is for, or give each its own with \"*\".");
        }
    }

    private static void ForEach<T>(string list, IReadOnlyList<T> entries, Action<T, string, ProblemList> check, ProblemList problems)
    {
        for (var i = 0; i < entries.Count; i++)
        {
            check(entries[i], ConfigurationPath.Join(list, i), problems);
        }
    }

    private static void CheckIds<T>(string list, IReadOnlyList<T> entries, Func<T, string> idOf, ProblemList problems)
    {
        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < entries.Count; i++)
        {
            var (id, path) = (idOf(entries[i]), $"{ConfigurationPath.Join(list, i)}.id");
            if (id.Length > 0 && !paths.TryAdd(id, path))
            {
                problems.Add(path, $"is {ConfigurationPath.Quote(id)}, as is {paths[id]}. Each needs an id of its own.");
            }
        }
    }
}
