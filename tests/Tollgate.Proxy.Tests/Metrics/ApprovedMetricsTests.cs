using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Tests.Metrics;

/// <summary>Dashboards rely on these names: a change must show in the diff.</summary>
public class ApprovedMetricsTests
{
    [Fact]
    public async Task Names_types_labels_and_help_are_as_approved()
    {
        // One label configured and one error counted, so that every family has a series whose labels can be read.
        var metrics = new GatewayMetrics(new MetricsOptions { Labels = ["environment"] });
        var children = metrics.Resolve(Given.Key(), modelListed: true);
        children.Observe(Given.Completed() with { Outcome = ForwardOutcome.UpstreamError, HttpStatus = 529, ErrorType = "overloaded_error" });
        AdmissionGauges.Publish(new Budgets(), metrics);
        new GatewayEvents(metrics, NullLogger<GatewayEvents>.Instance).BudgetThresholdReached("search-daily", "search", 80, "$4.00", "$5.00");
        DearestSessions.PublishedBy(metrics, TimeProvider.System).Add(Given.Key(), "s1", DearestSessions.Floor, TimeProvider.System.GetTimestamp());
        var scrape = await Scrape.OfAsync(metrics);

        var text = new StringBuilder();
        foreach (var definition in MetricCatalog.All)
        {
            var name = "tollgate_" + definition.Name;
            var lines = scrape.Text.Split('\n');
            text.Append(Assert.Single(lines, line => line.StartsWith($"# HELP {name} ", StringComparison.Ordinal))).Append('\n');
            text.Append(Assert.Single(lines, line => line.StartsWith($"# TYPE {name} ", StringComparison.Ordinal))).Append('\n');
            var sample = definition.Kind == MetricKind.Histogram ? name + "_sum" : name;
            var series = scrape.Names.First(series => series == sample || series.StartsWith(sample + "{", StringComparison.Ordinal));
            var labels = series[sample.Length..].Trim('{', '}').Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static pair => pair[..pair.IndexOf('=', StringComparison.Ordinal)]);
            text.Append(CultureInfo.InvariantCulture, $"labels: {string.Join(", ", labels)}\n\n");
        }

        Repository.Approve("tests/Tollgate.Proxy.Tests/Approved/metrics.txt", text.ToString());
    }

    [Fact]
    public void The_documentation_is_what_the_catalog_says()
    {
        var text = new StringBuilder();
        text.Append("# Metrics\n\n");
        text.Append("Written from the catalog of metrics by a test; `make approve` writes it anew. Served as `/metrics` on the admin listener.\n\n");
        text.Append("Every name begins with `metrics:prefix`, by default `tollgate_`. *Base labels* are\n");
        text.Append(CultureInfo.InvariantCulture, $"{string.Join(", ", MetricCatalog.BaseLabels.Select(static label => $"`{label}`"))} and those of `metrics:labels`.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"Bounds: {GatewayMetrics.MaxUnlistedModels} models that the price list does not have, {GatewayMetrics.MaxValuesPerLabel} values of each configured label and of `error_type`,\n");
        text.Append(CultureInfo.InvariantCulture, $"{GatewayMetrics.MaxChildren} combinations of all base labels. What comes later counts as `other`, so sums over everything stay exact.\n\n");
        text.Append("Counters of tokens and money are added as whole numbers (money in nano-dollars) and turned into floating point only when\nthey are read, so they agree with sums over the ledger.\n\n");
        text.Append("| Name | Type | Labels | Counts |\n| --- | --- | --- | --- |\n");
        foreach (var definition in MetricCatalog.All)
        {
            IEnumerable<string> labels = [.. definition.PerChild ? ["base"] : Array.Empty<string>(), .. definition.Labels.Select(static label => $"`{label}`")];
            var kind = definition.Kind.ToString().ToUpperInvariant() switch { "COUNTER" => "counter", "GAUGE" => "gauge", _ => "histogram" };
            text.Append(CultureInfo.InvariantCulture, $"| `{definition.Name}` | {kind} | {string.Join(", ", labels.DefaultIfEmpty("–"))} | {definition.Help} |\n");
        }

        text.Append("\nUpper bounds of the buckets:\n\n");
        foreach (var definition in MetricCatalog.All.Where(static definition => definition.Kind == MetricKind.Histogram))
        {
            text.Append(CultureInfo.InvariantCulture, $"- `{definition.Name}`: {string.Join(", ", definition.Buckets.Select(static bound => bound.ToString(CultureInfo.InvariantCulture)))}\n");
        }

        Repository.Approve("docs/metrics.md", text.ToString());
    }

    private sealed class Budgets : IAdmissionStates
    {
        IReadOnlyList<BudgetState> IAdmissionStates.Budgets() =>
        [
            new BudgetState(new BudgetOptions { Id = "usd", LimitUsd = Nanodollars.Zero }, string.Empty, 0, 0, 0, null, null, IsKnown: true),
            new BudgetState(new BudgetOptions { Id = "tokens", LimitTokens = 1 }, string.Empty, 0, 0, 1, null, null, IsKnown: true),
        ];

        public IReadOnlyList<LimitState> Limits() => [];
    }
}
