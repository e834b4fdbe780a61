namespace Tollgate.Testing;

/// <summary>Cuts of a byte string: a parser must not care where its input was cut.</summary>
public static class EverySplit
{
    /// <summary>Up to this length every pair of cuts is tried.</summary>
    public const int AllPairsBytes = 700;

    /// <summary>Every way to cut <paramref name="bytes"/> into two pieces, the uncut whole first.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>[]> InTwo(ReadOnlyMemory<byte> bytes)
    {
        yield return [bytes];
        for (var cut = 1; cut < bytes.Length; cut++)
        {
            yield return [bytes[..cut], bytes[cut..]];
        }
    }

    /// <summary>Pieces of one byte each.</summary>
    public static ReadOnlyMemory<byte>[] IntoBytes(ReadOnlyMemory<byte> bytes) =>
        [.. Enumerable.Range(0, bytes.Length).Select(at => bytes.Slice(at, 1))];

    /// <summary>Every way into three pieces of a short input; as many as <paramref name="sampled"/> ways of a longer one.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>[]> InThree(ReadOnlyMemory<byte> bytes, int sampled, int seed)
    {
        if (bytes.Length > AllPairsBytes)
        {
            return AtRandom(bytes, sampled, 2, 2, seed);
        }

        return from first in Enumerable.Range(1, Math.Max(0, bytes.Length - 2))
               from second in Enumerable.Range(first + 1, Math.Max(0, bytes.Length - first - 1))
               select new[] { bytes[..first], bytes[first..second], bytes[second..] };
    }

    /// <summary>Random ways with <paramref name="fewest"/> to <paramref name="most"/> cuts; equal cuts leave empty pieces in.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>[]> AtRandom(ReadOnlyMemory<byte> bytes, int count, int fewest, int most, int seed)
    {
        var random = new Random(seed);
        for (var way = 0; way < count; way++)
        {
            var cuts = new int[random.Next(fewest, most + 1)];
            for (var cut = 0; cut < cuts.Length; cut++)
            {
                cuts[cut] = random.Next(bytes.Length + 1);
            }

            Array.Sort(cuts);
            var pieces = new ReadOnlyMemory<byte>[cuts.Length + 1];
            var start = 0;
            for (var piece = 0; piece < cuts.Length; piece++)
            {
                pieces[piece] = bytes[start..cuts[piece]];
                start = cuts[piece];
            }

            pieces[^1] = bytes[start..];
            yield return pieces;
        }
    }
}
