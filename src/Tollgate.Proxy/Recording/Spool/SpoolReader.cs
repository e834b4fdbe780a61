using System.Buffers.Binary;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>Reads the spool's durable rows in order, from segment to segment.</summary>
/// <remarks>Owner: the sender.</remarks>
/// <param name="spool">The spool.</param>
internal sealed class SpoolReader(UsageSpool spool)
{
    private readonly SegmentReader _reader = new();
    private int _damagedBefore;

    /// <summary>Behind the last row read.</summary>
    public SpoolPosition Position { get; private set; }

    /// <summary>Stretches of bytes passed over because they were no whole record.</summary>
    public int Damaged => _damagedBefore + _reader.Damaged;

    /// <summary>Goes to a place.</summary>
    public void Seek(SpoolPosition position)
    {
        Position = position;
        _damagedBefore += _reader.Damaged;
        _reader.Close();
    }

    /// <summary>Reads the next row.</summary>
    /// <param name="format">The form that the row must have; null for any.</param>
    /// <param name="row">Its bytes; valid until the next call.</param>
    /// <param name="recordedAt">When it was recorded, in Unix milliseconds.</param>
    /// <returns>False when there is none yet, or the next one is in another form.</returns>
    public bool TryRead(int? format, out ReadOnlySpan<byte> row, out long recordedAt)
    {
        while (TryOpen(format, out var segment, out var limit))
        {
            while (_reader.TryRead(limit, out var record, out var payload))
            {
                Position = new SpoolPosition(segment.Index, _reader.Offset);
                if (TryTakeRow(record, payload, out row, out recordedAt) && !spool.Hidden.Contains(new SpoolPosition(segment.Index, record.Offset).Value))
                {
                    return true;
                }
            }

            Position = new SpoolPosition(segment.Index, Math.Max(Position.Offset, _reader.Offset));
            if (!TryLeave(segment))
            {
                break;
            }
        }

        row = default;
        recordedAt = 0;
        return false;
    }

    /// <summary>The form of the next row; null when there is none yet.</summary>
    public int? NextFormat() => TryOpen(null, out var segment, out _) ? segment.RowFormat : null;

    private static bool TryTakeRow(SpoolRecord.Found record, ReadOnlySpan<byte> payload, out ReadOnlySpan<byte> row, out long recordedAt)
    {
        var prefix = record.Kind switch
        {
            SpoolRecordKind.Row => 0,
            SpoolRecordKind.MovedRow => sizeof(long),
            _ => -1,
        };
        if (prefix < 0 || payload.Length < prefix + sizeof(long) + SpooledRow.FixedBytes)
        {
            row = default;
            recordedAt = 0;
            return false;
        }

        recordedAt = BinaryPrimitives.ReadInt64LittleEndian(payload[prefix..]);
        row = payload[(prefix + sizeof(long))..];
        return true;
    }

    /// <summary>Opens the segment of the present place, or the first one behind it.</summary>
    private bool TryOpen(int? format, out Segment segment, out int limit)
    {
        var durable = spool.Durable;
        limit = 0;
        segment = _reader.Segment!;
        if (_reader.Segment is null)
        {
            var found = spool.Segments.FirstOrDefault(one => one.Index >= Position.Segment);
            if (found is null || found.Index > durable.Segment)
            {
                return false;
            }

            segment = found;
            var offset = found.Index == Position.Segment ? Math.Max(Position.Offset, SegmentHeader.Bytes) : SegmentHeader.Bytes;
            Position = new SpoolPosition(found.Index, offset);
            _reader.Open(found, offset);
        }

        limit = segment.Index < durable.Segment ? segment.Bytes : durable.Offset;
        return format is null || segment.RowFormat == format;
    }

    /// <summary>Goes on to the next segment; false when this one may still grow.</summary>
    private bool TryLeave(Segment segment)
    {
        if (segment.Index >= spool.Durable.Segment || spool.Segments.FirstOrDefault(one => one.Index > segment.Index) is not { } next)
        {
            return false;
        }

        Seek(new SpoolPosition(next.Index, SegmentHeader.Bytes));
        return true;
    }
}
