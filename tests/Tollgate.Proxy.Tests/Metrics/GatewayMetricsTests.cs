using System.Globalization;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Tests.Metrics;

public class GatewayMetricsTests
{
    [Fact]
    public async Task Unlisted_models_past_the_hundredth_count_as_other_and_listed_ones_never_do()
    {
        var metrics = new GatewayMetrics(new MetricsOptions());
        for (var i = 0; i < 250; i++)
        {
            metrics.Resolve(Given.Key($"made-up-{i}"), modelListed: false).Observe(Given.Completed());
        }

        metrics.Resolve(Given.Key("made-up-0"), modelListed: false).Observe(Given.Completed());
        metrics.Resolve(Given.Key("claude-new"), modelListed: true).Observe(Given.Completed());

        var scrape = await Scrape.OfAsync(metrics);
        Assert.Equal(150, scrape.Value("tollgate_upstream_requests_total", "model=\"other\""));
        Assert.Equal(2, scrape.Value("tollgate_upstream_requests_total", "model=\"made-up-0\""));
        Assert.Equal(1, scrape.Value("tollgate_upstream_requests_total", "model=\"claude-new\""));
    }

    [Fact]
    public void A_model_that_leaves_the_price_list_past_the_hundredth_counts_as_other_at_once()
    {
        var metrics = new GatewayMetrics(new MetricsOptions());
        for (var i = 0; i < GatewayMetrics.MaxUnlistedModels; i++)
        {
            metrics.Resolve(Given.Key($"made-up-{i}"), modelListed: false);
        }

        Assert.Equal("was-listed", metrics.Resolve(Given.Key("was-listed"), modelListed: true).Key.Model);
        Assert.Equal("other", metrics.Resolve(Given.Key("was-listed"), modelListed: false).Key.Model);
    }

    [Fact]
    public void The_same_values_lead_to_the_same_counters_whichever_objects_they_are_and_whatever_came_between()
    {
        var metrics = new GatewayMetrics(new MetricsOptions());
        var first = Enumerable.Range(0, 3_000).Select(i => metrics.Resolve(Given.Key(keyId: $"k{i}"), modelListed: true)).ToArray();
        Assert.Equal(3_000, first.Distinct().Count());
        for (var i = 0; i < first.Length; i++)
        {
            Assert.Same(first[i], metrics.Resolve(Given.Key(model: new string("claude-opus-4-8".AsSpan()), keyId: $"k{i}"), modelListed: true));
        }
    }

    [Fact]
    public async Task Configured_labels_come_from_the_request_and_are_bounded_one_by_one()
    {
        var metrics = new GatewayMetrics(new MetricsOptions { Prefix = "tg", Labels = ["environment", "zone"] });
        for (var i = 0; i < 120; i++)
        {
            var labels = metrics.LabelsOf([new("unasked", "x"), new("Environment", $"e{i}"), new("environment", "came-later")]);
            metrics.Resolve(Given.Key(labels: labels), modelListed: true).Observe(Given.Completed());
        }

        var scrape = await Scrape.OfAsync(metrics);
        Assert.Equal(1, scrape.Value("tg_upstream_requests_total", "environment=\"e0\"", "zone=\"\""));
        Assert.Equal(20, scrape.Value("tg_upstream_requests_total", "environment=\"other\""));
        Assert.DoesNotContain("unasked", scrape.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("came-later", scrape.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Combinations_past_the_bound_share_one_set_of_counters()
    {
        var metrics = new GatewayMetrics(new MetricsOptions());
        for (var i = 0; i < GatewayMetrics.MaxChildren + 50; i++)
        {
            metrics.Resolve(Given.Key(keyId: $"k{i}"), modelListed: true).Observe(Given.Completed());
        }

        var scrape = await Scrape.OfAsync(metrics);
        Assert.Equal(50, scrape.Value("tollgate_upstream_requests_total", "key_id=\"other\""));
        Assert.Equal(GatewayMetrics.MaxChildren + 50, scrape.Sum("tollgate_upstream_requests_total"));
    }

    [Fact]
    public void The_same_labels_have_the_same_counters()
    {
        var metrics = new GatewayMetrics(new MetricsOptions());
        Assert.Same(metrics.Resolve(Given.Key(), modelListed: true), metrics.Resolve(Given.Key(), modelListed: true));
        Assert.NotSame(metrics.Resolve(Given.Key(), modelListed: true), metrics.Resolve(Given.Key(keyId: "k2"), modelListed: true));
    }

    [Fact]
    public void Two_gateways_in_one_process_do_not_meet()
    {
        var one = new GatewayMetrics(new MetricsOptions());
        var two = new GatewayMetrics(new MetricsOptions());
        one.Stored.Add(5);
        Assert.Equal(0, two.Stored.Units);
        Assert.NotSame(one.Registry, two.Registry);
    }

    [Fact]
    public async Task Histograms_have_the_buckets_of_the_catalog()
    {
        var metrics = new GatewayMetrics(new MetricsOptions());
        metrics.Resolve(Given.Key(), modelListed: true).Observe(Given.Completed());
        var scrape = await Scrape.OfAsync(metrics);
        foreach (var definition in MetricCatalog.All.Where(static definition => definition.Kind == MetricKind.Histogram))
        {
            Assert.Equal(definition.Buckets.Order(), definition.Buckets);
            foreach (var bound in definition.Buckets)
            {
                var label = $"le=\"{bound.ToString(CultureInfo.InvariantCulture)}\"";
                Assert.Contains(scrape.Names, name => name.StartsWith($"tollgate_{definition.Name}_bucket{{", StringComparison.Ordinal) && name.Contains(label, StringComparison.Ordinal));
            }
        }

        Assert.Equal(1, MetricCatalog.OverheadLatency.Buckets[0]);
    }

    [Fact]
    public async Task The_levels_are_read_at_the_scrape()
    {
        var metrics = new GatewayMetrics(new MetricsOptions());
        metrics.Observe(MetricCatalog.SpoolPendingRows, static () => 17);
        metrics.AddActive(3);
        metrics.AddActive(-1);
        var scrape = await Scrape.OfAsync(metrics);
        Assert.Equal(17, scrape.Value("tollgate_spool_pending_rows"));
        Assert.Equal(2, scrape.Value("tollgate_active_requests"));
    }
}
