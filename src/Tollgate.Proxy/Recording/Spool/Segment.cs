using System.Buffers.Binary;
using System.Diagnostics;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>One file of the spool, written from its start to its end by any number of threads.</summary>
/// <remarks>
/// A writer, in order: (1) takes room by compare-and-swap on the tail; (2) copies payload and checksum into it; (3) publishes the record by writing
/// its tag with release. Between (1) and (3) nothing can throw. A writer that is suspended there hides the records behind it from readers of the
/// living process until it runs again; a process killed there leaves a gap that recovery passes over.
/// A sealed segment gives no more room, so that its end is known; the mapping may go once everything before the end is published.
/// </remarks>
internal sealed class Segment : IDisposable
{
    // The tail's own bit: no room is given any more.
    private const int SealedBit = 1 << 30;

    private readonly ISpoolFile _file;
    private readonly SegmentHeader _header;

    // Held by whoever reads through the mapping or gives it up; writers need it not, since nobody gives it up while one is left.
    private readonly Lock _mapping = new();
    private Memory<byte> _memory;
    private int _tail = SegmentHeader.Bytes;
    private int _openDrafts;
    private int _countedRows;
    private int _warm;

    private Segment(ISpoolFile file, SegmentHeader header)
    {
        _file = file;
        _header = header;
        Seed = header.Seed;
    }

    /// <summary>Its place among the segments.</summary>
    public long Index => _header.Index;

    /// <summary>The version of its rows' form.</summary>
    public int RowFormat => _header.RowFormat;

    /// <summary>Size of the file.</summary>
    public int Bytes => _header.SegmentBytes;

    /// <summary>Where its records' checksums begin.</summary>
    public uint Seed { get; }

    /// <summary>Whether it gives no more room.</summary>
    public bool IsSealed => (Volatile.Read(ref _tail) & SealedBit) != 0;

    /// <summary>Behind the last room given.</summary>
    public int Tail => Volatile.Read(ref _tail) & ~SealedBit;

    /// <summary>Attempts whose newest draft lies here.</summary>
    public int OpenDrafts => Volatile.Read(ref _openDrafts);

    /// <summary>Records up to here have been published; written by the committer alone.</summary>
    public int Published { get; private set; } = SegmentHeader.Bytes;

    /// <summary>Rows among them.</summary>
    public int PublishedRows { get; private set; }

    /// <summary>Where reading ends, when it is before the end: what follows has been moved to a later segment. Written once, by the committer.</summary>
    public int Cut { get; set; } = int.MaxValue;

    /// <summary>A sync of it failed, so that nothing further in it will ever be called durable. The committer's.</summary>
    public bool HasFailed { get; set; }

    /// <summary>How far it has been moved out after that. The committer's.</summary>
    public int MovedUpTo { get; set; }

    /// <summary>A new one in a file of its own. The caller makes file and directory durable.</summary>
    public static Segment Create(ISpoolFiles files, SegmentHeader header)
    {
        var file = files.Create(SegmentHeader.NameOf(header.Index), header.SegmentBytes);
        try
        {
            var segment = new Segment(file, header) { _memory = file.Map() };
            header.Write(segment._memory.Span);
            return segment;
        }
        catch
        {
            // Each commit tries again: what is not deleted here would fill the disk.
            file.Dispose();
            files.Delete(SegmentHeader.NameOf(header.Index));
            throw;
        }
    }

    /// <summary>One that an earlier process wrote: only read.</summary>
    public static Segment Recovered(ISpoolFile file, SegmentHeader header) =>
        new(file, header) { _tail = header.SegmentBytes | SealedBit, Published = header.SegmentBytes };

    /// <summary>Goes on where the process before stopped, if nothing speaks against it: a start must not cost a full spool a segment.</summary>
    /// <param name="lastRecordEnd">Behind the last whole record.</param>
    /// <remarks>Behind the last byte that is not zero: room that was taken and never published is passed over by every reader, and what follows it is as new.</remarks>
    public bool TryResume(int lastRecordEnd)
    {
        if (!TryFindEnd(out var end))
        {
            return false;
        }

        // A record may end in zeros.
        end = Math.Max(end, lastRecordEnd);
        _memory = _file.Map();
        Published = end;
        Volatile.Write(ref _tail, end);
        return true;
    }

    /// <summary>Appends a record of <paramref name="prefix"/> and <paramref name="body"/>; false when there is no room, or no more.</summary>
    /// <param name="kind">What it says.</param>
    /// <param name="prefix">Written before the body.</param>
    /// <param name="body">The rest of the payload.</param>
    /// <param name="offset">Where it went.</param>
    /// <param name="kept">Bytes at the segment's end that are not for this record.</param>
    /// <remarks>Hot path: no allocation, no lock, no system call. See UsageSpoolTests.Appending_allocates_nothing.</remarks>
    public bool TryAppend(SpoolRecordKind kind, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> body, out int offset, int kept = 0)
    {
        var length = prefix.Length + body.Length;
        Debug.Assert(length <= SpoolRecord.MaxPayloadBytes, "a row is a few kilobytes at most");
        if (!TryReserve(SpoolRecord.SizeOf(length), kept, out offset))
        {
            return false;
        }

        // From here on nothing throws: the room is ours and large enough.
        var record = _memory.Span.Slice(offset, SpoolRecord.SizeOf(length));
        var payload = record.Slice(SpoolRecord.HeaderBytes, length);
        prefix.CopyTo(payload);
        body.CopyTo(payload[prefix.Length..]);
        var tag = SpoolRecord.Tag(kind, length);
        BinaryPrimitives.WriteUInt32LittleEndian(record[sizeof(uint)..], SpoolRecord.Checksum(Seed, offset, tag, payload));
        Volatile.Write(ref System.Runtime.InteropServices.MemoryMarshal.AsRef<uint>(record), BitConverter.IsLittleEndian ? tag : BinaryPrimitives.ReverseEndianness(tag));
        return true;
    }

    /// <summary>Gives no more room from now on.</summary>
    public void Seal() => Interlocked.Or(ref _tail, SealedBit);

    /// <summary>Goes on to the first record that is not published yet. Committer only.</summary>
    /// <returns>Whether everything to the end is published and the segment is sealed: no writer is left.</returns>
    public bool Advance()
    {
        // Sealed first: a tail read after the seal is the last one.
        var isSealed = IsSealed;
        var tail = Tail;
        var bytes = _memory.Span;
        while (Published < tail)
        {
            var tag = Volatile.Read(ref System.Runtime.InteropServices.MemoryMarshal.AsRef<uint>(bytes[Published..]));
            if (!SpoolRecord.TryReadTag(BitConverter.IsLittleEndian ? tag : BinaryPrimitives.ReverseEndianness(tag), out var kind, out var length))
            {
                return false;
            }

            PublishedRows += kind is SpoolRecordKind.Row or SpoolRecordKind.MovedRow ? 1 : 0;
            Published += SpoolRecord.SizeOf(length);
        }

        return isSealed;
    }

    /// <summary>Rows published since the last call. Committer only.</summary>
    public int TakeUncountedRows()
    {
        var rows = PublishedRows - _countedRows;
        _countedRows = PublishedRows;
        return rows;
    }

    /// <summary>Makes what an earlier process left durable, whatever the system believes of it.</summary>
    public void SyncAnew()
    {
        _file.Rewrite();
        _file.Sync();
    }

    /// <summary>Makes all of it durable.</summary>
    public void Sync() => _file.Sync();

    /// <summary>Makes what was published from <paramref name="synced"/> on durable. Committer only.</summary>
    public void SyncPublished(int synced) => _file.Sync(synced, Published);

    /// <summary>Takes the first write to each page up to <paramref name="bytes"/> behind the tail upon the caller, so that no writer meets it. Committer only.</summary>
    /// <returns>How many of the bytes lie behind the segment's end.</returns>
    /// <remarks>
    /// The system marks a page of a file as written by a fault at the first store to it, and again after each sync: 10 to 20 microseconds, and
    /// milliseconds while it writes pages out. Adding no bits to a word is such a store, and harmless beside whoever writes there.
    /// </remarks>
    public int Warm(int bytes)
    {
        var memory = _memory.Span;
        var tail = Tail;
        var end = Math.Min(memory.Length, tail + bytes);

        // The page of the tail was just synced; of those behind it, the ones that are warm still are.
        WarmPage(memory, tail & -Environment.SystemPageSize);
        for (_warm = Math.Max(_warm, (tail | (Environment.SystemPageSize - 1)) + 1); _warm < end; _warm += Environment.SystemPageSize)
        {
            WarmPage(memory, _warm);
        }

        return Math.Max(0, tail + bytes - Bytes);

        static void WarmPage(Span<byte> memory, int at)
        {
            if (at + sizeof(int) <= memory.Length)
            {
                Interlocked.Or(ref System.Runtime.InteropServices.MemoryMarshal.AsRef<int>(memory[at..]), 0);
            }
        }
    }

    /// <summary>Counts a draft that became an attempt's newest.</summary>
    public void AddOpenDraft() => Interlocked.Increment(ref _openDrafts);

    /// <summary>Counts one that no longer is.</summary>
    public void RemoveOpenDraft() => Interlocked.Decrement(ref _openDrafts);

    /// <summary>Reads bytes, mapped or not.</summary>
    public void Read(int offset, Span<byte> into)
    {
        lock (_mapping)
        {
            if (!_memory.IsEmpty)
            {
                _memory.Span.Slice(offset, into.Length).CopyTo(into);
                return;
            }
        }

        _file.Read(offset, into);
    }

    /// <summary>Gives the mapping up; no writer may be left.</summary>
    /// <remarks>The pages stay in the system's cache but no longer count as the process's memory.</remarks>
    public void Unmap()
    {
        lock (_mapping)
        {
            _memory = default;
            _file.Unmap();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory = default;
        _file.Dispose();
    }

    /// <summary>Looks for the end of what was written; false when the file can't be read.</summary>
    private bool TryFindEnd(out int end)
    {
        const int Block = 4096;
        Span<byte> bytes = stackalloc byte[Block];
        for (end = Bytes; end > SegmentHeader.Bytes;)
        {
            var start = Math.Max(SegmentHeader.Bytes, (end - 1) / Block * Block);
            var part = bytes[..(end - start)];
            try
            {
                Read(start, part);
            }
            catch (SpoolFileException)
            {
                return false;
            }

            if (part.LastIndexOfAnyExcept((byte)0) is >= 0 and var last)
            {
                end = (start + last + 8) & ~7;
                return true;
            }

            end = start;
        }

        return true;
    }

    private bool TryReserve(int size, int kept, out int offset)
    {
        offset = Volatile.Read(ref _tail);
        while ((offset & SealedBit) == 0 && offset + size <= Bytes - kept)
        {
            var seen = Interlocked.CompareExchange(ref _tail, offset + size, offset);
            if (seen == offset)
            {
                return true;
            }

            offset = seen;
        }

        return false;
    }
}
