using System.Buffers.Binary;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording.Spool;

/// <summary>What a reader would see that does not look at checksums.</summary>
internal static class Checksums
{
    /// <summary>Writes the right checksum wherever a tag stands.</summary>
    public static void Repair(Span<byte> segment)
    {
        if (segment.Length < SegmentHeader.Bytes || SegmentHeader.TryRead(segment[..SegmentHeader.Bytes], string.Empty) is not { } header)
        {
            return;
        }

        var offset = SegmentHeader.Bytes;
        while (offset + SpoolRecord.HeaderBytes <= segment.Length)
        {
            var record = segment[offset..];
            var tag = BinaryPrimitives.ReadUInt32LittleEndian(record);
            if (SpoolRecord.TryReadTag(tag, out _, out var length) && SpoolRecord.SizeOf(length) <= record.Length)
            {
                var checksum = SpoolRecord.Checksum(header.Seed, offset, tag, record.Slice(SpoolRecord.HeaderBytes, length));
                BinaryPrimitives.WriteUInt32LittleEndian(record[sizeof(uint)..], checksum);
                offset += SpoolRecord.SizeOf(length);
            }
            else
            {
                offset += 8;
            }
        }
    }
}
