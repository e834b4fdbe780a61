using System.Globalization;
using System.Text.RegularExpressions;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Configuration;

/// <summary>What budgets and rate limits must keep, whether the file declares them or somebody posts them.</summary>
internal static partial class SpendRules
{
    private static readonly string[] Calendar = ["minute", "hour", "day", "week", "month", "quarter", "year", "lifetime"];

    /// <summary>Checks all of them.</summary>
    public static void Check(TollgateOptions options, ProblemList problems)
    {
        CheckIds(options.Budgets, static budget => budget.Id, "budgets", problems);
        CheckIds(options.Limits, static limit => limit.Id, "limits", problems);
        for (var i = 0; i < options.Budgets.Count; i++)
        {
            Check(options.Budgets[i], ConfigurationPath.Join("budgets", i), problems);
        }

        for (var i = 0; i < options.Limits.Count; i++)
        {
            CheckScope(options.Limits[i].Scope, options.Limits[i].Value, ConfigurationPath.Join("limits", i), problems);
        }
    }

    private static void Check(BudgetOptions budget, string path, ProblemList problems)
    {
        CheckScope(budget.Scope, budget.Value, path, problems);
        if (!problems.Has($"{path}.limitUsd") && !problems.Has($"{path}.limitTokens") && budget.LimitUsd is null == budget.LimitTokens is null)
        {
            problems.Add(
                $"{path}.limitUsd",
                budget.LimitUsd is null ? "is not given, nor is limitTokens. Give one of them." : $"is {budget.LimitUsd}, while limitTokens is {budget.LimitTokens}. Give one of them: one budget counts one thing.");
        }

        if (!problems.Has($"{path}.window") && !IsWindow(budget.Window))
        {
            problems.Add($"{path}.window", $"is {ConfigurationPath.Quote(budget.Window)}, but must be one of {string.Join(", ", Calendar)}, or a number and m, h or d, such as 5h, of at most 366 days.");
        }

        if (!problems.Has($"{path}.timeZone") && !TimeZoneInfo.TryFindSystemTimeZoneById(budget.TimeZone, out _))
        {
            problems.Add($"{path}.timeZone", $"is {ConfigurationPath.Quote(budget.TimeZone)}, which this machine does not know. Use an IANA name, such as Europe/Berlin or UTC.");
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
            CheckRaise(budget, budget.Raises[i], ConfigurationPath.Join($"{path}.raises", i), problems);
        }
    }

    private static void CheckRaise(BudgetOptions budget, RaiseOptions raise, string path, ProblemList problems)
    {
        if (raise.Until == default && !problems.Has($"{path}.until"))
        {
            problems.Add($"{path}.until", "is required. Say when the raise ends, such as \"2026-12-01T00:00:00Z\".");
        }

        var counts = budget.LimitUsd is not null ? "usd" : "tokens";
        if ((counts == "usd" ? raise.Tokens != 0 || raise.Usd.Value == 0 : raise.Usd.Value != 0 || raise.Tokens == 0) && !problems.Has(path))
        {
            problems.Add(path, $"adds {raise.Usd} and {raise.Tokens} tokens, but the budget counts {counts}. Give {counts} alone, more than 0.");
        }
    }

    private static void CheckScope(ScopeKind scope, string value, string path, ProblemList problems)
    {
        if (problems.Has($"{path}.scope") || problems.Has($"{path}.value"))
        {
            return;
        }

        var name = OptionsShape.EnumText(scope);
        if (scope == ScopeKind.Everything && value.Length > 0)
        {
            problems.Add($"{path}.value", $"is {ConfigurationPath.Quote(value)}, but the scope \"{name}\" has no value. Remove it, or choose another scope.");
        }
        else if (scope != ScopeKind.Everything && value.Length == 0)
        {
            problems.Add($"{path}.value", $"is empty, but the scope is \"{name}\". Say which one, or \"*\" to give each its own.");
        }
    }

    private static bool IsWindow(string window)
    {
        if (Calendar.Contains(window))
        {
            return true;
        }

        if (!Rolling().IsMatch(window) || !int.TryParse(window.AsSpan(0, window.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
        {
            return false;
        }

        var length = window[^1] switch { 'm' => TimeSpan.FromMinutes(count), 'h' => TimeSpan.FromHours(count), _ => TimeSpan.FromDays(count) };
        return length > TimeSpan.Zero && length <= TimeSpan.FromDays(366);
    }

    private static void CheckIds<T>(IReadOnlyList<T> items, Func<T, string> idOf, string path, ProblemList problems)
    {
        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < items.Count; i++)
        {
            var id = idOf(items[i]);
            var idPath = $"{ConfigurationPath.Join(path, i)}.id";
            if (id.Length > 0 && !paths.TryAdd(id, idPath))
            {
                problems.Add(idPath, $"is {ConfigurationPath.Quote(id)}, as is {paths[id]}. Each needs an id of its own.");
            }
        }
    }

    [GeneratedRegex(@"^[0-9]{1,6}[mhd]\z")]
    private static partial Regex Rolling();
}
