using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Prometheus;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Metrics;

/// <summary>Every counter of one gateway, in a registry of its own.</summary>
/// <remarks>
/// Bounds: <see cref="MaxUnlistedModels"/> models that the price list does not have, <see cref="MaxValuesPerLabel"/> values of
/// each configured label and of <c>error_type</c>, <see cref="MaxChildren"/> combinations of all labels. Past a bound the value, or for the last
/// the whole combination, is <c>other</c>, so that sums over everything stay exact.
/// </remarks>
public sealed class GatewayMetrics
{
    /// <summary>Distinct models outside the price list that keep their name.</summary>
    public const int MaxUnlistedModels = 100;

    /// <summary>Distinct values of one configured label that keep their name.</summary>
    public const int MaxValuesPerLabel = 100;

    /// <summary>Combinations of labels that have counters of their own; each is about 70 series.</summary>
    public const int MaxChildren = 4_000;

    // A power of two; 8 KB of references.
    private const int RecentPlaces = 1024;

    private readonly MetricsOptions _options;
    private readonly Dictionary<string, Counter> _counters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Gauge> _gauges = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Histogram> _histograms = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<ExactCounter> _exact = new();
    private readonly ConcurrentDictionary<string, Lazy<ExactCounter>> _shared = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<MetricKey, Lazy<MetricChildren>> _children = new();

    // In front of _children: hashing seven strings costs more than all additions of an attempt. Found by which objects id and model are, proved by
    // their values; who finds something else there puts its own in place.
    private readonly MetricChildren?[] _recent = new MetricChildren?[RecentPlaces];
    private readonly BoundedValues _models = new(MaxUnlistedModels);
    private readonly BoundedValues _errorTypes = new(MaxValuesPerLabel);
    private readonly BoundedValues[] _labelValues;
    private readonly ExactCounter[] _refused;
    private readonly IHistogram[] _overhead;
    private readonly Gauge _active;
    private readonly ConcurrentDictionary<string, Func<double>> _readings = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<(IReadOnlyList<MetricDefinition> Gauges, Func<IEnumerable<(string[] Labels, double[] Values)>> Readings)> _labelled = [];
    private long _activeRequests;
    private int _childCount;

    /// <summary>All families, at zero.</summary>
    public GatewayMetrics(MetricsOptions options)
    {
        _options = options;
        var factory = Prometheus.Metrics.WithCustomRegistry(Registry);
        foreach (var definition in MetricCatalog.All)
        {
            Create(factory, definition);
        }

        _labelValues = [.. options.Labels.Select(_ => new BoundedValues(MaxValuesPerLabel))];
        _refused = [.. Enum.GetValues<RefusalReason>().Select(reason => CounterOf(MetricCatalog.RefusedRequests, [MetricLabels.Of(reason)]))];
        Spooled = CounterOf(MetricCatalog.SpoolRows, []);
        Folded = CounterOf(MetricCatalog.SpoolFoldedRows, []);
        Crashed = CounterOf(MetricCatalog.SpoolCrashedAttempts, []);
        Damaged = CounterOf(MetricCatalog.SpoolDamagedRecords, []);
        SyncFailures = CounterOf(MetricCatalog.SpoolSyncFailures, []);
        Stored = CounterOf(MetricCatalog.StoreRows, []);
        InsertFailures = CounterOf(MetricCatalog.StoreInsertFailures, []);
        InsertSeconds = HistogramOf(MetricCatalog.StoreInsert, []);
        _overhead = [.. Enum.GetValues<OverheadPhase>().Select(phase => HistogramOf(MetricCatalog.OverheadLatency, [MetricLabels.Of(phase)]))];
        _active = _gauges[MetricCatalog.ActiveRequests.Name];
        Registry.AddBeforeCollectCallback(Publish);
    }

    /// <summary>What a scrape reads.</summary>
    public CollectorRegistry Registry { get; } = Prometheus.Metrics.NewCustomRegistry();

    /// <summary>Rows written to the spool.</summary>
    internal ExactCounter Spooled { get; }

    /// <summary>Rows folded into sums because the spool was full.</summary>
    internal ExactCounter Folded { get; }

    /// <summary>Attempts that a killed process had left open.</summary>
    internal ExactCounter Crashed { get; }

    /// <summary>Stretches of the spool that could not be read.</summary>
    internal ExactCounter Damaged { get; }

    /// <summary>Syncs of the spool that failed.</summary>
    internal ExactCounter SyncFailures { get; }

    /// <summary>Rows committed.</summary>
    internal ExactCounter Stored { get; }

    /// <summary>Inserts that failed.</summary>
    internal ExactCounter InsertFailures { get; }

    /// <summary>Seconds per insert.</summary>
    internal IHistogram InsertSeconds { get; }

    /// <summary>Requests being handled.</summary>
    internal long ActiveRequests => Volatile.Read(ref _activeRequests);

    /// <summary>Has a gauge without labels read at every scrape.</summary>
    public void Observe(MetricDefinition gauge, Func<double> reading)
    {
        ArgumentNullException.ThrowIfNull(gauge);
        _readings[gauge.Name] = reading;
    }

    /// <summary>Has gauges with labels read at every scrape; a combination of labels that is not read any more goes.</summary>
    /// <param name="gauges">The gauges; each reading has a value for each, <see cref="double.NaN"/> for none.</param>
    /// <param name="readings">Labels and values.</param>
    public void Observe(IReadOnlyList<MetricDefinition> gauges, Func<IEnumerable<(string[] Labels, double[] Values)>> readings) =>
        _labelled.Add((gauges, readings));

    /// <summary>The values of the configured labels among those that a request carries.</summary>
    /// <param name="labels">Names, in any case, and values, as sent; the first of a name counts.</param>
    public LabelValues LabelsOf(List<KeyValuePair<string, string>> labels)
    {
        var values = default(LabelValues);
        for (var index = 0; index < _labelValues.Length; index++)
        {
            foreach (var (name, value) in labels)
            {
                if (string.Equals(name, _options.Labels[index], StringComparison.OrdinalIgnoreCase))
                {
                    values[index] = value;
                    break;
                }
            }
        }

        return values;
    }

    /// <summary>The counters of <paramref name="key"/>, made when it is seen first.</summary>
    /// <param name="key">Its labels, as the request has them.</param>
    /// <param name="modelListed">Whether the price list has the model; its name is then kept whatever came before.</param>
    /// <remarks>Once a key is known: no allocation, no lock.</remarks>
    public MetricChildren Resolve(in MetricKey key, bool modelListed)
    {
        if (!modelListed)
        {
            // Whether its name is kept depends on those before it, so what was found once may not be found again.
            return ResolveBounded(key, modelListed);
        }

        var identity = RuntimeHelpers.GetHashCode(key.KeyId) + (31 * RuntimeHelpers.GetHashCode(key.Model));
        ref var place = ref _recent[identity & (RecentPlaces - 1)];
        var recent = Volatile.Read(ref place);
        if (recent is not null && MetricKey.AreEqual(recent.Key, key))
        {
            return recent;
        }

        // What a bound turned into "other" would never be found there.
        var resolved = ResolveBounded(key, modelListed);
        if (MetricKey.AreEqual(resolved.Key, key))
        {
            Volatile.Write(ref place, resolved);
        }

        return resolved;
    }

    /// <summary>One counter that is published at every scrape.</summary>
    internal ExactCounter CounterOf(MetricDefinition definition, string[] labels, double unitsPerOne = 1)
    {
        var counter = new ExactCounter(_counters[definition.Name].WithLabels(labels), unitsPerOne);
        _exact.Enqueue(counter);
        return counter;
    }

    /// <summary>As <see cref="CounterOf"/>, but the same counter whenever the labels are the same.</summary>
    internal ExactCounter SharedCounterOf(MetricDefinition definition, string[] labels) => _shared.GetOrAdd(
        $"{definition.Name}\0{string.Join('\0', labels)}",
        static (_, made) => new Lazy<ExactCounter>(() => made.Owner.CounterOf(made.definition, made.labels)),
        (Owner: this, definition, labels)).Value;

    /// <summary>One histogram.</summary>
    internal IHistogram HistogramOf(MetricDefinition definition, string[] labels) => _histograms[definition.Name].WithLabels(labels);

    internal string BoundErrorType(string errorType) => _errorTypes.Bound(errorType);

    internal void ObserveOverhead(OverheadPhase phase, TimeSpan elapsed) => _overhead[(int)phase].Observe(elapsed.TotalMicroseconds);

    internal ExactCounter Refused(RefusalReason reason) => _refused[(int)reason];

    internal ExactCounter BudgetThreshold(string budget, int threshold) => SharedCounterOf(MetricCatalog.BudgetThresholds, [budget, threshold.ToString(CultureInfo.InvariantCulture)]);

    internal void AddActive(int change) => Interlocked.Add(ref _activeRequests, change);

    private void Create(MetricFactory factory, MetricDefinition definition)
    {
        var name = $"{_options.Prefix}_{definition.Name}";
        string[] labels = definition.PerChild ? [.. MetricCatalog.BaseLabels, .. _options.Labels, .. definition.Labels] : definition.Labels;
        switch (definition.Kind)
        {
            case MetricKind.Counter:
                _counters.Add(definition.Name, factory.CreateCounter(name, definition.Help, labels));
                break;
            case MetricKind.Gauge:
                _gauges.Add(definition.Name, factory.CreateGauge(name, definition.Help, labels));
                break;
            default:
                _histograms.Add(definition.Name, factory.CreateHistogram(name, definition.Help, labels, new HistogramConfiguration { Buckets = definition.Buckets, ExemplarBehavior = ExemplarBehavior.NoExemplars() }));
                break;
        }
    }

    private MetricChildren ResolveBounded(in MetricKey key, bool modelListed)
    {
        var labels = key.Labels;
        for (var index = 0; index < _labelValues.Length; index++)
        {
            labels[index] = _labelValues[index].Bound(labels[index]);
        }

        var bounded = key with { Model = modelListed ? key.Model : _models.Bound(key.Model), Labels = labels };
        return _children.TryGetValue(bounded, out var known) ? known.Value : ResolveNew(bounded);
    }

    private MetricChildren ResolveNew(in MetricKey bounded)
    {
        // Counted apart: the dictionary's own count takes all its locks, and past the bound every request of a new key comes here.
        // A race may pass the bound by a thread or two.
        var full = Volatile.Read(ref _childCount) >= MaxChildren;
        if (!full)
        {
            Interlocked.Increment(ref _childCount);
        }

        // Lazy: children publish their own sums, so two sets for the same labels would hide each other's.
        return _children.GetOrAdd(full ? OtherKey() : bounded, static (key, owner) => new Lazy<MetricChildren>(() => owner.Make(key)), this).Value;
    }

    private MetricChildren Make(MetricKey key)
    {
        string[] labels = [key.Provider, key.Model, key.KeyId, key.KeyName, key.Team, key.Customer, .. _options.Labels.Select((_, index) => key.Labels[index])];
        return new MetricChildren(this, key, labels);
    }

    private MetricKey OtherKey()
    {
        var labels = default(LabelValues);
        for (var index = 0; index < _labelValues.Length; index++)
        {
            labels[index] = BoundedValues.Other;
        }

        const string Other = BoundedValues.Other;
        return new MetricKey(Other, Other, Other, Other, Other, Other, labels);
    }

    private void Publish()
    {
        foreach (var counter in _exact)
        {
            counter.Publish();
        }

        foreach (var (_, made) in _children)
        {
            if (made.IsValueCreated)
            {
                made.Value.Publish();
            }
        }

        _active.Set(ActiveRequests);
        foreach (var (name, reading) in _readings)
        {
            _gauges[name].Set(reading());
        }

        foreach (var (gauges, readings) in _labelled)
        {
            Publish(gauges, readings());
        }
    }

    private void Publish(IReadOnlyList<MetricDefinition> gauges, IEnumerable<(string[] Labels, double[] Values)> readings)
    {
        var read = readings.ToArray();
        for (var i = 0; i < gauges.Count; i++)
        {
            var gauge = _gauges[gauges[i].Name];
            var present = read.Where(one => !double.IsNaN(one.Values[i])).Select(static one => string.Join('\n', one.Labels)).ToHashSet(StringComparer.Ordinal);
            foreach (var gone in gauge.GetAllLabelValues().Where(labels => !present.Contains(string.Join('\n', labels))).ToArray())
            {
                gauge.RemoveLabelled(gone);
            }

            foreach (var (labels, values) in read.Where(one => !double.IsNaN(one.Values[i])))
            {
                gauge.WithLabels(labels).Set(values[i]);
            }
        }
    }
}
