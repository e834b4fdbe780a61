using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>What a record of the spool says.</summary>
internal enum SpoolRecordKind
{
    /// <summary>Nothing; never written, because zeros must not look like a record.</summary>
    None = 0,

    /// <summary>An open attempt's row as it would read if nobody closed it; a later draft of the same attempt takes its place.</summary>
    Draft = 1,

    /// <summary>An attempt's row: the time it was recorded (Int64 ms, UTC), then the row. Closes the attempt.</summary>
    Row = 2,

    /// <summary>How far the sender is; see <see cref="SpoolCursor"/>. The one with the highest version holds.</summary>
    Cursor = 3,

    /// <summary>A row copied out of a segment that could not be made durable: the place it came from (Int64), then as <see cref="Row"/>. The original does not count.</summary>
    MovedRow = 4,

    /// <summary>An attempt that has drafts was added to a fold instead of getting a row: its id (16 bytes, as in its row). Closes the attempt.</summary>
    Folded = 5,
}

/// <summary>The framing of records in a segment.</summary>
/// <remarks>
/// record = tag (UInt32), checksum (UInt32), payload, zeros up to a multiple of 8 bytes; all little-endian
/// tag = 0xA7 (8 bits), kind (4 bits), length of the payload (20 bits)
/// checksum = CRC-32C over offset, tag and payload, begun with the segment's seed: a record of another file or place is no record here.
/// The tag is written last, with release: whoever reads it (acquire) reads a whole record, also after the process was killed.
/// </remarks>
internal static class SpoolRecord
{
    /// <summary>Bytes before the payload.</summary>
    public const int HeaderBytes = 8;

    /// <summary>The longest payload.</summary>
    public const int MaxPayloadBytes = (1 << LengthBits) - 1;

    private const int LengthBits = 20;
    private const int KindBits = 4;
    private const uint Mark = 0xA7u << (LengthBits + KindBits);
    private const uint MarkMask = 0xFFu << (LengthBits + KindBits);

    /// <summary>Bytes that a record of <paramref name="payload"/> bytes takes.</summary>
    public static int SizeOf(int payload) => (HeaderBytes + payload + 7) & ~7;

    /// <summary>The tag of a record.</summary>
    public static uint Tag(SpoolRecordKind kind, int payload) => Mark | ((uint)kind << LengthBits) | (uint)payload;

    /// <summary>Takes a tag apart; false when it can't be one.</summary>
    public static bool TryReadTag(uint tag, out SpoolRecordKind kind, out int payload)
    {
        kind = (SpoolRecordKind)((tag >> LengthBits) & ((1 << KindBits) - 1));
        payload = (int)(tag & MaxPayloadBytes);
        return (tag & MarkMask) == Mark && kind is > SpoolRecordKind.None and <= SpoolRecordKind.Folded;
    }

    /// <summary>The checksum of a record.</summary>
    public static uint Checksum(uint seed, int offset, uint tag, ReadOnlySpan<byte> payload)
    {
        var crc = BitOperations.Crc32C(BitOperations.Crc32C(seed, (uint)offset), tag);
        return Crc32C(crc, payload);
    }

    /// <summary>CRC-32C of bytes, eight at a time.</summary>
    public static uint Crc32C(uint crc, ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
        {
            crc = BitOperations.Crc32C(crc, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));
        }

        foreach (var rest in bytes[(words.Length * sizeof(ulong))..])
        {
            crc = BitOperations.Crc32C(crc, rest);
        }

        return crc;
    }

    /// <summary>Finds the next whole record at or after <paramref name="offset"/>, passing over what is damaged.</summary>
    /// <param name="bytes">Part of a segment; its length is a multiple of 8 unless it is final.</param>
    /// <param name="origin">Where in the segment the part begins.</param>
    /// <param name="isFinal">Whether nothing follows the part.</param>
    /// <param name="seed">The segment's seed.</param>
    /// <param name="offset">Where in the segment to look; afterwards behind the record found, or where to go on.</param>
    /// <param name="found">The record.</param>
    /// <param name="damaged">Set when bytes that are not zero had to be passed over.</param>
    /// <returns><c>Done</c> with a record; <c>NeedMoreData</c> when one may begin at <paramref name="offset"/> and end behind the part; <c>InvalidData</c> at the end.</returns>
    public static OperationStatus TryNext(
        ReadOnlySpan<byte> bytes, int origin, bool isFinal, uint seed, ref int offset, out Found found, ref bool damaged)
    {
        found = default;
        var end = origin + bytes.Length;
        while (offset + HeaderBytes <= end)
        {
            var at = bytes[(offset - origin)..];
            var tag = BinaryPrimitives.ReadUInt32LittleEndian(at);
            if (TryReadTag(tag, out var kind, out var length))
            {
                if (SizeOf(length) > at.Length)
                {
                    if (!isFinal)
                    {
                        return OperationStatus.NeedMoreData;
                    }
                }
                else if (Checksum(seed, offset, tag, at.Slice(HeaderBytes, length)) == BinaryPrimitives.ReadUInt32LittleEndian(at[sizeof(uint)..]))
                {
                    found = new Found(kind, offset, length);
                    offset += SizeOf(length);
                    return OperationStatus.Done;
                }
            }

            // Not a record: room that was never published, a torn or flipped page, or simply the end. Records begin at multiples of 8.
            damaged |= BinaryPrimitives.ReadUInt64LittleEndian(at) != 0;
            var skip = at[8..].IndexOfAnyExcept((byte)0);
            offset = skip < 0 ? end : offset + 8 + (skip & ~7);
        }

        return isFinal ? OperationStatus.InvalidData : OperationStatus.NeedMoreData;
    }

    /// <summary>Where a record lies in its segment.</summary>
    /// <param name="Kind">What it says.</param>
    /// <param name="Offset">Where it begins.</param>
    /// <param name="Length">Bytes of its payload.</param>
    internal readonly record struct Found(SpoolRecordKind Kind, int Offset, int Length);
}
