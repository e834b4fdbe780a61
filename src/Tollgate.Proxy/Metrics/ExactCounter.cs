using Prometheus;

namespace Tollgate.Proxy.Metrics;

/// <summary>A counter that adds whole numbers and is turned into a floating-point one only when it is read.</summary>
/// <remarks>
/// Why: Prometheus counts in doubles, where a million additions of $0.0000003 drift away from the ledger's sum. Here they are
/// added as integers, and the scrape divides once: the published value is the double nearest to the true sum. Up to 2^53 units
/// (nine million dollars of nano-dollars) it has every digit; beyond, its error stays below one part in 10^15 and does not grow.
/// </remarks>
/// <param name="published">What Prometheus reads.</param>
/// <param name="unitsPerOne">Units of <see cref="Add"/> in one of the metric's own: 1 for tokens, 10^9 for dollars.</param>
internal sealed class ExactCounter(ICounter published, double unitsPerOne = 1)
{
    private long _units;

    /// <summary>The sum so far, in units.</summary>
    public long Units => Volatile.Read(ref _units);

    /// <summary>Adds <paramref name="units"/>, which are not negative. Hot path: one interlocked add, none for nothing.</summary>
    public void Add(long units)
    {
        if (units != 0)
        {
            Interlocked.Add(ref _units, units);
        }
    }

    /// <summary>Adds <paramref name="units"/>, which are not negative, where a gate lets in one caller at a time: a plain addition, seen whole by <see cref="Publish"/>.</summary>
    public void Add_NeedsGate(long units) => Volatile.Write(ref _units, _units + units);

    /// <summary>Brings what Prometheus reads up to date; two scrapes at once do no harm, since the value only grows.</summary>
    public void Publish() => published.IncTo(Volatile.Read(ref _units) / unitsPerOne);
}
