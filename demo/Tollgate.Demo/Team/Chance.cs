using System.Buffers.Binary;

namespace Tollgate.Demo.Team;

/// <summary>Chance that is the same each time: everything the simulated team does follows from one seed.</summary>
/// <remarks>Each part of the simulation draws from a stream of its own (<see cref="For(long)"/>), so that a change in one part leaves the others as they were.</remarks>
internal sealed class Chance
{
    private const string Base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

    private readonly ulong _seed;
    private readonly Random _random;

    /// <summary>A stream of chance.</summary>
    public Chance(ulong seed)
    {
        _seed = seed;
        _random = new Random(unchecked((int)Mixed(seed)));
    }

    /// <summary>Another stream, which depends on this one's seed and on a key alone, not on what was drawn.</summary>
    public Chance For(long key) => new(Mixed(_seed ^ Mixed(unchecked((ulong)key))));

    /// <summary>The same for a name.</summary>
    public Chance For(string name)
    {
        // FNV-1a: string.GetHashCode differs from process to process.
        var hash = 14695981039346656037UL;
        foreach (var character in name)
        {
            hash = unchecked((hash ^ character) * 1099511628211UL);
        }

        return For(unchecked((long)hash));
    }

    /// <summary>Whether something of this probability happens.</summary>
    public bool Is(double probability) => _random.NextDouble() < probability;

    /// <summary>From 0 up to 1.</summary>
    public double Part() => _random.NextDouble();

    /// <summary>A whole number within these two, both included.</summary>
    public int Between(int least, int most) => _random.Next(least, most + 1);

    /// <summary>A number around <paramref name="median"/> as human and machine times and sizes are: many small ones, a few large ones.</summary>
    /// <param name="median">Half of them are smaller.</param>
    /// <param name="spread">0.5: two thirds lie within a factor of 1.6; 1: of 2.7.</param>
    /// <param name="most">Where it is cut.</param>
    public int Around(int median, double spread, int most)
    {
        var normal = Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
        return (int)Math.Min(most, median * Math.Exp(spread * normal));
    }

    /// <summary>A time around <paramref name="median"/>, cut at <paramref name="most"/>.</summary>
    public TimeSpan Around(TimeSpan median, double spread, TimeSpan most) =>
        TimeSpan.FromMilliseconds(Around((int)median.TotalMilliseconds, spread, (int)most.TotalMilliseconds));

    /// <summary>One of several.</summary>
    public T Of<T>(params IReadOnlyList<T> choices) => choices[_random.Next(choices.Count)];

    /// <summary>A UUID of version 4.</summary>
    public Guid Uuid()
    {
        Span<byte> bytes = stackalloc byte[16];
        _random.NextBytes(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>A UUID of version 7, as the gateway makes them.</summary>
    public Guid Uuid(DateTimeOffset at)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(bytes, at.ToUnixTimeMilliseconds() << 16);
        _random.NextBytes(bytes[6..]);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x70);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Hex digits.</summary>
    public string Hex(int digits) => string.Create(digits, _random, static (text, random) =>
    {
        foreach (ref var character in text)
        {
            character = "0123456789abcdef"[random.Next(16)];
        }
    });

    /// <summary>An id as Anthropic makes them: <c>req_01…</c>, <c>msg_01…</c>.</summary>
    public string ProviderId(string prefix) => string.Create(prefix.Length + 24, (prefix, _random), static (text, made) =>
    {
        made.prefix.CopyTo(text);
        "01".CopyTo(text[made.prefix.Length..]);
        foreach (ref var character in text[(made.prefix.Length + 2)..])
        {
            character = Base58[made._random.Next(Base58.Length)];
        }
    });

    // SplitMix64.
    private static ulong Mixed(ulong value)
    {
        unchecked
        {
            value += 0x9E3779B97F4A7C15UL;
            value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9UL;
            value = (value ^ (value >> 27)) * 0x94D049BB133111EBUL;
            return value ^ (value >> 31);
        }
    }
}
