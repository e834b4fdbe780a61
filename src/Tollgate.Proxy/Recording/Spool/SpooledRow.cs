using System.Buffers;
using System.Buffers.Binary;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>How rows are written for the store. The spool keeps them in this form, so that a batch is the same bytes however often it is sent.</summary>
/// <remarks>
/// A row begins with fields at fixed places, which the spool reads and writes itself: its number (UInt64 little-endian; 0 until it is given one),
/// its attempt id (16 bytes, in the store's order). What follows is the format's own.
/// </remarks>
public interface IRowFormat
{
    /// <summary>Changes whenever the columns or their order do. Segments carry it, so that a newer Tollgate sends older rows under their own columns.</summary>
    int Version { get; }

    /// <summary>Writes one row.</summary>
    /// <remarks>Hot path: no allocation once the output has grown.</remarks>
    void Write(IBufferWriter<byte> output, UsageRow row);

    /// <summary>The attempt id as it stands in a row's bytes.</summary>
    Guid ReadAttemptId(ReadOnlySpan<byte> sixteenBytes);
}

/// <summary>The fixed fields at the start of a row's bytes.</summary>
internal static class SpooledRow
{
    /// <summary>Bytes of the fixed fields; no row is shorter.</summary>
    public const int FixedBytes = 24;

    /// <summary>Bytes of an attempt id.</summary>
    public const int AttemptIdBytes = 16;

    private const int AttemptIdOffset = 8;

    /// <summary>Gives the row its number.</summary>
    public static void SetSequence(Span<byte> row, ulong sequence) => BinaryPrimitives.WriteUInt64LittleEndian(row, sequence);

    /// <summary>The row's number.</summary>
    public static ulong SequenceOf(ReadOnlySpan<byte> row) => BinaryPrimitives.ReadUInt64LittleEndian(row);

    /// <summary>The attempt id's bytes.</summary>
    public static ReadOnlySpan<byte> AttemptIdOf(ReadOnlySpan<byte> row) => row.Slice(AttemptIdOffset, AttemptIdBytes);

    /// <summary>The attempt id as a key: the same bytes, whatever their order means.</summary>
    public static UInt128 AttemptKeyOf(ReadOnlySpan<byte> row) => AttemptKey(AttemptIdOf(row));

    /// <summary>An attempt id's bytes as a key.</summary>
    public static UInt128 AttemptKey(ReadOnlySpan<byte> id) => BinaryPrimitives.ReadUInt128LittleEndian(id);
}
