namespace Tollgate.Testing;

/// <summary>Cuts of a byte string: a parser must not care where its input was cut.</summary>
public static class EverySplit
{
    /// <summary>Every way to cut <paramref name="bytes"/> into two pieces, the uncut whole first.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>[]> InTwo(ReadOnlyMemory<byte> bytes)
    {
        yield return [bytes];
        for (var cut = 1; cut < bytes.Length; cut++)
        {
            yield return [bytes[..cut], bytes[cut..]];
        }
    }
}
