using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.Benchmarks.Gate;
using Tollgate.Benchmarks.Recording;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;

namespace Tollgate.Benchmarks.Metrics;

/// <summary>What all metrics of one request cost: its counters found by its labels, and moved. Target: 100 ns.</summary>
[MemoryDiagnoser]
public class MetricsBenchmarks
{
    private const int Requests = 1_000;
    private readonly UsageRow _row = TypicalRow.Make();
    private readonly GatewayEvents _events = new(new GatewayMetrics(new MetricsOptions()), NullLogger<GatewayEvents>.Instance);
    private readonly DearestSessions _sessions = new(TimeProvider.System);
    private readonly GatewayEvents _labelled = new(new GatewayMetrics(new MetricsOptions { Labels = ["project", "branch"] }), NullLogger<GatewayEvents>.Instance);
    private readonly long _now = TimeProvider.System.GetTimestamp();
    private string[] _keys = [];

    [GlobalSetup]
    public void Fill()
    {
        _row.Labels.Add(new("project", "ranking"));
        _row.Labels.Add(new("branch", "main"));
        _keys = [.. Enumerable.Range(0, Requests).Select(static i => $"key{i:D5}")];
    }

    [Benchmark(Baseline = true)]
    [Allocates(0)]
    public void OneRequest() => Measure(_events, "alice01");

    /// <summary>With two labels that the configuration adds.</summary>
    [Benchmark]
    [Allocates(0)]
    public void OneRequestWithLabels() => Measure(_labelled, "alice01");

    /// <summary>Only what the session spent, which <see cref="OneRequest"/> has in it.</summary>
    [Benchmark]
    [Allocates(0)]
    public void OneSession() => _sessions.Add(new MetricKey(_row.Provider, _row.Model, "alice01", "Alice's", _row.Team, _row.Customer, default), _row.SessionId, _row.Cost.Total, _now);

    /// <summary>A thousand keys in turn: their counters are not in the processor's first cache. Per request.</summary>
    [Benchmark(OperationsPerInvoke = Requests)]
    [Allocates(0)]
    public void ManyKeys()
    {
        foreach (var key in _keys)
        {
            Measure(_events, key);
        }
    }

    private void Measure(GatewayEvents events, string keyId)
    {
        events.RequestStarted();
        events.RequestFinished();
        var key = new MetricKey(_row.Provider, _row.Model, keyId, "Alice's", _row.Team, _row.Customer, events.Metrics.LabelsOf(_row.Labels));
        events.AttemptEnded(_row, events.Metrics.Resolve(key, modelListed: true));
        _sessions.Add(key, _row.SessionId, _row.Cost.Total, _now);
    }
}
