using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Alerts;

/// <summary>The rules for Prometheus, with the thresholds that a configuration has.</summary>
/// <remarks>
/// They are one embedded file, <c>src/Tollgate/Alerts/tollgate.rules.template</c>, with <c>@{…}</c> where a threshold goes; deploy/prometheus/tollgate.rules.yml is what
/// it comes to with the defaults. Thresholds are numbers, so they need no escaping; names come in by <see cref="PromSelector"/> alone.
/// </remarks>
internal static partial class AlertRules
{
    private const string Resource = "Tollgate.Alerts.tollgate.rules.template";
    private const string Labels = "        labels:\n";

    private static readonly string Template = ReadTemplate();

    /// <summary>The whole file.</summary>
    public static string Render(TollgateOptions options)
    {
        var text = new StringBuilder();
        var group = string.Empty;
        foreach (var part in PartStart().Split(Template.Replace("tollgate_", options.Metrics.Prefix + "_", StringComparison.Ordinal)))
        {
            if (part.StartsWith("  - name: ", StringComparison.Ordinal))
            {
                group = part;
                continue;
            }

            var alert = NameOf(part, options.Alerts);
            if (alert is not null && options.Alerts.Omit.Contains(alert))
            {
                continue;
            }

            // With its first rule, since a group whose rules are all omitted is left out too.
            text.Append(group);
            group = string.Empty;
            foreach (var rule in Variants(part, options))
            {
                text.Append(alert is null ? rule : WithPending(rule, options.Alerts.Pending));
            }
        }

        return text.ToString();
    }

    /// <summary>The names of all alerts; those of budgets have their percentages.</summary>
    public static IEnumerable<string> NamesOf(AlertsOptions alerts) => PartStart().Split(Template).Select(part => NameOf(part, alerts)).OfType<string>();

    private static string? NameOf(string part, AlertsOptions alerts)
    {
        var name = AlertName().Match(part);
        return name.Success ? Fill(name.Groups[1].Value, Budgets(alerts.Budgets)) : null;
    }

    /// <summary>A rule once for all, and once more for each amount that some have to themselves.</summary>
    private static IEnumerable<string> Variants(string part, TollgateOptions options)
    {
        var values = Values(options);
        var spend = options.Alerts.DailySpend;
        return part switch
        {
            _ when part.Contains("@{provider.", StringComparison.Ordinal) => Spend("provider", "provider", spend.ProviderUsd, spend.Providers),
            _ when part.Contains("@{team.", StringComparison.Ordinal) => Spend("team", "team", spend.TeamUsd, spend.Teams),
            _ when part.Contains("@{key.", StringComparison.Ordinal) => Spend("key", "key_id", spend.KeyUsd, spend.Keys),
            _ => [Fill(part, values)],
        };

        IEnumerable<string> Spend(string kind, string label, Nanodollars others, IReadOnlyDictionary<string, OwnSpendAlertOptions> own)
        {
            yield return FillSpend(PromSelector.Others(label, own.Keys, known: label != "provider"), others);
            foreach (var amount in own.GroupBy(static one => one.Value.Usd!.Value).OrderBy(static amount => amount.Key))
            {
                yield return FillSpend(PromSelector.Of(label, amount.Select(static one => one.Key)), amount.Key);
            }

            string FillSpend(string selector, Nanodollars usd) =>
                Fill(part, new Dictionary<string, string>(values) { [$"{kind}.select"] = selector, [$"{kind}.usd"] = Dollars(usd) });
        }
    }

    private static Dictionary<string, string> Values(TollgateOptions options)
    {
        var (alerts, latency, spool) = (options.Alerts, options.Alerts.Latency, options.Alerts.Spool);
        var kept = 100 - alerts.Cache.HitDropPercent;
        return new Dictionary<string, string>(Budgets(alerts.Budgets))
        {
            ["total.usd"] = Dollars(alerts.DailySpend.TotalUsd),
            ["session.usd"] = Dollars(alerts.SessionUsd),
            ["cache.kept.percent"] = Number(kept),
            ["cache.kept.ratio"] = Ratio(kept),
            ["cache.shift.ratio"] = Ratio(alerts.Cache.WriteShiftPercent),
            ["errors.error.ratio"] = Ratio(alerts.Errors.ErrorPercent),
            ["errors.overload.ratio"] = Ratio(alerts.Errors.OverloadPercent),
            ["errors.refusal.ratio"] = Ratio(alerts.Errors.RefusalPercent),
            ["estimated.ratio"] = Ratio(alerts.EstimatedCostPercent),
            ["firstToken.times"] = Number(latency.FirstTokenTimes),
            ["firstToken.seconds"] = Seconds(latency.FirstToken),
            ["overhead.times"] = Number(latency.OverheadTimes),
            ["overhead.microseconds"] = Number(latency.OverheadMicroseconds),
            ["spool.oldest.seconds"] = Seconds(spool.Oldest),
            ["spool.used.percent"] = Number(spool.UsedPercent),
            ["spool.used.ratio"] = Ratio(spool.UsedPercent),
            ["spool.bytes"] = Number(options.Spool.MaxBytes),
            ["spool.size"] = Size(options.Spool.MaxBytes),
        };
    }

    private static Dictionary<string, string> Budgets(BudgetAlertOptions budgets) => new()
    {
        ["budgets.info.percent"] = Number(budgets.InfoPercent),
        ["budgets.info.ratio"] = Ratio(budgets.InfoPercent),
        ["budgets.warning.percent"] = Number(budgets.WarningPercent),
        ["budgets.warning.ratio"] = Ratio(budgets.WarningPercent),
        ["budgets.critical.percent"] = Number(budgets.CriticalPercent),
        ["budgets.critical.ratio"] = Ratio(budgets.CriticalPercent),
    };

    private static string WithPending(string rule, TimeSpan? pending)
    {
        if (pending is not { } held)
        {
            return rule;
        }

        var without = PendingLine().Replace(rule, string.Empty);
        return held == TimeSpan.Zero ? without : without.Replace(Labels, $"        for: {Number((long)Math.Ceiling(held.TotalMilliseconds))}ms\n{Labels}", StringComparison.Ordinal);
    }

    // A placeholder without a value is a fault of the template, and must not become a rule that never fires.
    private static string Fill(string text, Dictionary<string, string> values) => Placeholder().Replace(text, match => values[match.Groups[1].Value]);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Ratio(int percent) => (percent / 100m).ToString("0.##", CultureInfo.InvariantCulture);

    private static string Seconds(TimeSpan time) => (time.Ticks / (decimal)TimeSpan.TicksPerSecond).ToString("0.#######", CultureInfo.InvariantCulture);

    /// <summary>An amount that PromQL and people both read: whole dollars, else at least the cents.</summary>
    private static string Dollars(Nanodollars amount) =>
        amount.Value % Nanodollars.PerDollar == 0 ? Number(amount.Value / Nanodollars.PerDollar) : amount.ToDollars().ToString("0.00#######", CultureInfo.InvariantCulture);

    private static string Size(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var size = (decimal)bytes;
        var unit = 0;
        while (size >= 1024 && unit < units.Length - 1)
        {
            size /= 1024;
            unit++;
        }

        return $"{size.ToString("0.##", CultureInfo.InvariantCulture)} {units[unit]}";
    }

    private static string ReadTemplate()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"^(?=      - (?:alert|record): |  - name: )", RegexOptions.Multiline)]
    private static partial Regex PartStart();

    [GeneratedRegex(@"^      - alert: (\S+)$", RegexOptions.Multiline)]
    private static partial Regex AlertName();

    [GeneratedRegex(@"^        for: .*\n", RegexOptions.Multiline)]
    private static partial Regex PendingLine();

    [GeneratedRegex(@"@\{([A-Za-z.]+)\}")]
    private static partial Regex Placeholder();
}
