using System.Buffers.Binary;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>The queue between requests and the store: a log on disk that every request appends to and one sender reads.</summary>
/// <remarks>
/// An append is a copy into mapped memory: it survives the process at once (kill -9), and the machine (power cut) after the next
/// <see cref="Commit"/>. The sender is shown only what is durable, so that a number that reached the store can't be forgotten here.
///
/// Who may touch what. Appending: any thread. <see cref="Commit"/>: the committer's thread alone. <see cref="Retire"/>, <see cref="Delete"/>: the sender alone.
/// Rolling to the next segment takes a lock for a few stores, once in some 20,000 records; no file is touched under it, since segments
/// are prepared ahead by the committer.
///
/// Room. Two prepared segments are kept in reserve. When no further one can be had (<see cref="SpoolSettings.MaxBytes"/>, or the disk is full),
/// <see cref="IsFull"/> says so, attempts that begin then write no draft, and the reserve takes the rows of those that had one. The last
/// segment is the cursor's: without room for it nothing could be acknowledged, and so nothing deleted, for good. For the same reason a
/// start goes on in the last segment instead of taking another, and <see cref="SpoolSettings.MaxBytes"/> yields when not even a cursor has room.
/// </remarks>
internal sealed class UsageSpool : IDisposable
{
    /// <summary>Prepared segments that attempts which begin when it is full don't use: one for rows of drafted attempts, one for cursors.</summary>
    public const int ReserveSegments = 2;

    private const int MostKeptForDrafts = 4;

    private const int MostCursorBytes = 64 * 1024;

    // Of what is written next, the committer takes the first write to each page upon itself: twice what the last interval wrote, within these.
    private const int LeastWarmBytes = 64 * 1024;
    private const int MostWarmBytes = 2 * 1024 * 1024;

    // Given at construction, never written.
    private readonly ISpoolFiles _files;
    private readonly SpoolSettings _settings;
    private readonly GatewayEvents _events;
    private readonly SegmentReserve _reserve;
    private readonly OpenAttempts _attempts = new();

    // Written under _rolling; read by anyone.
    private readonly Lock _rolling = new();
    private volatile Segment[] _segments;
    private volatile Segment? _active;

    // Written by the committer; read by anyone.
    private long _durable;
    private long _durableRows;
    private volatile bool _isFull;
    private volatile string? _problem;
    private volatile TaskCompletionSource _committed = NewSource();

    // The committer's alone.
    private SpoolPosition _synced;
    private SpoolPosition _movedEnd;
    private long _failedSegment = -1;

    private string? _syncProblem;

    private CrashedDrafts _crashed = CrashedDrafts.None;

    private UsageSpool(ISpoolFiles files, SpoolSettings settings, GatewayEvents events, SpoolRecovery recovered)
    {
        _files = files;
        _settings = settings;
        _events = events;
        _reserve = new SegmentReserve(files, recovered.SpoolId, settings.SegmentBytes, recovered.NextIndex);
        _segments = [.. recovered.Segments];
        _durableRows = recovered.PendingRows;
        Hidden = recovered.Hidden;
        Cursor = recovered.Cursor;
        if (_segments.Length > 0)
        {
            var last = _segments[^1];
            _active = TryResume(last, recovered) ? last : null;
            _synced = new SpoolPosition(last.Index, last.Published);
            _durable = _synced.Value;
        }
    }

    /// <summary>Everything before this place is durable; the sender reads no further.</summary>
    public SpoolPosition Durable => new(Volatile.Read(ref _durable));

    /// <summary>Where the next record goes: every row written before the call lies before it.</summary>
    public SpoolPosition Tail => _active is { } active ? new SpoolPosition(active.Index, active.Tail) : Durable;

    /// <summary>Rows that are durable, those recovered from earlier processes and not acknowledged included.</summary>
    public long DurableRows => Volatile.Read(ref _durableRows);

    /// <summary>No further segment can be had: new attempts write no draft.</summary>
    public bool IsFull => _isFull;

    /// <summary>What keeps the spool from being well; null when it is.</summary>
    public string? Problem => _problem;

    /// <summary>Bytes of the disk that it takes.</summary>
    public long Bytes => (long)(_segments.Length + _reserve.Count) * _settings.SegmentBytes;

    /// <summary>The segments, oldest first; the last is the one written to.</summary>
    public IReadOnlyList<Segment> Segments => _segments;

    /// <summary>Rows that were moved elsewhere: their originals don't count.</summary>
    public IReadOnlySet<long> Hidden { get; }

    /// <summary>The cursor that recovery found, or a new spool's.</summary>
    public SpoolCursor Cursor { get; }

    /// <summary>Reads what is there, and takes up the rows that a killed process left open.</summary>
    /// <param name="files">Where it is.</param>
    /// <param name="settings">What it is made with.</param>
    /// <param name="events">Told of everything that happens.</param>
    /// <param name="time">The clock.</param>
    /// <param name="folded">Attempts that are in a fold, whatever their drafts look like; null when there are no folds.</param>
    /// <exception cref="SpoolFormatException">It was written by a later version.</exception>
    /// <exception cref="SpoolFileException">The directory can't be read.</exception>
    public static UsageSpool Open(
        ISpoolFiles files, SpoolSettings settings, GatewayEvents events, TimeProvider time, IReadOnlySet<UInt128>? folded = null)
    {
        var recovered = SpoolRecovery.Run(files, settings, events, time);
        var spool = new UsageSpool(files, settings, events, recovered);
        var endedByFold = recovered.OpenDrafts.Keys.Where(attempt => folded?.Contains(attempt) == true).ToArray();
        foreach (var attempt in endedByFold)
        {
            recovered.OpenDrafts.Remove(attempt);
        }

        spool._crashed = new CrashedDrafts(recovered.OpenDrafts.Values, time.GetUtcNow().ToUnixTimeMilliseconds());
        spool.CloseCrashedOfOtherFormats();
        spool.Prepare();
        foreach (var attempt in endedByFold)
        {
            spool.TryNoteFolded(attempt);
        }

        var closed = spool.CloseCrashed();
        events.SpoolCrashedAttempts(closed, spool._crashed.Count);
        spool.Commit();
        return spool;
    }

    /// <summary>An attempt begins; to be given back by <see cref="TryClose"/> or <see cref="End"/>.</summary>
    public OpenAttempt Begin() => _attempts.Rent();

    /// <summary>Writes the row as it would read if nobody closed the attempt. False when there is no room, which does no harm by itself.</summary>
    public bool TryDraft(OpenAttempt attempt, ReadOnlySpan<byte> row)
    {
        lock (attempt.Gate)
        {
            if (attempt.IsFolded)
            {
                return true; // It is in the ledger by its fold.
            }

            if ((_isFull && attempt.Segment is null) || !TryAppend(SpoolRecordKind.Draft, Claim.Row, [], row, out var segment, out var offset))
            {
                return false;
            }

            attempt.MovedTo_NeedsGate(segment, offset + SpoolRecord.HeaderBytes, row.Length);
            return true;
        }
    }

    /// <summary>Writes the attempt's row, and ends the attempt. False when there is no room: the attempt is open still, and its row the caller's to keep.</summary>
    /// <param name="attempt">From <see cref="Begin"/>; not to be touched again once it is ended.</param>
    /// <param name="row">The row's bytes.</param>
    /// <param name="recordedAt">Now, in Unix milliseconds.</param>
    /// <param name="place">Where the row is.</param>
    public bool TryClose(OpenAttempt attempt, ReadOnlySpan<byte> row, long recordedAt, out SpoolPosition place)
    {
        place = default;
        Span<byte> prefix = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, recordedAt);
        lock (attempt.Gate)
        {
            // An attempt without a draft must not take the reserve of those that have one.
            if ((_isFull && attempt.Segment is null) || !TryAppend(SpoolRecordKind.Row, Claim.Row, prefix, row, out var segment, out var offset))
            {
                return false;
            }

            place = new SpoolPosition(segment.Index, offset);
            attempt.Close_NeedsGate();
        }

        _attempts.Return(attempt);
        return true;
    }

    /// <summary>Notes that the attempt is in a fold, so that no start gives it a row as well. It stays open until <see cref="End"/>.</summary>
    /// <param name="attempt">From <see cref="Begin"/>.</param>
    /// <param name="id">Its id, as <see cref="SpooledRow.AttemptKeyOf"/> reads it.</param>
    public void NoteFolded(OpenAttempt attempt, UInt128 id)
    {
        lock (attempt.Gate)
        {
            if (attempt.Segment is not null)
            {
                // A few bytes, for which more room is kept than for rows. Should even that be gone, the attempt may count twice after a restart.
                TryNoteFolded(id);
            }

            attempt.Fold_NeedsGate();
        }
    }

    /// <summary>Ends an attempt without a row.</summary>
    /// <param name="attempt">From <see cref="Begin"/>; not to be touched again.</param>
    public void End(OpenAttempt attempt)
    {
        lock (attempt.Gate)
        {
            attempt.Close_NeedsGate();
        }

        _attempts.Return(attempt);
    }

    /// <summary>Writes a cursor. False when not even for that there is room.</summary>
    public bool TryWrite(SpoolCursor cursor, out SpoolPosition end)
    {
        Span<byte> payload = stackalloc byte[SpoolCursor.Bytes];
        cursor.Write(payload);
        end = default;
        if (!TryAppend(SpoolRecordKind.Cursor, Claim.Cursor, [], payload, out var segment, out var offset))
        {
            return false;
        }

        end = new SpoolPosition(segment.Index, offset + SpoolRecord.SizeOf(SpoolCursor.Bytes));
        return true;
    }

    /// <summary>Returns once everything before <paramref name="position"/> is durable. Somebody must commit meanwhile.</summary>
    public async ValueTask WhenDurableAsync(SpoolPosition position, CancellationToken cancellationToken)
    {
        while (true)
        {
            // The source first: a commit between the two reads completes it.
            var committed = _committed;
            if (Durable >= position)
            {
                return;
            }

            await committed.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Returns once a commit has ended that was under way or came after the call.</summary>
    public Task WhenCommittedAsync(CancellationToken cancellationToken) => _committed.Task.WaitAsync(cancellationToken);

    /// <summary>Makes everything published so far durable, and prepares segments ahead. Committer only.</summary>
    public void Commit()
    {
        var before = _synced;
        foreach (var segment in _segments.SkipWhile(segment => segment.Index < _synced.Segment))
        {
            if (segment.Index > _synced.Segment)
            {
                _synced = new SpoolPosition(segment.Index, SegmentHeader.Bytes);
            }

            if (!TryCommit(segment))
            {
                break;
            }
        }

        Prepare();
        if (_synced != before)
        {
            WarmWhatComes(_synced.Segment == before.Segment ? _synced.Offset - before.Offset : _synced.Offset);
        }

        if (_crashed.Count > 0 && CloseCrashed() is > 0 and var closed)
        {
            _events.SpoolCrashedAttempts(closed, _crashed.Count);
        }

        Interlocked.Exchange(ref _committed, NewSource()).SetResult();
    }

    /// <summary>Which segments are done with once a cursor says so: those before <paramref name="acknowledged"/> that no open attempt needs. Sender only.</summary>
    /// <returns>The index of the first segment that is still needed.</returns>
    /// <remarks>Carries drafts of attempts that stay open long into the newest segment, so that one slow stream does not keep the log from being cut.</remarks>
    public long Retire(SpoolPosition acknowledged)
    {
        var segments = _segments;
        var done = segments.TakeWhile(segment => segment.Index < acknowledged.Segment && segment != _active).Count();
        var first = 0;
        while (first < done)
        {
            if (segments[first].OpenDrafts > 0 && ((done - first <= KeptForDrafts && !_isFull) || !TryCarry(segments[first]) || segments[first].OpenDrafts > 0))
            {
                break;
            }

            first++;
        }

        return first < segments.Length ? segments[first].Index : 0;
    }

    /// <summary>Deletes the segments before <paramref name="firstLive"/>; a durable cursor must say that they are done with. Sender only.</summary>
    public void Delete(long firstLive)
    {
        Segment[] dead;
        lock (_rolling)
        {
            dead = [.. _segments.TakeWhile(segment => segment.Index < firstLive)];
            _segments = _segments[dead.Length..];
        }

        foreach (var segment in dead)
        {
            segment.Dispose();
            try
            {
                _files.Delete(SegmentHeader.NameOf(segment.Index));
            }
            catch (SpoolFileException failed)
            {
                // It is dead whether or not its file goes; the next start tries again.
                _events.SpoolFileNotDeleted(failed.Message);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var segment in _segments)
        {
            segment.Dispose();
        }

        _reserve.Dispose();
        _files.Dispose();
    }

    /// <summary>Acknowledged segments that are kept for the sake of open attempts before their drafts are carried forward.</summary>
    /// <remarks>None of a small spool, which they would fill.</remarks>
    private int KeptForDrafts => (int)Math.Min(MostKeptForDrafts, _settings.MaxBytes / _settings.SegmentBytes / 8);

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool TryAppend(SpoolRecordKind kind, Claim claim, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> body, out Segment segment, out int offset)
    {
        while (true)
        {
            // In this order: a segment that was the last spare is seen as the active one only after the count says so.
            var active = _active;
            var isLast = _reserve.Count == 0;
            segment = active!;
            offset = 0;
            if (active?.TryAppend(kind, prefix, body, out offset, isLast ? KeptOf(active, claim) : 0) == true)
            {
                return true;
            }

            if (!TryRoll(active, claim == Claim.Row ? 2 : 1))
            {
                return false;
            }
        }
    }

    /// <summary>Bytes of the last segment that a record must leave to others.</summary>
    private static int KeptOf(Segment last, Claim claim) => claim switch
    {
        Claim.Row => last.Bytes,
        Claim.Upkeep => CursorRoom(last),
        _ => 0,
    };

    private static int CursorRoom(Segment last) => Math.Min(MostCursorBytes, last.Bytes / 8);

    /// <summary>Goes on to the next prepared segment, if at least so many are left.</summary>
    private bool TryRoll(Segment? full, int leastSpares = 1)
    {
        lock (_rolling)
        {
            if (_active != full)
            {
                return true; // Another thread did.
            }

            if (_reserve.Count < leastSpares || !_reserve.TryTake(out var next))
            {
                return false;
            }

            _segments = [.. _segments, next]; // Before it is written to: the committer must find it.
            full?.Seal();
            _active = next;
            return true;
        }
    }

    /// <summary>Syncs what a segment has published. False when the committer can't go on to the next.</summary>
    private bool TryCommit(Segment segment)
    {
        var isFinished = segment.Advance();
        if (!segment.HasFailed)
        {
            if (segment.Published == _synced.Offset || TrySync(segment))
            {
                _synced = new SpoolPosition(segment.Index, segment.Published);
                Publish(segment);
                if (isFinished)
                {
                    segment.Unmap();
                }

                return isFinished;
            }

            // For good: the kernel may have dropped the pages and forgotten the error, so that a second try would lie.
            segment.HasFailed = true;
        }

        return TryMoveOut(segment);
    }

    /// <summary>Meets the first write to each page that requests will write until the next commit, going by what they wrote until this one.</summary>
    private void WarmWhatComes(int written)
    {
        var behind = _active?.Warm((int)Math.Clamp(2L * written, LeastWarmBytes, MostWarmBytes)) ?? 0;
        if (behind > 0 && _reserve.TryPeek(out var next))
        {
            next.Warm(behind);
        }
    }

    private bool TrySync(Segment segment)
    {
        try
        {
            segment.SyncPublished(_synced.Offset);
            if (_synced.Segment > _failedSegment)
            {
                _syncProblem = null;
            }

            return true;
        }
        catch (SpoolFileException failed)
        {
            _failedSegment = segment.Index;
            _syncProblem = failed.Message;
            _events.SpoolSyncFailed(failed.Message);
            return false;
        }
    }

    /// <summary>Lets the sender, and whoever waits, see how far everything is durable.</summary>
    private void Publish(Segment segment)
    {
        Interlocked.Add(ref _durableRows, segment.TakeUncountedRows());
        if (_synced >= _movedEnd)
        {
            Volatile.Write(ref _durable, _synced.Value);
        }
    }

    /// <summary>Copies what a failed segment holds beyond its last good sync into a later one. False when that has to wait.</summary>
    /// <remarks>
    /// The rows are still in memory, and none of them has been numbered or sent, since only durable ones are. Each copy names its original's place:
    /// whichever of the two a crash leaves, recovery counts one. Nothing is shown as durable until the copies are.
    /// </remarks>
    private bool TryMoveOut(Segment segment)
    {
        if ((_active == segment && !TryRoll(segment)) || !segment.Advance())
        {
            return false;
        }

        var cut = _synced.Offset;
        var reader = new SegmentReader();
        reader.Open(segment, Math.Max(cut, segment.MovedUpTo));
        while (reader.TryRead(segment.Published, out var record, out var payload))
        {
            if (!TryMove(segment, record, payload))
            {
                return false;
            }

            segment.MovedUpTo = reader.Offset;
        }

        if (!TryCarry(segment, cut))
        {
            return false;
        }

        segment.Cut = cut;
        var next = _segments.First(later => later.Index > segment.Index);
        _synced = new SpoolPosition(next.Index, SegmentHeader.Bytes);
        _movedEnd = new SpoolPosition(_active!.Index, _active.Tail);
        segment.Unmap();
        return true;
    }

    private bool TryMove(Segment segment, in SpoolRecord.Found record, ReadOnlySpan<byte> payload)
    {
        switch (record.Kind)
        {
            case SpoolRecordKind.Row:
                Span<byte> origin = stackalloc byte[sizeof(long)];
                BinaryPrimitives.WriteInt64LittleEndian(origin, new SpoolPosition(segment.Index, record.Offset).Value);
                return TryAppend(SpoolRecordKind.MovedRow, Claim.Upkeep, origin, payload, out _, out _);
            case SpoolRecordKind.MovedRow or SpoolRecordKind.Cursor or SpoolRecordKind.Folded:
                return TryAppend(record.Kind, record.Kind == SpoolRecordKind.Cursor ? Claim.Cursor : Claim.Upkeep, [], payload, out _, out _);
            default:
                return true; // Drafts of attempts that are still open are carried; the others have their rows.
        }
    }

    /// <summary>Writes the drafts of open attempts that lie in <paramref name="segment"/> at or behind <paramref name="from"/> anew in the newest segment.</summary>
    private bool TryCarry(Segment segment, int from = 0)
    {
        byte[] row = [];
        foreach (var attempt in _attempts.All())
        {
            lock (attempt.Gate)
            {
                if (attempt.Segment != segment || attempt.Offset < from)
                {
                    continue;
                }

                row = row.Length < attempt.Length ? new byte[attempt.Length * 2] : row;
                var draft = row.AsSpan(0, attempt.Length);
                try
                {
                    segment.Read(attempt.Offset, draft);
                }
                catch (SpoolFileException)
                {
                    return false; // The segment is kept for it until the attempt has its row; nothing else waits.
                }

                if (!TryAppend(SpoolRecordKind.Draft, Claim.Upkeep, [], draft, out var newest, out var offset))
                {
                    return false;
                }

                attempt.MovedTo_NeedsGate(newest, offset + SpoolRecord.HeaderBytes, draft.Length);
            }
        }

        return true;
    }

    /// <summary>Whether appending can go on where the process before stopped.</summary>
    private bool TryResume(Segment last, SpoolRecovery recovered) =>
        recovered.ResumeAt is { } end
        && last.RowFormat == _settings.RowFormat
        && Cursor.Acknowledged <= new SpoolPosition(last.Index, end)
        && Cursor.InFlightEnd <= new SpoolPosition(last.Index, end)
        && last.TryResume(end);

    private bool TryNoteFolded(UInt128 attempt)
    {
        Span<byte> id = stackalloc byte[SpooledRow.AttemptIdBytes];
        BinaryPrimitives.WriteUInt128LittleEndian(id, attempt);
        return TryAppend(SpoolRecordKind.Folded, Claim.Upkeep, [], id, out _, out _);
    }

    /// <summary>Gives attempts that a killed process left open their rows, as far as there is room; the others wait for a later commit.</summary>
    /// <returns>How many got theirs now.</returns>
    private int CloseCrashed() =>
        _crashed.Close((prefix, row) => TryAppend(SpoolRecordKind.Row, Claim.Upkeep, prefix, row, out _, out _));

    /// <summary>The same for drafts that an earlier version wrote in another form: into segments of that form, before there is one of today's.</summary>
    private void CloseCrashedOfOtherFormats()
    {
        if (_crashed.AreAllOf(_settings.RowFormat))
        {
            return;
        }

        _crashed.CloseOtherFormats(_settings.RowFormat, TryAppendTo);
        _active?.Seal();
        _active = null;

        bool TryAppendTo(int format, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> row)
        {
            if (_active?.RowFormat == format && _active.TryAppend(SpoolRecordKind.Row, prefix, row, out _))
            {
                return true;
            }

            try
            {
                _reserve.Add(format);
            }
            catch (SpoolFileException failed)
            {
                SetFull($"No further segment can be made: {failed.Message}");
                return false;
            }

            return TryRoll(_active) && _active!.TryAppend(SpoolRecordKind.Row, prefix, row, out _);
        }
    }

    /// <summary>Makes prepared segments, so that no request waits for a file.</summary>
    private void Prepare()
    {
        while (_reserve.Count <= ReserveSegments)
        {
            if (Bytes + _settings.SegmentBytes > _settings.MaxBytes && !NeedsRoomForCursors())
            {
                SetFull($"The spool holds {Bytes:N0} bytes; spool.maxBytes allows {_settings.MaxBytes:N0}.");
                return;
            }

            try
            {
                _reserve.Add(_settings.RowFormat);
            }
            catch (SpoolFileException failed)
            {
                SetFull($"No further segment can be made: {failed.Message}");
                return;
            }
        }

        SetFull(null);
    }

    /// <summary>Whether the limit has to be passed by one segment: a spool without room for a cursor could never be emptied again.</summary>
    /// <remarks>So it is after a start of a full spool, whose segments take nothing any more, and when a store refuses batches for days.</remarks>
    private bool NeedsRoomForCursors() => _reserve.Count == 0 && (_active is not { } active || active.Bytes - active.Tail < CursorRoom(active) / 2);

    private void SetFull(string? reason)
    {
        if (reason is null == _isFull)
        {
            if (reason is null)
            {
                _events.SpoolHasRoom();
            }
            else
            {
                _events.SpoolFull(reason);
            }
        }

        _isFull = reason is not null;
        _problem = _syncProblem ?? reason;
    }

    /// <summary>How much of the last segment a record may take.</summary>
    private enum Claim
    {
        /// <summary>Nothing: rows, and drafts of open attempts.</summary>
        Row,

        /// <summary>All but the last kilobytes: what keeps rows right that are in the spool already.</summary>
        Upkeep,

        /// <summary>Everything.</summary>
        Cursor,
    }
}
