using Microsoft.Extensions.Logging;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;

using Tollgate.Testing;
using Tollgate.Testing.Gateway;

namespace Tollgate.Proxy.Tests.Metrics;

public class GatewayEventsTests
{
    private readonly GatewayMetrics _metrics = new(new MetricsOptions());

    [Fact]
    public async Task Every_reason_to_refuse_has_its_own_label_and_a_line_in_its_steps_range()
    {
        var log = new RecordedLog<GatewayEvents>();
        var events = Events(log);
        var reasons = Enum.GetValues<RefusalReason>();
        foreach (var reason in reasons)
        {
            events.Refused(reason, 401, Guid.Empty);
        }

        var scrape = await Scrape.OfAsync(_metrics);
        Assert.All(reasons, reason => Assert.Equal(1, scrape.Value("tollgate_refused_requests_total", $"reason=\"{MetricLabels.Of(reason)}\"")));
        Assert.Equal(reasons.Length, reasons.Select(MetricLabels.Of).Distinct().Count());
        Assert.DoesNotContain(BoundedValues.Other, reasons.Select(MetricLabels.Of));
        Assert.Equal(reasons.Length, log.Lines.Count);
        Assert.Equal([1001, 2001, 3001, 4001], log.Lines.Select(static line => line.Id).Distinct().Order());
    }

    [Fact]
    public void Every_outcome_has_its_own_word() =>
        Assert.Equal(
            Enum.GetValues<ForwardOutcome>().Length,
            Enum.GetValues<ForwardOutcome>().Select(MetricLabels.Of).Where(static word => word != BoundedValues.Other).Distinct().Count());

    [Fact]
    public void An_attempt_is_one_debug_line_and_nothing_above()
    {
        var log = new RecordedLog<GatewayEvents>();
        Events(log).AttemptEnded(Given.Completed(), Children(), Guid.Empty);
        var line = Assert.Single(log.Lines);
        Assert.Equal((6001, LogLevel.Debug), (line.Id, line.Level));
        Assert.Contains("claude-opus-4-8: completed, status 200, 244 + 101 tokens, $0.000054321", line.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void An_attempt_allocates_nothing_when_debug_is_not_logged()
    {
        var events = Events(new RecordedLog<GatewayEvents>(LogLevel.Information));
        var children = Children();
        events.AttemptEnded(Given.Completed(), children, Guid.Empty);
        Assert.Equal(0, Allocations.Least(() => events.AttemptEnded(Given.Completed(), children, Guid.Empty)));
    }

    [Fact]
    public async Task Overhead_is_counted_by_phase_and_an_attempt_without_an_answer_has_none_of_its_relaying()
    {
        var events = Events(new RecordedLog<GatewayEvents>());
        events.OverheadMeasured(TimeSpan.FromMicroseconds(42), TimeSpan.FromMicroseconds(7.5), TimeSpan.FromMicroseconds(3));
        events.OverheadMeasured(TimeSpan.FromMicroseconds(8), response: null, TimeSpan.FromMicroseconds(1));
        var scrape = await Scrape.OfAsync(_metrics);
        Assert.Equal(
            [(2, 50), (1, 7.5m), (2, 4)],
            new[] { "request", "response", "settle" }.Select(phase => (
                (int)scrape.Value("tollgate_overhead_latency_microseconds_count", $"phase=\"{phase}\""),
                scrape.Value("tollgate_overhead_latency_microseconds_sum", $"phase=\"{phase}\""))));
        Assert.DoesNotContain(BoundedValues.Other, Enum.GetValues<OverheadPhase>().Select(MetricLabels.Of));
    }

    [Fact]
    public void Measuring_overhead_allocates_nothing()
    {
        var events = Events(new RecordedLog<GatewayEvents>());
        events.OverheadMeasured(TimeSpan.FromMicroseconds(42), TimeSpan.FromMicroseconds(7), TimeSpan.FromMicroseconds(3));
        Assert.Equal(0, Allocations.Least(() => events.OverheadMeasured(TimeSpan.FromMicroseconds(42), TimeSpan.FromMicroseconds(7), TimeSpan.FromMicroseconds(3))));
    }

    [Fact]
    public void Attempts_of_a_killed_gateway_are_counted_and_those_left_open_are_an_error()
    {
        var log = new RecordedLog<GatewayEvents>();
        var events = Events(log);
        events.SpoolCrashedAttempts(closed: 3, left: 0);
        Assert.Empty(log.Lines);
        events.SpoolCrashedAttempts(closed: 2, left: 1);
        Assert.Equal(5, _metrics.Crashed.Units);
        Assert.Equal((7202, LogLevel.Error), Assert.Single(log.Lines.Select(static line => (line.Id, line.Level))));
    }

    [Fact]
    public void A_model_without_a_price_is_named_once_and_not_without_end()
    {
        var log = new RecordedLog<GatewayEvents>();
        var events = Events(log);
        for (var i = 0; i < 3 * GatewayEvents.MaxUnpricedNames; i++)
        {
            events.UnpricedModel($"made-up-{i / 2}");
        }

        Assert.Equal(GatewayEvents.MaxUnpricedNames, log.Lines.Count);
        Assert.All(log.Lines, static line => Assert.Equal(6002, line.Id));
    }

    private GatewayEvents Events(ILogger<GatewayEvents> log) => new(_metrics, log);

    private MetricChildren Children() => _metrics.Resolve(Given.Key(), modelListed: true);
}
