namespace Tollgate.Proxy.Recording.Spool;

/// <summary>A place in the spool: a segment and an offset in it. Later places compare greater.</summary>
/// <remarks>Shape: the segment's index times 2^32, plus the offset in bytes; one 64-bit integer, so that it is read and written whole.</remarks>
internal readonly record struct SpoolPosition(long Value) : IComparable<SpoolPosition>
{
    private const int OffsetBits = 32;

    /// <summary>The place <paramref name="offset"/> bytes into segment <paramref name="segment"/>.</summary>
    public SpoolPosition(long segment, int offset)
        : this((segment << OffsetBits) | (uint)offset)
    {
    }

    /// <summary>Index of the segment.</summary>
    public long Segment => Value >> OffsetBits;

    /// <summary>Offset in its file, in bytes.</summary>
    public int Offset => (int)Value;

    /// <summary>Whether <paramref name="left"/> comes before.</summary>
    public static bool operator <(SpoolPosition left, SpoolPosition right) => left.Value < right.Value;

    /// <summary>Whether <paramref name="left"/> comes after.</summary>
    public static bool operator >(SpoolPosition left, SpoolPosition right) => left.Value > right.Value;

    /// <summary>Whether <paramref name="left"/> comes before or is the same.</summary>
    public static bool operator <=(SpoolPosition left, SpoolPosition right) => left.Value <= right.Value;

    /// <summary>Whether <paramref name="left"/> comes after or is the same.</summary>
    public static bool operator >=(SpoolPosition left, SpoolPosition right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public int CompareTo(SpoolPosition other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => $"{Segment}:{Offset}";
}
