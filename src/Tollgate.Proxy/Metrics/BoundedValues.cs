using System.Collections.Concurrent;

namespace Tollgate.Proxy.Metrics;

/// <summary>Lets the first so many distinct values of a label through; every later one counts as <see cref="Other"/>.</summary>
/// <remarks>A label's values come from requests in the end, and each makes a dozen series: unbounded, one client could fill memory.</remarks>
/// <param name="limit">Distinct values let through, those apart that are always allowed: nothing at all and <see cref="Other"/>.</param>
internal sealed class BoundedValues(int limit)
{
    /// <summary>What stands for every value past the limit.</summary>
    public const string Other = "other";

    /// <summary>Longest value let through, in characters.</summary>
    public const int MaxLength = 128;

    private readonly ConcurrentDictionary<string, string> _known = new(StringComparer.Ordinal);
    private int _count;

    /// <summary><paramref name="value"/>, or <see cref="Other"/> when there were too many before it or it is too long.</summary>
    public string Bound(string value)
    {
        if (value.Length == 0)
        {
            return value;
        }

        return _known.TryGetValue(value, out var known) ? known : BoundNew(value);
    }

    private string BoundNew(string value)
    {
        if (value.Length > MaxLength || Volatile.Read(ref _count) >= limit)
        {
            return Other;
        }

        // Count first, add second: of two threads racing for the last place one finds the count too high and gives it back.
        if (Interlocked.Increment(ref _count) > limit)
        {
            Interlocked.Decrement(ref _count);
            return Other;
        }

        if (!_known.TryAdd(value, value))
        {
            Interlocked.Decrement(ref _count);
        }

        return value;
    }
}
