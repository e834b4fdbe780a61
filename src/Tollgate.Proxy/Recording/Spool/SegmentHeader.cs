using System.Buffers.Binary;
using System.Globalization;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>The first bytes of a segment's file. Written once, before the file is used, and never changed.</summary>
/// <remarks>header = magic (8 bytes), format (UInt32), row format (UInt32), index (Int64), spool id (16 bytes), size (UInt32), CRC-32C of these 44 bytes.</remarks>
/// <param name="Index">Counts segments of this spool; a segment's name.</param>
/// <param name="RowFormat">The version of <see cref="IRowFormat"/> its rows are in.</param>
/// <param name="SpoolId">Which spool it belongs to.</param>
/// <param name="SegmentBytes">Size of the file.</param>
internal sealed record SegmentHeader(long Index, int RowFormat, Guid SpoolId, int SegmentBytes)
{
    /// <summary>Bytes kept for the header; records begin here.</summary>
    public const int Bytes = 64;

    /// <summary>The version of the framing.</summary>
    public const int Format = 1;

    private const int Checked = 44;
    private const string Extension = ".segment";

    private static ReadOnlySpan<byte> Magic => "TGSPOOL\n"u8;

    /// <summary>Where the checksums of the segment's records begin: another file's records don't pass.</summary>
    public uint Seed
    {
        get
        {
            Span<byte> bytes = stackalloc byte[Bytes];
            Write(bytes);
            return SpoolRecord.Crc32C(0, bytes[..Checked]);
        }
    }

    /// <summary>The file's name.</summary>
    public static string NameOf(long index) => index.ToString("x16", CultureInfo.InvariantCulture) + Extension;

    /// <summary>The index that a file's name tells; false for files that are no segments.</summary>
    public static bool TryReadName(string name, out long index)
    {
        index = 0;
        return name.EndsWith(Extension, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(0, name.Length - Extension.Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out index)
            && name == NameOf(index);
    }

    /// <summary>Writes it.</summary>
    public void Write(Span<byte> bytes)
    {
        bytes[..Bytes].Clear();
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], Format);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[12..], RowFormat);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], Index);
        SpoolId.TryWriteBytes(bytes[24..]);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[40..], SegmentBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[Checked..], SpoolRecord.Crc32C(0, bytes[..Checked]));
    }

    /// <summary>Reads one; null when the bytes are none, or damaged.</summary>
    /// <exception cref="SpoolFormatException">It is one of a later version.</exception>
    public static SegmentHeader? TryRead(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.Length < Bytes
            || !bytes.StartsWith(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[Checked..]) != SpoolRecord.Crc32C(0, bytes[..Checked]))
        {
            return null;
        }

        var format = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        return format == Format
            ? new SegmentHeader(
                BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
                new Guid(bytes.Slice(24, 16)),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[40..]))
            : throw new SpoolFormatException(
                $"{name} has spool format {format}, this Tollgate reads {Format}. Start the version that wrote it once and let it deliver its rows, or name another spool.directory.");
    }
}

/// <summary>A spool directory that this Tollgate can't use, for a reason that the operator can change.</summary>
public sealed class SpoolFormatException(string message) : Exception(message);
