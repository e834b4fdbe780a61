using System.Collections.Concurrent;
using Prometheus;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Metrics;

/// <summary>Every counter of one key and model, resolved once; what an attempt adds to needs no look-up of labels.</summary>
public sealed class MetricChildren
{
    /// <summary>Distinct (status, error type) pairs of one child; past it a pair counts as <c>other, other</c>.</summary>
    public const int MaxErrorKinds = 64;

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
    private readonly IHistogram _latency;
    private readonly IHistogram _firstToken;
    private readonly IHistogram _interToken;

    internal MetricChildren(GatewayMetrics metrics, in MetricKey key, string[] labels)
    {
        _metrics = metrics;
        _labels = labels;
        Key = key;
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
        _latency = metrics.HistogramOf(MetricCatalog.UpstreamLatency, labels);
        _firstToken = metrics.HistogramOf(MetricCatalog.FirstTokenLatency, labels);
        _interToken = metrics.HistogramOf(MetricCatalog.InterTokenLatency, labels);
        _otherErrors = new Lazy<ExactCounter>(() => ErrorsOf(BoundedValues.Other, BoundedValues.Other));
        ExactCounter CostOf(string tokenType) => _metrics.CounterOf(MetricCatalog.Cost, [.. _labels, tokenType], Nanodollars.PerDollar);
    }

    /// <summary>The labels, as bounded.</summary>
    public MetricKey Key { get; }

    /// <summary>Counts one attempt that has ended. A refused one was never sent upstream and is not counted here.</summary>
    /// <remarks>Hot path: no allocation, no lock; see MetricChildrenTests.Observing_on_warm_children_allocates_nothing.</remarks>
    public void Observe(in AttemptFigures attempt)
    {
        if (attempt.Outcome == ForwardOutcome.Refused)
        {
            return;
        }

        _requests.Add(1);
        if (attempt.Outcome == ForwardOutcome.Completed)
        {
            _successes.Add(1);
        }
        else
        {
            var type = attempt.ErrorType.Length > 0 ? attempt.ErrorType : MetricLabels.Of(attempt.Outcome);
            (_errors.TryGetValue((attempt.HttpStatus, type), out var errors) ? errors : ErrorsSlow(attempt.HttpStatus, type)).Add(1);
        }

        AddUsage(attempt.Tokens);
        AddCost(attempt);
        ObserveTimes(attempt);
    }

    private void AddUsage(in TokenUsage tokens)
    {
        _input.Add(tokens.Input);
        _output.Add(tokens.Output);
        _cacheRead.Add(tokens.CacheRead);
        _cacheWrite5m.Add(tokens.CacheWrite5m);
        _cacheWrite1h.Add(tokens.CacheWrite1h);
        _cacheHits.Add(tokens.CacheRead > 0 ? 1 : 0);
    }

    private void AddCost(in AttemptFigures attempt)
    {
        if (!attempt.Priced)
        {
            _unpriced.Add(attempt.Tokens.IsEmpty ? 0 : 1);
            return;
        }

        _costInput.Add(attempt.Cost.Input.Value);
        _costOutput.Add(attempt.Cost.Output.Value);
        _costCacheRead.Add(attempt.Cost.CacheRead.Value);
        _costCacheWrite.Add(attempt.Cost.CacheWrite.Value);
        _costOther.Add(attempt.Cost.Other.Value);
        if (attempt.UsageSource is UsageSource.Partial or UsageSource.Estimated)
        {
            _estimatedCost.Add(attempt.Cost.Total.Value);
        }
    }

    private void ObserveTimes(in AttemptFigures attempt)
    {
        const double MicrosecondsPerSecond = 1_000_000;
        _latency.Observe(attempt.LatencyMicroseconds / MicrosecondsPerSecond);
        if (!attempt.IsStream || attempt.TtftMicroseconds <= 0)
        {
            return;
        }

        _firstToken.Observe(attempt.TtftMicroseconds / MicrosecondsPerSecond);
        if (attempt.Outcome == ForwardOutcome.Completed && attempt.Tokens.Output > 1)
        {
            // The first token ended TTFT, so the rest of the time belongs to one token fewer.
            var rest = (attempt.LatencyMicroseconds - attempt.TtftMicroseconds) / MicrosecondsPerSecond;
            _interToken.Observe(Math.Max(0, rest) / (attempt.Tokens.Output - 1));
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
