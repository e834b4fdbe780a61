using System.Globalization;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Metrics;

public class MetricChildrenTests
{
    private readonly GatewayMetrics _metrics = new(new MetricsOptions());

    [Fact]
    public async Task A_completed_attempt_moves_every_counter_it_concerns()
    {
        Children().Observe(Given.Completed());
        var scrape = await Scrape.OfAsync(_metrics);
        Assert.Equal(1, scrape.Value("tollgate_upstream_requests_total", "model=\"claude-opus-4-8\"", "team=\"search\"", "key_name=\"Ann's\""));
        Assert.Equal(1, scrape.Value("tollgate_success_requests_total"));
        Assert.Equal(0, scrape.Sum("tollgate_error_requests_total"));
        Assert.Equal(10, scrape.Value("tollgate_input_tokens_total"));
        Assert.Equal(101, scrape.Value("tollgate_output_tokens_total"));
        Assert.Equal(200, scrape.Value("tollgate_cache_read_input_tokens_total"));
        Assert.Equal(30, scrape.Value("tollgate_cache_write_input_tokens_5m_total"));
        Assert.Equal(4, scrape.Value("tollgate_cache_write_input_tokens_1h_total"));
        Assert.Equal(0.000000001m, scrape.Value("tollgate_cost_total", "token_type=\"input\""));
        Assert.Equal(0.00000002m, scrape.Value("tollgate_cost_total", "token_type=\"output\""));
        Assert.Equal(0.0000003m, scrape.Value("tollgate_cost_total", "token_type=\"cache_read\""));
        Assert.Equal(0.000004m, scrape.Value("tollgate_cost_total", "token_type=\"cache_write\""));
        Assert.Equal(0.00005m, scrape.Value("tollgate_cost_total", "token_type=\"other\""));
        Assert.Equal(0, scrape.Value("tollgate_unpriced_requests_total"));
        Assert.Equal(0, scrape.Value("tollgate_estimated_cost_total"));
        Assert.Equal(1, scrape.Value("tollgate_cache_hits_total"));
        Assert.Equal(3, scrape.Value("tollgate_upstream_latency_seconds_sum"));
        Assert.Equal(1, scrape.Value("tollgate_stream_first_token_latency_seconds_sum"));
        Assert.Equal(0.02m, scrape.Value("tollgate_stream_inter_token_latency_seconds_sum"));
    }

    [Fact]
    public async Task A_million_small_costs_add_up_to_the_nano_dollar()
    {
        var children = Children();
        var random = new Random(8);
        var expected = 0L;
        var asDoubles = 0.0;
        for (var i = 0; i < 1_000_000; i++)
        {
            var cost = random.NextInt64(1, 1_000_000);
            expected += cost;
            asDoubles += cost / 1e9;
            children.Observe(Given.Completed() with { Cost = new Cost(new(cost), default, default, default, default, default) });
        }

        var scrape = await Scrape.OfAsync(_metrics);
        var exact = new Nanodollars(expected).ToDollars();
        Assert.Equal(exact, scrape.Value("tollgate_cost_total", "token_type=\"input\""));
        Assert.NotEqual(exact, decimal.Parse(asDoubles.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task An_unpriced_attempt_with_tokens_has_an_unknown_cost_not_none()
    {
        Children().Observe(Given.Completed() with { Priced = false });
        Children().Observe(Given.Completed() with { Priced = false, Tokens = default });
        var scrape = await Scrape.OfAsync(_metrics);
        Assert.Equal(1, scrape.Value("tollgate_unpriced_requests_total"));
        Assert.Equal(0, scrape.Sum("tollgate_cost_total"));
    }

    [Theory]
    [InlineData(UsageSource.Partial)]
    [InlineData(UsageSource.Estimated)]
    public async Task An_estimate_counts_in_the_cost_and_beside_it(UsageSource source)
    {
        Children().Observe(Given.Completed() with { UsageSource = source, Outcome = ForwardOutcome.ClientAborted });
        var scrape = await Scrape.OfAsync(_metrics);
        Assert.Equal(0.000054321m, scrape.Value("tollgate_estimated_cost_total"));
        Assert.Equal(0.000054321m, scrape.Sum("tollgate_cost_total"));
    }

    [Theory]
    [InlineData(ForwardOutcome.UpstreamError, 529, "overloaded_error", "529", "overloaded_error")]
    [InlineData(ForwardOutcome.ClientAborted, 200, "", "200", "client_aborted")]
    [InlineData(ForwardOutcome.Unreachable, 0, "", "none", "unreachable")]
    [InlineData(ForwardOutcome.UpstreamError, 99999, "", "other", "upstream_error")]
    public async Task An_error_is_counted_by_status_and_type(ForwardOutcome outcome, int status, string type, string statusLabel, string typeLabel)
    {
        Children().Observe(Given.Completed() with { Outcome = outcome, HttpStatus = status, ErrorType = type });
        var scrape = await Scrape.OfAsync(_metrics);
        Assert.Equal(1, scrape.Value("tollgate_error_requests_total", $"status_code=\"{statusLabel}\"", $"error_type=\"{typeLabel}\""));
        Assert.Equal(1, scrape.Value("tollgate_upstream_requests_total"));
        Assert.Equal(0, scrape.Value("tollgate_success_requests_total"));
    }

    [Fact]
    public async Task A_refused_request_was_never_sent_upstream()
    {
        Children().Observe(Given.Completed() with { Outcome = ForwardOutcome.Refused });
        Assert.Equal(0, (await Scrape.OfAsync(_metrics)).Sum("tollgate_upstream_requests_total"));
    }

    [Fact]
    public async Task Endless_error_types_end_in_other_and_none_is_forgotten()
    {
        for (var i = 0; i < 10_000; i++)
        {
            Children($"k{i % 3}").Observe(Given.Completed() with { Outcome = ForwardOutcome.UpstreamError, HttpStatus = i, ErrorType = $"made_up_{i}" });
        }

        var scrape = await Scrape.OfAsync(_metrics);
        Assert.Equal(10_000, scrape.Sum("tollgate_error_requests_total"));
        Assert.InRange(scrape.Names.Count(static name => name.StartsWith("tollgate_error_requests_total{", StringComparison.Ordinal)), 3, 3 * (MetricChildren.MaxErrorKinds + 1));
    }

    [Fact]
    public void Observing_on_warm_children_allocates_nothing()
    {
        var aborted = Given.Completed() with { Outcome = ForwardOutcome.UpstreamError, HttpStatus = 529, ErrorType = "overloaded_error" };
        var key = Given.Key();

        // Twice: the first makes the counters, the second finds them and makes the comparers that finding needs, once per process.
        Observe();
        Observe();
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                Observe();
            }
        }));

        void Observe()
        {
            var children = _metrics.Resolve(key, modelListed: true);
            children.Observe(Given.Completed());
            children.Observe(aborted);
        }
    }

    [Fact]
    public async Task Threads_that_count_at_once_lose_nothing()
    {
        await Parallel.ForAsync(0, 8, TestContext.Current.CancellationToken, async (_, cancel) =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                Children($"k{i % 50}").Observe(Given.Completed());
            }

            await _metrics.Registry.CollectAndExportAsTextAsync(Stream.Null, cancel);
        });
        Assert.Equal(80_000, (await Scrape.OfAsync(_metrics)).Sum("tollgate_upstream_requests_total"));
    }

    private MetricChildren Children(string keyId = "k1") => _metrics.Resolve(Given.Key(keyId: keyId), modelListed: true);
}
