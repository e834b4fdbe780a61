using Tollgate.Alerts;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Configuration;

/// <summary>What no attribute can say of the thresholds of alerts.</summary>
internal static class AlertThresholdRules
{
    /// <summary>Checks the section <c>alerts</c>.</summary>
    public static void Check(TollgateOptions options, ProblemList problems)
    {
        var alerts = options.Alerts;
        CheckDailySpend(alerts.DailySpend, options.Upstreams.Keys, problems);
        if (alerts.SessionUsd < DearestSessions.Floor && !problems.Has("alerts.sessionUsd"))
        {
            problems.Add("alerts.sessionUsd", $"is {Text(alerts.SessionUsd)}, but sessions are measured from {Text(DearestSessions.Floor)} on. Make it {Text(DearestSessions.Floor)} or more.");
        }

        CheckBudgets(alerts.Budgets, problems);
        var names = AlertRules.NamesOf(alerts).ToArray();
        for (var i = 0; i < alerts.Omit.Count; i++)
        {
            var path = ConfigurationPath.Join("alerts.omit", i);
            if (!names.Contains(alerts.Omit[i]) && !problems.Has(path) && !problems.Has("alerts.budgets"))
            {
                problems.Add(path, $"is {ConfigurationPath.Quote(alerts.Omit[i])}, which is no alert. {Suggestion.For(alerts.Omit[i], names)}");
            }
        }
    }

    private static void CheckDailySpend(DailySpendAlertOptions spend, IEnumerable<string> upstreams, ProblemList problems)
    {
        const string Path = "alerts.dailySpend";
        CheckAmount(spend.TotalUsd, $"{Path}.totalUsd", problems);
        CheckAmount(spend.ProviderUsd, $"{Path}.providerUsd", problems);
        CheckAmount(spend.TeamUsd, $"{Path}.teamUsd", problems);
        CheckAmount(spend.KeyUsd, $"{Path}.keyUsd", problems);
        CheckOwn(spend.Providers, $"{Path}.providers", problems);
        CheckOwn(spend.Teams, $"{Path}.teams", problems);
        CheckOwn(spend.Keys, $"{Path}.keys", problems);
        foreach (var provider in spend.Providers.Keys.Except(upstreams, StringComparer.Ordinal))
        {
            problems.Add(ConfigurationPath.Join($"{Path}.providers", provider), $"names no upstream. {Suggestion.For(provider, upstreams)}");
        }
    }

    private static void CheckOwn(IReadOnlyDictionary<string, OwnSpendAlertOptions> own, string path, ProblemList problems)
    {
        foreach (var (name, amount) in own)
        {
            var at = ConfigurationPath.Join(path, name);
            if (name.Length == 0)
            {
                problems.Add(path, "has an entry without a name. Give its name, or remove it.");
            }
            else if (amount.Usd is not { } usd)
            {
                if (!problems.Has(at))
                {
                    problems.Add($"{at}.usd", "is required. Add it.");
                }
            }
            else
            {
                CheckAmount(usd, $"{at}.usd", problems);
            }
        }
    }

    private static void CheckAmount(Nanodollars amount, string path, ProblemList problems)
    {
        if (amount <= Nanodollars.Zero && !problems.Has(path))
        {
            problems.Add(path, $"is {Text(amount)}, so the alert would fire at the first cent. Make it more than 0, or leave the alert out with alerts.omit.");
        }
    }

    private static void CheckBudgets(BudgetAlertOptions budgets, ProblemList problems)
    {
        if (problems.Has("alerts.budgets"))
        {
            return;
        }

        if (budgets.InfoPercent >= budgets.WarningPercent)
        {
            problems.Add("alerts.budgets.infoPercent", $"is {budgets.InfoPercent}, but must be less than alerts.budgets.warningPercent, which is {budgets.WarningPercent}. Change one of the two.");
        }

        if (budgets.WarningPercent >= budgets.CriticalPercent)
        {
            problems.Add("alerts.budgets.warningPercent", $"is {budgets.WarningPercent}, but must be less than alerts.budgets.criticalPercent, which is {budgets.CriticalPercent}. Change one of the two.");
        }
    }

    private static string Text(Nanodollars amount) => amount.ToDollars().ToString("0.#########", System.Globalization.CultureInfo.InvariantCulture);
}
