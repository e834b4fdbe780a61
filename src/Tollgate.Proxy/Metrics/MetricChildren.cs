using System.Collections.Concurrent;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Metrics;

/// <summary>Every counter of one key and model, resolved once; what an attempt adds to needs no look-up of labels.</summary>
public sealed class MetricChildren
{
    /// <summary>Distinct (status, error type) pairs of one child; past it a pair counts as <c>other, other</c>.</summary>
    public const int MaxErrorKinds = 64;

    private const double MicrosecondsPerSecond = 1_000_000;
    private const double NanosecondsPerSecond = 1_000_000_000;

    private readonly MetricKey _key;

    // One gate for an attempt's twenty additions: an interlocked one each would cost more than the gate.
    private readonly Lock _gate = new();
    private readonly GatewayMetrics _metrics;
    private readonly string[] _labels;
    private readonly ConcurrentDictionary<(int Status, string ErrorType), ExactCounter> _errors = new();
    private readonly Lazy<ExactCounter> _otherErrors;
    private readonly ExactCounter _requests;
    private readonly ExactCounter _successes;
    private readonly ExactCounter _input;
    private readonly ExactCounter _output;
    private readonly ExactCounter _cacheRead;
    private readonly ExactCounter _cacheWrite5m;
    private readonly ExactCounter _cacheWrite1h;
    private readonly ExactCounter _costInput;
    private readonly ExactCounter _costOutput;
    private readonly ExactCounter _costCacheRead;
    private readonly ExactCounter _costCacheWrite;
    private readonly ExactCounter _costOther;
    private readonly ExactCounter _unpriced;
    private readonly ExactCounter _estimatedCost;
    private readonly ExactCounter _cacheHits;
    private readonly ExactHistogram _latency;
    private readonly ExactHistogram _firstToken;
    private readonly ExactHistogram _interToken;

    internal MetricChildren(GatewayMetrics metrics, in MetricKey key, string[] labels)
    {
        _metrics = metrics;
        _labels = labels;
        _key = key;
        _requests = metrics.CounterOf(MetricCatalog.UpstreamRequests, labels);
        _successes = metrics.CounterOf(MetricCatalog.SuccessRequests, labels);
        _input = metrics.CounterOf(MetricCatalog.InputTokens, labels);
        _output = metrics.CounterOf(MetricCatalog.OutputTokens, labels);
        _cacheRead = metrics.CounterOf(MetricCatalog.CacheReadTokens, labels);
        _cacheWrite5m = metrics.CounterOf(MetricCatalog.CacheWrite5mTokens, labels);
        _cacheWrite1h = metrics.CounterOf(MetricCatalog.CacheWrite1hTokens, labels);
        _costInput = CostOf("input");
        _costOutput = CostOf("output");
        _costCacheRead = CostOf("cache_read");
        _costCacheWrite = CostOf("cache_write");
        _costOther = CostOf("other");
        _unpriced = metrics.CounterOf(MetricCatalog.UnpricedRequests, labels);
        _estimatedCost = metrics.CounterOf(MetricCatalog.EstimatedCost, labels, Nanodollars.PerDollar);
        _cacheHits = metrics.CounterOf(MetricCatalog.CacheHits, labels);
        _latency = HistogramOf(MetricCatalog.UpstreamLatency, labels, MicrosecondsPerSecond);
        _firstToken = HistogramOf(MetricCatalog.FirstTokenLatency, labels, MicrosecondsPerSecond);
        _interToken = HistogramOf(MetricCatalog.InterTokenLatency, labels, NanosecondsPerSecond);
        _otherErrors = new Lazy<ExactCounter>(() => ErrorsOf(BoundedValues.Other, BoundedValues.Other));
        ExactCounter CostOf(string tokenType) => _metrics.CounterOf(MetricCatalog.Cost, [.. _labels, tokenType], Nanodollars.PerDollar);
        ExactHistogram HistogramOf(MetricDefinition definition, string[] of, double unitsPerOne) => new(_metrics.HistogramOf(definition, of), definition.Buckets, unitsPerOne);
    }

    /// <summary>The labels, as bounded.</summary>
    public ref readonly MetricKey Key => ref _key;

    /// <summary>Counts one attempt that has ended. A refused one was never sent upstream and is not counted here.</summary>
    /// <remarks>Hot path: no allocation; see MetricChildrenTests.Observing_on_warm_children_allocates_nothing.</remarks>
    public void Observe(in AttemptFigures attempt)
    {
        if (attempt.Outcome == ForwardOutcome.Refused)
        {
            return;
        }

        if (attempt.Outcome != ForwardOutcome.Completed)
        {
            // Outside the gate: other children may add to the same counter.
            var type = attempt.ErrorType.Length > 0 ? attempt.ErrorType : MetricLabels.Of(attempt.Outcome);
            (_errors.TryGetValue((attempt.HttpStatus, type), out var errors) ? errors : ErrorsSlow(attempt.HttpStatus, type)).Add(1);
        }

        lock (_gate)
        {
            _requests.Add_NeedsGate(1);
            _successes.Add_NeedsGate(attempt.Outcome == ForwardOutcome.Completed ? 1 : 0);
            AddUsage_NeedsGate(attempt.Tokens);
            AddCost_NeedsGate(attempt);
            AddTimes_NeedsGate(attempt);
        }
    }

    /// <summary>Brings what Prometheus reads of the histograms up to date; counters are published by themselves.</summary>
    internal void Publish()
    {
        lock (_gate)
        {
            _latency.Publish_NeedsGate();
            _firstToken.Publish_NeedsGate();
            _interToken.Publish_NeedsGate();
        }
    }

    private void AddUsage_NeedsGate(in TokenUsage tokens)
    {
        _input.Add_NeedsGate(tokens.Input);
        _output.Add_NeedsGate(tokens.Output);
        _cacheRead.Add_NeedsGate(tokens.CacheRead);
        _cacheWrite5m.Add_NeedsGate(tokens.CacheWrite5m);
        _cacheWrite1h.Add_NeedsGate(tokens.CacheWrite1h);
        _cacheHits.Add_NeedsGate(tokens.CacheRead > 0 ? 1 : 0);
    }

    private void AddCost_NeedsGate(in AttemptFigures attempt)
    {
        if (!attempt.Priced)
        {
            _unpriced.Add_NeedsGate(attempt.Tokens.IsEmpty ? 0 : 1);
            return;
        }

        var cost = attempt.Cost;
        _costInput.Add_NeedsGate(cost.Input.Value);
        _costOutput.Add_NeedsGate(cost.Output.Value);
        _costCacheRead.Add_NeedsGate(cost.CacheRead.Value);
        _costCacheWrite.Add_NeedsGate(cost.CacheWrite.Value);
        _costOther.Add_NeedsGate(cost.Other.Value);
        if (attempt.UsageSource is UsageSource.Partial or UsageSource.Estimated)
        {
            _estimatedCost.Add_NeedsGate(cost.Total.Value);
        }
    }

    private void AddTimes_NeedsGate(in AttemptFigures attempt)
    {
        _latency.Add_NeedsGate(attempt.LatencyMicroseconds);
        if (!attempt.IsStream || attempt.TtftMicroseconds <= 0)
        {
            return;
        }

        _firstToken.Add_NeedsGate(attempt.TtftMicroseconds);
        if (attempt.Outcome == ForwardOutcome.Completed && attempt.Tokens.Output > 1)
        {
            // The first token ended TTFT, so the rest of the time belongs to one token fewer.
            var rest = Math.Max(0, attempt.LatencyMicroseconds - attempt.TtftMicroseconds);
            _interToken.Add_NeedsGate(rest * 1_000 / (attempt.Tokens.Output - 1));
        }
    }

    private ExactCounter ErrorsSlow(int status, string errorType)
    {
        // Read first: a stream of new error types must not grow the dictionary. A race may exceed the bound by a thread or two.
        return _errors.Count >= MaxErrorKinds
            ? _otherErrors.Value
            : _errors.GetOrAdd((status, errorType), static (kind, owner) => owner.ErrorsOf(MetricLabels.OfStatus(kind.Status), owner._metrics.BoundErrorType(kind.ErrorType)), this);
    }

    // Two kinds may be bounded to one pair of labels: the same counter for both, or each would publish its own sum over the other's.
    private ExactCounter ErrorsOf(string status, string errorType) => _metrics.SharedCounterOf(MetricCatalog.ErrorRequests, [.. _labels, status, errorType]);
}
