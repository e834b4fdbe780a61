using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Recording;

/// <summary>Reads rows from the spool, numbers them and brings them to the store in batches; the only reader of the spool.</summary>
/// <remarks>
/// One batch is under way at a time, so rows reach the store in their order. A store that is away is tried for as long as it takes; the spool grows
/// meanwhile, memory does not: one batch of at most <see cref="RecordingOptions.BatchRows"/> rows or 4 MiB.
/// Nothing is lost by ending it at any moment: what was not acknowledged is found by the next start, which first asks the store what it has.
/// </remarks>
internal sealed class UsageSender : IHostedService, IDisposable
{
    /// <summary>How long <see cref="StopAsync"/> goes on sending to a store that answers. What is left then stays in the spool.</summary>
    public static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(10);

    // Given at construction, never written.
    private readonly UsageSpool _spool;
    private readonly ISpoolCommitter _committer;
    private readonly IUsageSink _sink;
    private readonly IRowFormat _format;
    private readonly TimeProvider _time;
    private readonly GatewayEvents _events;
    private readonly string _gatewayId;
    private readonly BatchSchedule _schedule;
    private readonly BatchDelivery _delivery;
    private readonly FoldDelivery _foldDelivery;

    // Touched only by the loop.
    private readonly SpoolReader _reader;
    private readonly ArrayBufferWriter<byte> _rows = new(64 * 1024);
    private readonly List<int> _ends = [];
    private SpoolCursor _cursor;
    private SpoolCursor _written;
    private long _deliveredAtWritten;
    private HashSet<Guid> _stored = [];

    // Attempts of rows that the store has and the spool still holds are in _stored; none lies behind this place.
    private SpoolPosition _storedEnd;

    // Before the first row of the batch that was built last.
    private SpoolPosition _batchStart;

    // Segments before it were done with when the last durable cursor was written, so that what ended their drafts is durable with it.
    private long _retired;

    // Places at which somebody wants a batch to end; added by anyone, taken by the loop, in their order.
    private readonly ConcurrentQueue<Mark> _marks = new();

    // Written by the loop, read by anyone.
    private long _delivered;
    private long _oldestUnsent;

    // Set by StopAsync, seen by the loop: no more waiting from the first on, nothing more at all from the second on.
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _deadline = new();
    private Task _loop = Task.CompletedTask;

    /// <summary>A sender that has not started.</summary>
    public UsageSender(
        UsageSpool spool,
        ISpoolCommitter committer,
        IUsageSink sink,
        IRowFormat format,
        FoldTable folds,
        DeadLetters deadLetters,
        RecordingOptions options,
        TimeProvider time,
        GatewayEvents events,
        string gatewayId)
    {
        _spool = spool;
        _committer = committer;
        _sink = sink;
        _format = format;
        _time = time;
        _events = events;
        _gatewayId = gatewayId;
        _schedule = new BatchSchedule(options);
        _delivery = new BatchDelivery(sink, _schedule, deadLetters, NoteAttemptAsync, PauseAsync, time, events);
        _foldDelivery = new FoldDelivery(folds, sink, options, time, events);
        _reader = new SpoolReader(spool);
        _cursor = _written = spool.Cursor;
        _retired = spool.Cursor.FirstLiveSegment;
    }

    /// <summary>Rows in the spool that the store has not acknowledged.</summary>
    public long PendingRows => Math.Max(0, _spool.DurableRows - Interlocked.Read(ref _delivered));

    /// <summary>How long the oldest row has been waiting for the store; zero when none is.</summary>
    public TimeSpan OldestUnsent =>
        Interlocked.Read(ref _oldestUnsent) is > 0 and var since ? _time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(since) : TimeSpan.Zero;

    /// <summary>The number of the last row that is in the store or put aside; every number from <see cref="FirstSequence"/> to it was given to a row.</summary>
    public ulong AcknowledgedSequence => Volatile.Read(ref _cursor).AcknowledgedSequence - 1;

    /// <summary>The number of the spool's first row.</summary>
    public ulong FirstSequence => Volatile.Read(ref _cursor).FirstSequence;

    /// <summary>What keeps rows from reaching the store; null when nothing does.</summary>
    public string? Problem => _delivery.Problem ?? _foldDelivery.Problem;

    /// <summary>Returns once every row before <paramref name="place"/> is in the store or put aside.</summary>
    /// <param name="place">A place up to which the spool has been written, not before any earlier call's.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The number of the first row at or behind it: rows before it have smaller ones.</returns>
    public Task<ulong> WhenDeliveredAsync(SpoolPosition place, CancellationToken cancellationToken)
    {
        var mark = new Mark(place, new TaskCompletionSource<ulong>(TaskCreationOptions.RunContinuationsAsynchronously));
        _marks.Enqueue(mark);
        return mark.Reached.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Starts the loop.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Without a token: since .NET 10 a loop that is stopped before the thread pool comes to it would never run. StopAsync waits for it.
        _loop = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Sends what is in the spool while the store answers, for up to <see cref="DrainTimeout"/> or until <paramref name="cancellationToken"/>.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await using var timer = _time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), _deadline, DrainTimeout, Timeout.InfiniteTimeSpan);
        await using var host = cancellationToken.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _deadline);
        await _stopping.CancelAsync();
        await _loop;
    }

    /// <summary>Frees the timers' handles; after <see cref="StopAsync"/>.</summary>
    public void Dispose()
    {
        _stopping.Dispose();
        _deadline.Dispose();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            try
            {
                await SendAllAsync();
                return;
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return; // The rest stays in the spool.
            }
#pragma warning disable CA1031 // Whatever goes wrong here, rows must not stop flowing: everything is found anew in spool and store.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                Volatile.Write(ref _cursor, _written);
                Interlocked.Exchange(ref _delivered, _deliveredAtWritten);
                var pause = _schedule.PauseAfterFailure(Random.Shared.NextDouble());
                _events.SenderFailed(failure, pause);
                await Task.Delay(pause, _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task SendAllAsync()
    {
        await ReconcileAsync();
        while (true)
        {
            var isLast = _stopping.IsCancellationRequested;
            await _committer.CommitAsync(_deadline.Token);
            var hasMore = await SendNextAsync();
            await _foldDelivery.FlushAsync(() => _committer.CommitAsync(_deadline.Token), _deadline.Token);
            if (hasMore)
            {
                continue;
            }

            if (isLast)
            {
                return;
            }

            await Task.Delay(_schedule.Interval, _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Sends one batch. Returns whether more rows are waiting than it could take.</summary>
    private async Task<bool> SendNextAsync()
    {
        var durable = _spool.Durable;
        var isMarked = _marks.TryPeek(out var mark) && durable >= mark.Place;
        if (!TryBuild(isMarked ? mark.Place : durable, out var batch, out var isFull))
        {
            if (isMarked)
            {
                // Rows before the mark have been delivered by the calls before this one.
                _marks.TryDequeue(out _);
                mark.Reached.SetResult(_cursor.NextSequence);
                return true;
            }

            await AcknowledgeAsync();
            return false;
        }

        await WriteAsync(_cursor with
        {
            NextSequence = _cursor.NextSequence + (ulong)batch.Count,
            InFlightRows = batch.Count,
            Acknowledged = _batchStart,
            InFlightEnd = _reader.Position,
        });
        await DeliverAsync(batch, EarlierSend.None);
        return isFull || isMarked;
    }

    private async Task DeliverAsync(UsageBatch batch, EarlierSend earlier)
    {
        await _delivery.DeliverAsync(batch, earlier, _deadline.Token);
        Volatile.Write(ref _cursor, _cursor with { Acknowledged = _cursor.InFlightEnd, InFlightRows = 0, SendAttempt = 0, IsInParts = false });
        ForgetStored();
        Interlocked.Add(ref _delivered, batch.Count);
        Interlocked.Exchange(ref _oldestUnsent, 0);
    }

    /// <summary>Past what was in the spool at the start no row can be in the store already.</summary>
    private void ForgetStored()
    {
        if (_cursor.LookFrom != ulong.MaxValue && _reader.Position >= _storedEnd)
        {
            _stored = [];
            Volatile.Write(ref _cursor, _cursor with { LookFrom = ulong.MaxValue });
        }
    }

    /// <summary>With nothing to send: notes what was acknowledged, and deletes what that makes superfluous.</summary>
    private async Task AcknowledgeAsync()
    {
        var retired = Math.Max(_retired, _spool.Retire(_reader.Position));
        if (_cursor.Acknowledged > _written.Acknowledged || retired > _written.FirstLiveSegment)
        {
            // Behind the last row there may be drafts and cursors: they are no rows, so the place behind them is as good.
            await WriteAsync(_cursor with { Acknowledged = _reader.Position });
        }
    }

    /// <summary>Makes a cursor durable, and deletes the segments that it calls done with.</summary>
    /// <remarks>
    /// It calls done with what was so when the one before it was written: a power cut may leave this cursor and not the row before it that ended the
    /// last draft of a segment; what lies before a durable cursor is durable.
    /// </remarks>
    private async Task WriteAsync(SpoolCursor cursor)
    {
        var retired = Math.Max(_retired, _spool.Retire(cursor.Acknowledged));
        cursor = cursor with { Version = _written.Version + 1, FirstLiveSegment = _retired };
        SpoolPosition end;
        while (!_spool.TryWrite(cursor, out end))
        {
            await PauseAsync(_schedule.Interval, _deadline.Token);
        }

        await _committer.MakeDurableAsync(end, _deadline.Token);
        Volatile.Write(ref _cursor, cursor);
        _written = cursor;
        _deliveredAtWritten = Interlocked.Read(ref _delivered);
        _retired = retired;
        _spool.Delete(cursor.FirstLiveSegment);
    }

    /// <summary>Takes up where the last process left, by what the store has and not by what anybody remembers.</summary>
    private async Task ReconcileAsync()
    {
        _reader.Seek(_cursor.Acknowledged);
        _stored = [];
        _storedEnd = _spool.Durable;
        var first = _cursor.AcknowledgedSequence;
        var found = await UntilAnsweredAsync(async cancellationToken =>
        {
            await _sink.RegisterAsync(_cursor.FirstSequence, cancellationToken);
            await _sink.AbandonAsync(cancellationToken);
            return await _sink.FindAsync(Math.Min(first, _cursor.LookFrom), ulong.MaxValue, cancellationToken);
        });

        if (_cursor.InFlightRows > 0)
        {
            if (TryBuildInFlight(found.Where(row => row.Sequence >= first), out var batch))
            {
                PassStored(_cursor.InFlightEnd);
                _stored = [.. found.Where(row => row.Sequence < first).Select(static row => row.AttemptId)];
                await DeliverAsync(batch, _cursor.IsInParts ? EarlierSend.InParts : EarlierSend.Whole);
                return;
            }

            _reader.Seek(_cursor.Acknowledged);
        }

        // Either nothing is there that the cursor does not know, or the spool is older than the ledger (restored from a copy, or damaged): then
        // rows are told by their attempts, and numbering goes on behind the ledger's.
        _stored = [.. found.Select(static row => row.AttemptId)];
        if (found.Count > 0)
        {
            _events.LedgerAhead(found.Count);
        }

        Volatile.Write(ref _cursor, _cursor with
        {
            NextSequence = found.Count == 0 ? first : Math.Max(_cursor.NextSequence, found.Max(static row => row.Sequence) + 1),
            LookFrom = found.Count == 0 ? ulong.MaxValue : Math.Min(first, _cursor.LookFrom),
            InFlightRows = 0,
            SendAttempt = _cursor.InFlightRows > 0 ? _cursor.SendAttempt + 1 : 0,
            IsInParts = false,
        });
    }

    /// <summary>Goes behind the batch that was under way; rows between the last of its own and its end are in the store.</summary>
    private void PassStored(SpoolPosition end)
    {
        while (_reader.Position < end && _reader.TryRead(null, out _, out _) && _reader.Position <= end)
        {
            Interlocked.Increment(ref _delivered);
        }

        _reader.Seek(end);
    }

    /// <summary>Builds the batch that was under way; false when it is not the same rows any more.</summary>
    private bool TryBuildInFlight(IEnumerable<StoredRow> found, out UsageBatch batch)
    {
        var numbered = _cursor;
        Volatile.Write(ref _cursor, numbered with { NextSequence = numbered.AcknowledgedSequence });
        var isBuilt = TryBuild(numbered.InFlightEnd, out batch, out _, numbered.InFlightRows);
        Volatile.Write(ref _cursor, numbered);
        if (!isBuilt || batch.Count != numbered.InFlightRows || _reader.Position > numbered.InFlightEnd)
        {
            return false;
        }

        var sent = batch;
        return found.All(row =>
            row.Sequence < numbered.NextSequence
            && _format.ReadAttemptId(SpooledRow.AttemptIdOf(sent.Row((int)(row.Sequence - sent.SequenceOf(0))).Span)) == row.AttemptId);
    }

    /// <summary>Copies rows from the reader's place up to <paramref name="end"/> into a batch, with their numbers; false when there are none.</summary>
    private bool TryBuild(SpoolPosition end, out UsageBatch batch, out bool isFull, int most = int.MaxValue)
    {
        _rows.ResetWrittenCount();
        _ends.Clear();
        _batchStart = _reader.Position;
        isFull = false;
        batch = null!;
        if (_reader.NextFormat() is not { } format)
        {
            return false;
        }

        var before = _reader.Damaged;
        while (_ends.Count < most && _reader.Position < end && _reader.TryRead(format, out var row, out var recordedAt))
        {
            if (_stored.Count > 0 && _stored.Remove(_format.ReadAttemptId(SpooledRow.AttemptIdOf(row))))
            {
                Interlocked.Increment(ref _delivered);
                if (_ends.Count == 0)
                {
                    _batchStart = _reader.Position;
                    continue;
                }

                // A batch is rows next to each other: a restart finds it again by its place and the count of its rows.
                isFull = true;
                break;
            }

            if (_ends.Count == 0)
            {
                Interlocked.Exchange(ref _oldestUnsent, recordedAt);
            }

            var copy = _rows.GetSpan(row.Length)[..row.Length];
            row.CopyTo(copy);
            SpooledRow.SetSequence(copy, _cursor.NextSequence + (ulong)_ends.Count);
            _rows.Advance(row.Length);
            _ends.Add(_rows.WrittenCount);
            if (most == int.MaxValue && _schedule.IsFull(_ends.Count, _rows.WrittenCount))
            {
                isFull = true;
                break;
            }
        }

        if (_reader.Damaged > before)
        {
            _events.SpoolRecordsDamaged(_reader.Damaged - before);
        }

        if (_ends.Count == 0)
        {
            return false;
        }

        // A format change ends a batch early; then there is more to send at once.
        isFull |= _reader.NextFormat() is { } next && next != format;
        batch = new UsageBatch(_gatewayId, format, _cursor.SendAttempt, _rows.WrittenMemory, _ends.ToArray());
        return true;
    }

    /// <summary>A place at which a batch is to end, and who waits for it.</summary>
    private readonly record struct Mark(SpoolPosition Place, TaskCompletionSource<ulong> Reached);

    private Task NoteAttemptAsync(int attempt, bool isInParts, CancellationToken cancellationToken) =>
        WriteAsync(_cursor with { SendAttempt = attempt, IsInParts = isInParts });

    private async Task<T> UntilAnsweredAsync<T>(Func<CancellationToken, Task<T>> ask)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                var answer = await ask(_deadline.Token);
                _schedule.Reset();
                return answer;
            }
            catch (Exception unanswered) when (UsageSinkException.IsOfStore(unanswered, _deadline.Token))
            {
                var pause = _schedule.PauseAfterFailure(Random.Shared.NextDouble());
                _events.StoreNotAsked(tries, pause, unanswered.Message);
                NoteOldest();
                await PauseAsync(pause, _deadline.Token);
            }
        }
    }

    /// <summary>Looks how long the first row has been waiting, while nothing can be sent.</summary>
    private void NoteOldest()
    {
        if (_reader.TryRead(null, out _, out var recordedAt))
        {
            Interlocked.Exchange(ref _oldestUnsent, recordedAt);
        }

        _reader.Seek(_cursor.Acknowledged);
    }

    /// <summary>Waits; a stop ends the wait and the sender with it, because a store that fails now is not waited for.</summary>
    private async Task PauseAsync(TimeSpan pause, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        await Task.Delay(pause, _time, either.Token);
    }
}
