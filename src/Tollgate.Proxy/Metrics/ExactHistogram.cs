using Prometheus;

namespace Tollgate.Proxy.Metrics;

/// <summary>A histogram that sorts whole numbers into its buckets and hands them to Prometheus only when it is read.</summary>
/// <remarks>
/// Why: an observation of Prometheus' own costs more than everything else that is counted of a request. A bucket here has a count and a sum; a scrape
/// observes each bucket's average as often as the bucket was met since the last one, which leaves buckets and sum as if each value had been observed.
/// Owner: whoever holds the gate that lets in one caller at a time.
/// </remarks>
/// <param name="published">What Prometheus reads; may be shared.</param>
/// <param name="bounds">Upper bounds of its buckets, ascending.</param>
/// <param name="unitsPerOne">Units of <see cref="Add_NeedsGate"/> in one of the metric's own.</param>
internal sealed class ExactHistogram(IHistogram published, double[] bounds, double unitsPerOne)
{
    private readonly long[] _bounds = [.. bounds.Select(bound => (long)Math.Round(bound * unitsPerOne))];
    private readonly Bucket[] _buckets = new Bucket[bounds.Length + 1];

    /// <summary>Adds one value, in units.</summary>
    public void Add_NeedsGate(long units)
    {
        // From below: there are at most 17, and most values are in the first half.
        var bounds = _bounds;
        var place = 0;
        while (place < bounds.Length && units > bounds[place])
        {
            place++;
        }

        ref var bucket = ref _buckets[place];
        bucket.Count++;
        bucket.Sum += units;
    }

    /// <summary>Hands over what was added since the last time.</summary>
    public void Publish_NeedsGate()
    {
        for (var place = 0; place < _buckets.Length; place++)
        {
            ref var bucket = ref _buckets[place];
            if (bucket.Count > 0)
            {
                // Rounding must not move it to the bucket below.
                var average = (double)bucket.Sum / bucket.Count / unitsPerOne;
                published.Observe(place == 0 ? average : Math.Max(average, Math.BitIncrement(bounds[place - 1])), bucket.Count);
                bucket = default;
            }
        }
    }

    private struct Bucket
    {
        public long Count;
        public long Sum;
    }
}
