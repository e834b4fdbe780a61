using System.Text.RegularExpressions;
using Tollgate.Alerts;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Tests.Repository;

/// <summary>The alerts in deploy/prometheus are complete, and Prometheus's own tool agrees with them.</summary>
public sealed partial class AlertRuleTests
{
    private const string Rules = "deploy/prometheus/tollgate.rules.yml";

    private static readonly string[] Cases = [.. SourceTree.Files("deploy/prometheus/tests", "*.yml")];

    [Fact]
    public void The_rules_are_what_the_defaults_render_to() => ApprovedFile.Compare(Rules, AlertRules.Render(new TollgateOptions()));

    [Fact]
    public Task The_rules_are_valid() => Promtool.RunAsync(SourceTree.Root, "check", "rules", Rules);

    [Fact]
    public Task Every_alert_fires_when_it_should_and_is_silent_when_it_should() => Promtool.RunAsync(SourceTree.Root, ["test", "rules", .. Cases]);

    [Fact]
    public void Every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent()
    {
        var cases = string.Join('\n', Cases.SelectMany(SourceTree.Lines)) + "\n";
        var without = from alert in Alerts()
                      from ending in new[] { "fires", "is silent" }
                      where !cases.Contains($"- name: {alert.Name} {ending}\n", StringComparison.Ordinal)
                      select $"{alert.Name} {ending}";
        Assert.Empty(without);
    }

    [Fact]
    public void Every_alert_says_how_severe_it_is_and_has_a_summary_with_its_value() =>
        Assert.All(Alerts(), static alert =>
        {
            Assert.Matches(@"\n +severity: (info|warning|critical)\n", alert.Body);
            Assert.Matches(@"\n +summary: .*\{\{[^}]*\$value", alert.Body);
        });

    [Fact]
    public void Every_alert_names_a_runbook_page_that_tells_of_it() =>
        Assert.All(Alerts(), static alert =>
        {
            var page = Regex.Match(alert.Body, @"\n +runbook_url: (docs/runbooks/\w+\.md)\n").Groups[1].Value;
            Assert.True(SourceTree.Exists(page), $"{alert.Name} names no page that exists.");
            Assert.Contains(SourceTree.Lines(page), line => Regex.IsMatch(line, $@"\b{alert.Name}\b"));
        });

    [Fact]
    public void Every_metric_in_a_rule_exists()
    {
        var metrics = SourceTree.Lines("tests/Tollgate.Proxy.Tests/Approved/metrics.txt")
            .Where(static line => line.StartsWith("# TYPE ", StringComparison.Ordinal))
            .Select(static line => line.Split(' '))
            .SelectMany(static words => words[3] == "histogram" ? new[] { $"{words[2]}_bucket", $"{words[2]}_sum", $"{words[2]}_count" } : [words[2]])
            .ToHashSet();
        var used = SourceTree.Lines(Rules).SelectMany(static line => Metric().Matches(line)).Select(static match => match.Value).ToHashSet();
        Assert.NotEmpty(used);
        Assert.Empty(used.Except(metrics));
    }

    private static IReadOnlyList<(string Name, string Body)> Alerts()
    {
        var alerts = string.Join('\n', SourceTree.Lines(Rules)).Split("- alert: ")[1..];
        Assert.NotEmpty(alerts);
        return [.. alerts.Select(static text => (text[..text.IndexOf('\n', StringComparison.Ordinal)], text + "\n"))];
    }

    [GeneratedRegex(@"\btollgate_\w+")]
    private static partial Regex Metric();
}
