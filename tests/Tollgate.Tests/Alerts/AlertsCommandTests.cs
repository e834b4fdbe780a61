using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Alerts;
using Tollgate.Cli;
using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;
using Tollgate.Tests.Repository;

namespace Tollgate.Tests.Alerts;

[SupportedOSPlatform("linux")]
public sealed class AlertsCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-alerts").FullName;
    private readonly StringWriter _output = new();
    private readonly StringWriter _error = new();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Without_a_configuration_the_shipped_rules_are_printed()
    {
        Assert.Equal(0, await Run("alerts", "render"));
        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(SourceTree.Root, "deploy/prometheus/tollgate.rules.yml"), TestContext.Current.CancellationToken), _output.ToString());
    }

    [Fact]
    public async Task Every_threshold_of_the_configuration_is_in_the_rules_and_Prometheus_takes_them()
    {
        Configure("""
            { "metrics": { "prefix": "gw" }, "spool": { "maxBytes": 1500000000 },
              "alerts": {
                "dailySpend": { "totalUsd": 3001, "providerUsd": 701.5, "teamUsd": 211, "keyUsd": 0.000000001,
                  "providers": { "anthropic": { "usd": 702 } }, "teams": { "ads": { "usd": 55 }, "search": { "usd": 55 }, "ops": { "usd": 7 } } },
                "sessionUsd": 12.25, "budgets": { "infoPercent": 51, "warningPercent": 61, "criticalPercent": 101 },
                "cache": { "hitDropPercent": 41, "writeShiftPercent": 42 }, "errors": { "errorPercent": 6, "overloadPercent": 3, "refusalPercent": 11 },
                "estimatedCostPercent": 7, "latency": { "firstToken": "00:00:04.500", "firstTokenTimes": 3, "overheadMicroseconds": 2500, "overheadTimes": 4 },
                "spool": { "oldest": "00:10:00", "usedPercent": 71 } } }
            """);
        Assert.Equal(0, await Run("alerts", "render", "--output", "rules.yml"));
        var rules = await File.ReadAllTextAsync(Path.Combine(_directory, "rules.yml"), TestContext.Current.CancellationToken);
        string[] expected =
        [
            "sum(increase(gw_cost_total[1d])) > 3001\n",
            "sum by (provider) (increase(gw_cost_total{provider!~\"anthropic\"}[1d])) > 701.50\n",
            "sum by (provider) (increase(gw_cost_total{provider=~\"anthropic\"}[1d])) > 702\n",
            "sum by (team) (increase(gw_cost_total{team!=\"\",team!~\"ads|ops|search\"}[1d])) > 211\n",
            "sum by (team) (increase(gw_cost_total{team=~\"ads|search\"}[1d])) > 55\n",
            "sum by (team) (increase(gw_cost_total{team=~\"ops\"}[1d])) > 7\n",
            "in 24 hours, more than $55.'\n",
            "(increase(gw_cost_total{key_id!=\"\"}[1d])) > 0.000000001\n",
            "(gw_session_spent_usd) > 12.25\n",
            "in 10 minutes, more than $12.25.'\n",
            "TollgateBudgetUsed51\n",
            ">= 0.51 < 0.61\n",
            "TollgateBudgetUsed61\n",
            ">= 0.61 < 1.01\n",
            "TollgateBudgetUsed101\n",
            ">= 1.01\n",
            "< 0.59 * avg_over_time",
            "less than 59 % of",
            "> 0.42\n",
            "> 0.06\n",
            "> 0.03\n",
            "> 0.11\n",
            "> 0.07\n",
            "> 3 * avg_over_time",
            "> 4.5\n",
            "> 4 * avg_over_time",
            "> 2500\n",
            "> 600\n",
            "gw_spool_bytes > 0.71 * 1500000000\n",
            "over 71 % of 1.4 GiB.",
        ];
        Assert.All(expected, text => Assert.Contains(text, rules, StringComparison.Ordinal));
        Assert.DoesNotContain("tollgate_", rules, StringComparison.Ordinal);
        Assert.DoesNotContain("@{", rules, StringComparison.Ordinal);
        await Promtool.RunAsync(_directory, "check", "rules", "rules.yml");
    }

    [Theory]
    [InlineData("a\"}[1d])) > 0 or vector(1) #")]
    [InlineData("a' \n      - alert: Forged\n        expr: vector(1)\n")]
    [InlineData("{{ $value }} @{total.usd} ${x} %d")]
    [InlineData("a|b.*(c)[d]^$\\d+?")]
    [InlineData("Ünïcode 😀 \u2028\u0085\u0000 team")]
    [InlineData("tollgate_cost_total")]
    public async Task A_name_is_only_ever_a_name(string name)
    {
        Configure(new JsonObject
        {
            ["metrics"] = new JsonObject { ["prefix"] = "gw" },
            ["alerts"] = new JsonObject
            {
                ["dailySpend"] = new JsonObject
                {
                    ["teams"] = new JsonObject { [name] = new JsonObject { ["usd"] = 7 } },
                    ["keys"] = new JsonObject { [name] = new JsonObject { ["usd"] = 8 } },
                },
            },
        }.ToJsonString());
        Assert.Equal(0, await Run("alerts", "render", "--output", "rules.yml"));

        var series = $"gw_cost_total{{provider=\"p\",key_id={Quoted(name)},key_name=\"n\",team={Quoted(name)}}}";
        var other = "gw_cost_total{provider=\"p\",key_id=\"k\",key_name=\"n\",team=\"other\"}";
        var quoted = Quoted(name);
        await File.WriteAllTextAsync(
            Path.Combine(_directory, "case.yml"),
            $$"""
            rule_files: [rules.yml]
            evaluation_interval: 5m
            tests:
              - interval: 5m
                input_series:
                  - series: {{Quoted(series)}}
                    values: '0+0x143 9+0x150'
                  - series: {{Quoted(other)}}
                    values: '0+0x143 99+0x150'
                alert_rule_test:
                  - alertname: TollgateTeamSpendHigh
                    eval_time: 1d
                    exp_alerts:
                      - exp_labels: { severity: warning, threshold_usd: '7', team: {{quoted}} }
                        exp_annotations:
                          summary: {{Quoted($"Team {name} spent $9.00 in 24 hours, more than $7.")}}
                          runbook_url: docs/runbooks/spend.md
                  - alertname: TollgateKeySpendHigh
                    eval_time: 1d
                    exp_alerts:
                      - exp_labels: { severity: warning, threshold_usd: '8', team: {{quoted}}, key_id: {{quoted}}, key_name: n }
                        exp_annotations:
                          summary: {{Quoted($"Key n ({name}) spent $9.00 in 24 hours, more than $8.")}}
                          runbook_url: docs/runbooks/spend.md
                  - alertname: Forged
                    eval_time: 1d
                    exp_alerts: []
            """,
            TestContext.Current.CancellationToken);
        await Promtool.RunAsync(_directory, "test", "rules", "case.yml");
    }

    [Fact]
    public async Task A_pending_time_stands_in_place_of_each_alerts_own()
    {
        Configure("""{ "alerts": { "pending": "00:00:00" } }""");
        Assert.Equal(0, await Run("alerts", "render"));
        Assert.DoesNotContain(" for: ", _output.ToString(), StringComparison.Ordinal);

        Configure("""{ "alerts": { "pending": "00:02:00.500" } }""");
        Assert.Equal(0, await Run("alerts", "render", "--output", "rules.yml"));
        var rules = await File.ReadAllTextAsync(Path.Combine(_directory, "rules.yml"), TestContext.Current.CancellationToken);
        Assert.Equal(AlertRules.NamesOf(new AlertsOptions()).Count(), rules.Split("        for: 120500ms\n").Length - 1);
        Assert.Equal(rules.Split("- alert: ").Length, rules.Split(" for: ").Length);
        await Promtool.RunAsync(_directory, "check", "rules", "rules.yml");
    }

    [Fact]
    public async Task Omitted_alerts_are_not_there_and_neither_is_a_group_without_any()
    {
        Configure("""{ "alerts": { "omit": ["TollgateTeamSpendHigh", "TollgateGatewayAbsent"] } }""");
        Assert.Equal(0, await Run("alerts", "render", "--output", "rules.yml"));
        var rules = await File.ReadAllTextAsync(Path.Combine(_directory, "rules.yml"), TestContext.Current.CancellationToken);
        Assert.DoesNotContain("TollgateTeamSpendHigh", rules, StringComparison.Ordinal);
        Assert.DoesNotContain("tollgate-gateway", rules, StringComparison.Ordinal);
        Assert.Contains("TollgateKeySpendHigh", rules, StringComparison.Ordinal);
        await Promtool.RunAsync(_directory, "check", "rules", "rules.yml");
    }

    [Fact]
    public async Task A_check_tells_whether_the_file_is_what_would_be_written_and_writes_nothing()
    {
        Assert.Equal(1, await Run("alerts", "render", "--output", "rules.yml", "--check"));
        Assert.Contains("There is no file", _error.ToString(), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_directory));

        Assert.Equal(0, await Run("alerts", "render", "--output", "rules.yml"));
        Assert.Equal(0, await Run("alerts", "render", "--output", "rules.yml", "--check"));

        Configure("""{ "alerts": { "sessionUsd": 11 } }""");
        _error.GetStringBuilder().Clear();
        Assert.Equal(1, await Run("alerts", "render", "--output", "rules.yml", "--check"));
        Assert.Contains("(tollgate_session_spent_usd) > 10\n", _error.ToString(), StringComparison.Ordinal);
        Assert.Contains("(tollgate_session_spent_usd) > 11\n", _error.ToString(), StringComparison.Ordinal);

        Assert.Equal(2, await Run("alerts", "render", "--check"));
    }

    [Fact]
    public async Task A_file_is_replaced_whole_with_its_mode_and_through_a_link()
    {
        var file = Path.Combine(_directory, "rules.yml");
        await File.WriteAllTextAsync(file, "old", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        File.CreateSymbolicLink(Path.Combine(_directory, "link.yml"), file);
        Assert.Equal(0, await Run("alerts", "render", "--output", "link.yml"));
        Assert.Equal(AlertRules.Render(new TollgateOptions()), await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, File.GetUnixFileMode(file));
        Assert.NotNull(new FileInfo(Path.Combine(_directory, "link.yml")).LinkTarget);
        Assert.Equal(2, Directory.GetFiles(_directory).Length);
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_is_a_failure_told_in_words()
    {
        Assert.Equal(1, await Run("alerts", "render", "--output", "nowhere/rules.yml"));
        Assert.Contains("nowhere", _error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "sessionUsd": 0.99 }""", "alerts.sessionUsd: is 0.99, but sessions are measured from 1 on")]
    [InlineData("""{ "dailySpend": { "teamUsd": 0 } }""", "alerts.dailySpend.teamUsd: is 0, so the alert would fire at the first cent")]
    [InlineData("""{ "dailySpend": { "teamUsd": "5" } }""", "alerts.dailySpend.teamUsd: is \"5\", but must be an amount in US dollars")]
    [InlineData("""{ "dailySpend": { "teams": { "ads": {} } } }""", "alerts.dailySpend.teams.ads.usd: is required")]
    [InlineData("""{ "dailySpend": { "teams": { "ads": { "usd": 0 } } } }""", "alerts.dailySpend.teams.ads.usd: is 0")]
    [InlineData("""{ "dailySpend": { "teams": { "": { "usd": 1 } } } }""", "alerts.dailySpend.teams: has an entry without a name")]
    [InlineData("""{ "dailySpend": { "providers": { "antropic": { "usd": 1 } } } }""", "alerts.dailySpend.providers.antropic: names no upstream. Did you mean \"anthropic\"?")]
    [InlineData("""{ "budgets": { "infoPercent": 95 } }""", "alerts.budgets.infoPercent: is 95, but must be less than alerts.budgets.warningPercent, which is 95")]
    [InlineData("""{ "budgets": { "warningPercent": 100 } }""", "alerts.budgets.warningPercent: is 100, but must be less than alerts.budgets.criticalPercent, which is 100")]
    [InlineData("""{ "errors": { "errorPercent": 0 } }""", "alerts.errors.errorPercent: is 0, but must be 1 to 99")]
    [InlineData("""{ "omit": ["TollgateTeamSpendHihg"] }""", "alerts.omit[0]: is \"TollgateTeamSpendHihg\", which is no alert. Did you mean \"TollgateTeamSpendHigh\"?")]
    [InlineData("""{ "pending": "-00:00:01" }""", "alerts.pending: is \"-00:00:01\", but must be \"00:00:00\" to \"1.00:00:00\"")]
    public async Task A_threshold_that_cannot_be_is_told_with_what_to_change(string alerts, string message)
    {
        Configure($$"""{ "alerts": {{alerts}} }""");
        Assert.Equal(2, await Run("alerts", "render", "--output", "rules.yml"));
        Assert.Contains(message, _error.ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_directory, "rules.yml")));
    }

    /// <summary>A text as YAML and PromQL both read it.</summary>
    private static string Quoted(string value) => "\"" + string.Concat(value.EnumerateRunes().Select(static rune => $"\\U{rune.Value:X8}")) + "\"";

    private void Configure(string json) => File.WriteAllText(Path.Combine(_directory, "tollgate.json"), json);

    private Task<int> Run(params string[] arguments)
    {
        var loader = new ConfigurationLoader(new Dictionary<string, string>(), _directory);
        return new CommandLine(loader, new FakeTimeProvider(), static (_, _) => throw new InvalidOperationException("not asked for"))
            .RunAsync(arguments, _output, _error, TestContext.Current.CancellationToken);
    }
}
