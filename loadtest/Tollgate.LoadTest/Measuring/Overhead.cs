using System.Globalization;

namespace Tollgate.LoadTest.Measuring;

/// <summary>Percentiles of the time that the gateway says it took itself.</summary>
/// <remarks>Units: microseconds.</remarks>
/// <param name="Observations">How many requests the phase has.</param>
/// <param name="P50">Median.</param>
/// <param name="P99">99th percentile.</param>
internal sealed record PhaseOverhead(long Observations, double P50, double P99);

/// <summary>The histogram <c>overhead_latency_microseconds</c> of one /metrics, by phase.</summary>
/// <remarks>Shape: for each phase the upper bounds, ascending, and how many observations lie at or below each; the last bound is infinite.</remarks>
internal sealed class Overhead
{
    private const string Metric = "overhead_latency_microseconds_bucket{";

    private readonly SortedDictionary<string, SortedDictionary<double, long>> _phases = new(StringComparer.Ordinal);

    /// <summary>Reads a page of metrics; whatever phases it has are there.</summary>
    public static Overhead Parse(string metrics)
    {
        var overhead = new Overhead();
        foreach (var line in metrics.Split('\n'))
        {
            var labels = line.IndexOf(Metric, StringComparison.Ordinal);
            if (labels < 0 || line[0] == '#')
            {
                continue;
            }

            var phase = Label(line, "phase");
            var bound = Label(line, "le") is var text && text == "+Inf" ? double.PositiveInfinity : double.Parse(text, CultureInfo.InvariantCulture);
            var count = (long)double.Parse(line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
            overhead.Phase(phase)[bound] = count;
        }

        return overhead;
    }

    /// <summary>What came between two pages, phase by phase; a phase without an observation is left out.</summary>
    public static IReadOnlyDictionary<string, PhaseOverhead> Between(Overhead before, Overhead after)
    {
        var phases = new SortedDictionary<string, PhaseOverhead>(StringComparer.Ordinal);
        foreach (var (phase, counts) in after._phases)
        {
            var earlier = before._phases.GetValueOrDefault(phase);
            var buckets = counts.Select(bucket => (Bound: bucket.Key, Count: bucket.Value - (earlier?.GetValueOrDefault(bucket.Key) ?? 0))).ToArray();
            if (buckets[^1].Count > 0)
            {
                phases[phase] = new PhaseOverhead(buckets[^1].Count, Quantile(buckets, 0.5), Quantile(buckets, 0.99));
            }
        }

        return phases;
    }

    /// <summary>The value below which a share of the observations lies, by a straight line inside its bucket, as Prometheus does it.</summary>
    /// <remarks>Beyond the last finite bound nothing is known: that bound is given.</remarks>
    private static double Quantile((double Bound, long Count)[] buckets, double share)
    {
        var rank = share * buckets[^1].Count;
        var (below, countBelow) = (0.0, 0L);
        foreach (var (bound, count) in buckets)
        {
            if (count >= rank && count > countBelow)
            {
                return double.IsPositiveInfinity(bound) ? below : below + ((bound - below) * (rank - countBelow) / (count - countBelow));
            }

            (below, countBelow) = (bound, count);
        }

        return below;
    }

    private static string Label(string line, string name)
    {
        var start = line.IndexOf(name + "=\"", StringComparison.Ordinal) + name.Length + 2;
        return start < name.Length + 2 ? string.Empty : line[start..line.IndexOf('"', start)];
    }

    private SortedDictionary<double, long> Phase(string name)
    {
        if (!_phases.TryGetValue(name, out var counts))
        {
            _phases[name] = counts = [];
        }

        return counts;
    }
}
