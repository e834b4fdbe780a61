using System.Buffers;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>Reads a segment's records in order, a part of the file at a time.</summary>
/// <remarks>
/// Bound: a buffer of <see cref="PartBytes"/>, or of one record where that is larger.
/// Owner: one thread. A record's payload is valid until the next call.
/// </remarks>
/// <param name="partBytes">How much is read at once; a multiple of 8.</param>
internal sealed class SegmentReader(int partBytes = SegmentReader.PartBytes)
{
    /// <summary>How much is read at once.</summary>
    public const int PartBytes = 256 * 1024;

    private byte[] _buffer = [];
    private int _origin;
    private int _count;

    /// <summary>The segment being read.</summary>
    public Segment? Segment { get; private set; }

    /// <summary>Where the next record is looked for.</summary>
    public int Offset { get; private set; }

    /// <summary>Stretches of bytes passed over because they were no whole record, since <see cref="Open"/>.</summary>
    public int Damaged { get; private set; }

    /// <summary>Begins to read at an offset.</summary>
    public void Open(Segment segment, int offset)
    {
        Segment = segment;
        Offset = offset;
        Damaged = 0;
        _origin = offset;
        _count = 0;
    }

    /// <summary>Reads the next record that ends at or before <paramref name="limit"/>.</summary>
    /// <param name="limit">Offset in the segment.</param>
    /// <param name="record">Where it is.</param>
    /// <param name="payload">What it says.</param>
    public bool TryRead(int limit, out SpoolRecord.Found record, out ReadOnlySpan<byte> payload)
    {
        var segment = Segment ?? throw new InvalidOperationException("No segment is open.");
        limit = Math.Min(limit, Math.Min(segment.Cut, segment.Bytes));
        var wanted = partBytes;
        var isDamaged = false;
        while (true)
        {
            var end = Math.Min(_origin + _count, limit);
            var part = _buffer.AsSpan(0, Math.Max(0, end - _origin));
            var offset = Offset;
            var status = SpoolRecord.TryNext(part, _origin, end >= limit, segment.Seed, ref offset, out record, ref isDamaged);
            Offset = offset;
            if (status == OperationStatus.Done)
            {
                Damaged += isDamaged ? 1 : 0;
                payload = _buffer.AsSpan(record.Offset + SpoolRecord.HeaderBytes - _origin, record.Length);
                return true;
            }

            if (status == OperationStatus.InvalidData)
            {
                Damaged += isDamaged ? 1 : 0;
                payload = default;
                return false;
            }

            Fill(segment, limit, wanted);
            wanted *= 2;
        }
    }

    /// <summary>Lets go of the segment and of the buffer.</summary>
    public void Close()
    {
        Segment = null;
        _buffer = [];
        _count = Damaged = 0;
    }

    private void Fill(Segment segment, int limit, int wanted)
    {
        _origin = Offset;
        _count = Math.Min(wanted, limit - Offset);
        if (_buffer.Length < _count)
        {
            _buffer = new byte[Math.Max(_count, Math.Min(partBytes, segment.Bytes))];
        }

        try
        {
            segment.Read(_origin, _buffer.AsSpan(0, _count));
        }
        catch (SpoolFileException)
        {
            ReadBlocks(segment);
        }
    }

    // One bad block of the disk costs the records in it, not the part.
    private void ReadBlocks(Segment segment)
    {
        const int Block = 4096;
        var length = 0;
        for (var at = 0; at < _count; at += length)
        {
            // Up to where the file's own block ends, so that a bad one takes no other with it.
            length = Math.Min(Block - ((_origin + at) % Block), _count - at);
            var block = _buffer.AsSpan(at, length);
            try
            {
                segment.Read(_origin + at, block);
            }
            catch (SpoolFileException)
            {
                block.Fill(0xFF);
            }
        }
    }
}
