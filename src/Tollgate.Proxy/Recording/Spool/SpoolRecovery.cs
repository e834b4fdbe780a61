using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>What a spool's files say after a stop, a kill or a power cut. The records alone are believed; nothing is kept beside them.</summary>
/// <remarks>
/// Order: (1) the newest cursor, from the newest segment backwards; (2) every segment that it calls live, forwards; (3) what is not acknowledged is written
/// and synced anew, since nobody knows what of it is only in the page cache; (4) what is done with is deleted. A draft whose attempt has no row
/// is open; a record that can't be read is passed over and costs itself only.
/// Bound: memory for the attempts open at one time, and for rows that were moved out of failed segments.
/// </remarks>
internal sealed class SpoolRecovery
{
    private readonly SegmentReader _reader = new();
    private readonly HashSet<long> _hidden = [];
    private readonly Dictionary<long, long> _lastCopy = [];

    // Behind the last whole record of the last segment that was used.
    private int _lastRecordEnd;

    private SpoolRecovery(List<Segment> segments, Guid spoolId, SpoolCursor cursor)
    {
        Segments = segments;
        SpoolId = spoolId;
        Cursor = cursor;
    }

    /// <summary>The segments that are still needed, oldest first.</summary>
    public List<Segment> Segments { get; }

    /// <summary>Which spool it is.</summary>
    public Guid SpoolId { get; }

    /// <summary>How far the sender was.</summary>
    public SpoolCursor Cursor { get; }

    /// <summary>The index of the next segment.</summary>
    public long NextIndex { get; private set; }

    /// <summary>Behind the last whole record of the last segment; null when nothing can be written there any more.</summary>
    public int? ResumeAt { get; private set; }

    /// <summary>Rows behind <see cref="SpoolCursor.Acknowledged"/>.</summary>
    public long PendingRows { get; private set; }

    /// <summary>When the first of them was recorded, in Unix milliseconds; 0 when there is none.</summary>
    public long OldestPending { get; private set; }

    /// <summary>Stretches of bytes that were no whole record.</summary>
    public int Damaged { get; private set; }

    /// <summary>Places of rows that have a copy elsewhere.</summary>
    public IReadOnlySet<long> Hidden => _hidden;

    /// <summary>Newest drafts of attempts without a row, by attempt.</summary>
    public Dictionary<UInt128, CrashedDraft> OpenDrafts { get; } = [];

    /// <summary>Reads the files.</summary>
    /// <exception cref="SpoolFormatException">They are another spool's, or a later version's.</exception>
    /// <exception cref="SpoolFileException">They can't be opened, or what they say can't be made durable.</exception>
    public static SpoolRecovery Run(ISpoolFiles files, SpoolSettings settings, GatewayEvents events, TimeProvider time)
    {
        var recovery = Read(files, settings, SpoolCursor.Fresh(FirstSequence(time.GetUtcNow())), out var unneeded);
        try
        {
            // What a killed process left may be in the page cache alone, the cursor too: durable first, before anything is deleted on its word, or sent.
            // What is acknowledged is durable, and what lies before it.
            foreach (var segment in recovery.Segments.Where(segment => segment.Index >= recovery.Cursor.Acknowledged.Segment))
            {
                segment.SyncAnew();
            }

            DropDead(files, unneeded, events);
            events.SpoolRecovered(recovery.Segments.Count, recovery.PendingRows, recovery.OpenDrafts.Count, recovery.Damaged);
            return recovery;
        }
        catch
        {
            recovery.Segments.ForEach(static segment => segment.Dispose());
            unneeded.ForEach(static segment => segment.Dispose());
            throw;
        }
    }

    /// <summary>Reads the files and changes nothing.</summary>
    /// <param name="files">The files.</param>
    /// <param name="settings">What is believed of a file whose header can't be read.</param>
    /// <param name="fresh">The cursor of a spool that has none yet.</param>
    /// <param name="unneeded">Segments that are finished with, or were prepared and never used. The caller's to dispose of, as are the others.</param>
    public static SpoolRecovery Read(ISpoolFiles files, SpoolSettings settings, SpoolCursor fresh, out List<Segment> unneeded)
    {
        var segments = OpenAll(files, settings, out var spoolId);
        try
        {
            var cursor = FindCursor(segments) ?? fresh;
            var recovery = new SpoolRecovery([], spoolId, cursor)
            {
                NextIndex = Math.Max(cursor.FirstLiveSegment, segments.Count == 0 ? 0 : segments[^1].Index + 1),
            };
            unneeded = [];
            foreach (var segment in segments)
            {
                (segment.Index >= cursor.FirstLiveSegment && recovery.Scan(segment) ? recovery.Segments : unneeded).Add(segment);
            }

            recovery.CountPending();
            recovery.ResumeAt = recovery.Segments.Count > 0 ? recovery._lastRecordEnd : null;
            return recovery;
        }
        catch
        {
            segments.ForEach(static segment => segment.Dispose());
            throw;
        }
    }

    /// <summary>The number of a new spool's first row.</summary>
    /// <remarks>
    /// Two spools of one gateway must not share numbers, because a batch's numbers name it to the store: each begins at the milliseconds of its
    /// start times 2^20, which leaves a million rows to every millisecond and lasts until the year 2527.
    /// </remarks>
    public static ulong FirstSequence(DateTimeOffset startedAt) => (ulong)startedAt.ToUnixTimeMilliseconds() << 20;

    private static List<Segment> OpenAll(ISpoolFiles files, SpoolSettings settings, out Guid spoolId)
    {
        var opened = new SortedDictionary<long, (string Name, ISpoolFile File, SegmentHeader? Header)>();
        try
        {
            Span<byte> bytes = stackalloc byte[SegmentHeader.Bytes];
            SpoolFileException? unread = null;
            foreach (var name in files.List())
            {
                if (SegmentHeader.TryReadName(name, out var index))
                {
                    var file = files.Open(name);
                    opened[index] = (name, file, null);
                    bytes.Clear();
                    if (file.Length >= SegmentHeader.Bytes)
                    {
                        unread = TryRead(file, bytes) ?? unread;
                    }

                    opened[index] = (name, file, SegmentHeader.TryRead(bytes, name));
                }
            }

            var known = opened.Values.Select(static one => one.Header).FirstOrDefault(static header => header is not null);
            if (known is null && unread is not null)
            {
                // Not to be taken for a new spool for one bad moment of the disk: nothing of the old one would be believed any more.
                throw unread;
            }

            var id = spoolId = known?.SpoolId ?? Guid.NewGuid();
            return [.. opened.Select(one => Open(one.Key, one.Value.Name, one.Value.File, one.Value.Header, id))];
        }
        catch
        {
            foreach (var (_, file, _) in opened.Values)
            {
                file.Dispose();
            }

            throw;
        }

        // A header that can't be read costs nothing: all it says is known from the others and the file itself.
        Segment Open(long index, string name, ISpoolFile file, SegmentHeader? header, Guid id)
        {
            header ??= new SegmentHeader(index, settings.RowFormat, id, file.Length & ~7);
            return header.Index == index && header.SpoolId == id
                ? Segment.Recovered(file, header)
                : throw new SpoolFormatException(
                    $"{name} does not belong to this spool: it is segment {header.Index} of spool {header.SpoolId}, and the others are of {id}. "
                    + "Files of two spools were mixed; move it to a directory of its own.");
        }

        static SpoolFileException? TryRead(ISpoolFile file, Span<byte> bytes)
        {
            try
            {
                file.Read(0, bytes);
                return null;
            }
            catch (SpoolFileException failed)
            {
                bytes.Clear();
                return failed;
            }
        }
    }

    private static SpoolCursor? FindCursor(List<Segment> segments)
    {
        var reader = new SegmentReader();
        for (var at = segments.Count - 1; at >= 0; at--)
        {
            SpoolCursor? newest = null;
            reader.Open(segments[at], SegmentHeader.Bytes);
            while (reader.TryRead(int.MaxValue, out var record, out var payload))
            {
                if (record.Kind == SpoolRecordKind.Cursor && SpoolCursor.TryRead(payload, out var cursor) && cursor.Version >= (newest?.Version ?? 0))
                {
                    newest = cursor;
                }
            }

            if (newest is not null)
            {
                return newest;
            }
        }

        return null;
    }

    private static void DropDead(ISpoolFiles files, List<Segment> dead, GatewayEvents events)
    {
        foreach (var segment in dead)
        {
            segment.Dispose();
            try
            {
                files.Delete(SegmentHeader.NameOf(segment.Index));
            }
            catch (SpoolFileException failed)
            {
                events.SpoolFileNotDeleted(failed.Message);
            }
        }
    }

    /// <summary>Takes a segment's records in. False when it was prepared and never used.</summary>
    private bool Scan(Segment segment)
    {
        var isUsed = false;
        var previousEnd = _lastRecordEnd;
        _lastRecordEnd = SegmentHeader.Bytes;
        _reader.Open(segment, SegmentHeader.Bytes);
        while (_reader.TryRead(int.MaxValue, out var record, out var payload))
        {
            isUsed = true;
            _lastRecordEnd = _reader.Offset;
            switch (record.Kind)
            {
                case SpoolRecordKind.Draft when payload.Length >= SpooledRow.FixedBytes:
                    OpenDrafts[SpooledRow.AttemptKeyOf(payload)] = new CrashedDraft(segment, record.Offset + SpoolRecord.HeaderBytes, payload.Length);
                    break;
                case SpoolRecordKind.Row when payload.Length >= sizeof(long) + SpooledRow.FixedBytes:
                    OpenDrafts.Remove(SpooledRow.AttemptKeyOf(payload[sizeof(long)..]));
                    break;
                case SpoolRecordKind.Folded when payload.Length == SpooledRow.AttemptIdBytes:
                    OpenDrafts.Remove(SpooledRow.AttemptKey(payload));
                    break;
                case SpoolRecordKind.MovedRow when payload.Length >= (2 * sizeof(long)) + SpooledRow.FixedBytes:
                    OpenDrafts.Remove(SpooledRow.AttemptKeyOf(payload[(2 * sizeof(long))..]));
                    Hide(BinaryPrimitives.ReadInt64LittleEndian(payload), new SpoolPosition(segment.Index, record.Offset).Value);
                    break;
            }
        }

        Damaged += _reader.Damaged;
        isUsed |= _reader.Damaged > 0;
        _lastRecordEnd = isUsed ? _lastRecordEnd : previousEnd;
        return isUsed;
    }

    /// <summary>Of a row and its copies only the last counts.</summary>
    private void Hide(long original, long copy)
    {
        _hidden.Add(original);
        ref var last = ref CollectionsMarshal.GetValueRefOrAddDefault(_lastCopy, original, out var isKnown);
        if (isKnown)
        {
            _hidden.Add(last);
        }

        last = copy;
    }

    private void CountPending()
    {
        foreach (var segment in Segments.Where(segment => segment.Index >= Cursor.Acknowledged.Segment))
        {
            var from = segment.Index == Cursor.Acknowledged.Segment ? Math.Max(Cursor.Acknowledged.Offset, SegmentHeader.Bytes) : SegmentHeader.Bytes;
            _reader.Open(segment, from);
            while (_reader.TryRead(int.MaxValue, out var record, out var payload))
            {
                var isRow = record.Kind is SpoolRecordKind.Row or SpoolRecordKind.MovedRow;
                if (isRow && !_hidden.Contains(new SpoolPosition(segment.Index, record.Offset).Value) && ++PendingRows == 1)
                {
                    OldestPending = BinaryPrimitives.ReadInt64LittleEndian(payload[(record.Kind == SpoolRecordKind.MovedRow ? sizeof(long) : 0)..]);
                }
            }
        }
    }
}

/// <summary>Where the newest draft of an attempt lies that a killed process left open.</summary>
/// <param name="Segment">Its segment.</param>
/// <param name="Offset">Where in it the row begins.</param>
/// <param name="Length">Bytes of the row.</param>
internal readonly record struct CrashedDraft(Segment Segment, int Offset, int Length);
