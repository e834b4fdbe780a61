using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Proxy.Recording.Spool;

using Tollgate.Testing.Gateway;

namespace Tollgate.Proxy.Tests.Recording;

/// <summary>A spool without room: nothing may keep it from being emptied, and no attempt may be lost or counted twice.</summary>
public sealed class FullUsageSpoolTests : IDisposable
{
    private const int SegmentBytes = 65_536;
    private const int LeastBytes = 6 * SegmentBytes;

    private readonly FailingFiles _files = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero));
    private readonly GatewayEvents _events = new(new GatewayMetrics(new MetricsOptions()), new RecordedLog<GatewayEvents>());

    private int _attempts;

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(24)]
    [InlineData(900)]
    [InlineData(8_300)]
    [InlineData(60_000)]
    public void Rows_of_any_size_leave_room_to_acknowledge_them(int rowBytes)
    {
        using var spool = Open(_files);
        Fill(spool, rowBytes);
        for (ulong version = 1; version <= 900; version++)
        {
            Assert.True(spool.TryWrite(SpoolCursor.Fresh(1) with { Version = version }, out _));
            FillRoom(spool, rowBytes);
        }
    }

    [Fact]
    public void Threads_that_race_for_the_last_room_leave_the_cursors()
    {
        for (var round = 0; round < 20; round++)
        {
            using var files = new FailingFiles();
            using var spool = Open(files);
            while (!spool.IsFull)
            {
                Parallel.For(0, 8, _ => FillRoom(spool, 4_000));
                spool.Commit();
            }

            Parallel.For(0, 8, _ => FillRoom(spool, 4_000));
            Assert.True(spool.TryWrite(SpoolCursor.Fresh(1), out _));
        }
    }

    [Fact]
    public void Starts_do_not_use_up_a_full_spool()
    {
        using (var spool = Open(_files))
        {
            Fill(spool, 900);
        }

        // Each time it is killed once it has noted what it is about to send.
        for (ulong start = 1; start <= 50; start++)
        {
            var spool = Open(_files);
            Assert.True(spool.TryWrite(spool.Cursor with { Version = start }, out _));
            spool.Commit();
            Assert.InRange(spool.Bytes, 0, LeastBytes);
        }

        using var last = Open(_files);
        Assert.Equal(50UL, last.Cursor.Version);
    }

    [Fact]
    public void A_spool_larger_than_its_new_cap_can_still_be_emptied()
    {
        int rows;
        using (var spool = Open(_files, maxBytes: 40 * SegmentBytes))
        {
            rows = Fill(spool, 900);
        }

        using var lowered = Open(_files, maxBytes: 2 * LeastBytes, segmentBytes: 2 * SegmentBytes);
        Assert.True(lowered.TryWrite(lowered.Cursor with { Version = 1 }, out _));
        Assert.Equal(rows, CountRows(lowered));
        Empty(lowered);
        Assert.False(lowered.IsFull);
    }

    [Fact]
    public void Attempts_that_a_full_start_could_not_close_do_not_keep_it_full()
    {
        // More than the last room takes.
        var drafts = 0;
        using var spool = Open(_files);
        while (!spool.IsFull)
        {
            while (spool.TryDraft(spool.Begin(), Row(900)))
            {
                drafts++;
            }

            spool.Commit();
        }

        using var next = Open(_files.Copy());
        Assert.True(next.DurableRows < drafts);
        Empty(next, rounds: 20);
        Assert.False(next.IsFull);
        Assert.Equal(drafts, next.DurableRows);
    }

    [Fact]
    public void When_cursors_alone_have_filled_the_last_segment_the_cap_yields()
    {
        using var spool = Open(_files);
        Fill(spool, 900);
        for (ulong version = 1; version <= 5_000; version++)
        {
            Assert.True(spool.TryWrite(SpoolCursor.Fresh(1) with { Version = version }, out _));

            // The sender waits for each of them.
            spool.Commit();
        }

        Assert.InRange(spool.Bytes, 0, LeastBytes + (6 * SegmentBytes));
    }

    [Fact]
    public void A_segment_that_can_not_be_mapped_leaves_no_file()
    {
        using var spool = Open(_files);
        var files = _files.List().Count;
        _files.Before = static (call, name) =>
        {
            if (call == "map")
            {
                throw FailingFiles.Failure(call, name);
            }
        };
        FillRoom(spool, 900);
        for (var i = 0; i < 10; i++)
        {
            spool.Commit();
        }

        Assert.True(spool.IsFull);
        Assert.Equal(files, _files.List().Count);
    }

    [Fact]
    public void A_slow_stream_does_not_keep_a_small_spool_full()
    {
        using var spool = Open(_files);
        var slow = spool.Begin();
        Assert.True(spool.TryDraft(slow, Row(900)));
        Fill(spool, 900);
        Assert.True(spool.IsFull);
        Empty(spool);
        Assert.False(spool.IsFull);
        Assert.True(spool.TryClose(slow, Row(900), 1, out _));
    }

    [Fact]
    public void Rows_written_after_a_start_lie_behind_everything_that_a_kill_left()
    {
        var rows = 0;
        var random = new Random(1);
        for (var start = 0; start < 40; start++)
        {
            var spool = Open(_files, maxBytes: 100 * SegmentBytes);
            Assert.Equal(rows, CountRows(spool));
            for (var i = random.Next(40); i >= 0; i--)
            {
                // Rows end in zeros, as many as they like.
                Assert.True(spool.TryClose(spool.Begin(), Row(24 + random.Next(1500), zeros: true), 1, out _));
                rows++;
            }

            if (random.Next(2) == 0)
            {
                // A writer killed before it published: payload without a tag.
                var active = spool.Segments[^1];
                var file = _files[SegmentHeader.NameOf(active.Index)];
                var room = file.AsSpan(active.Tail);
                room[..Math.Min(room.Length, 8 + random.Next(200))][4..].Fill(0xA7);
            }
        }

        using var last = Open(_files, maxBytes: 100 * SegmentBytes);
        Assert.Equal(rows, CountRows(last));
    }

    [Fact]
    public void A_folded_attempt_gets_no_row_at_the_next_start()
    {
        using var spool = Open(_files);
        var attempt = spool.Begin();
        var row = Row(900);
        Assert.True(spool.TryDraft(attempt, row));
        spool.NoteFolded(attempt, SpooledRow.AttemptKeyOf(row));
        spool.End(attempt);
        using var next = Open(_files.Copy());
        Assert.Equal(0, next.DurableRows);
    }

    [Fact]
    public void An_attempt_whose_gateway_was_killed_between_fold_and_note_gets_no_row_either()
    {
        var format = new IdFormat();
        using var folds = FoldTable.Open(_files, _events);
        using var spool = Open(_files);
        var attempt = spool.Begin();
        var row = NewRow();
        var encoded = format.Encode(row);
        Assert.True(spool.TryDraft(attempt, encoded));
        FailingFiles killed = null!;
        folds.Add(row, SpooledRow.AttemptKeyOf(encoded), () => killed = _files.Copy());

        // Two starts: by the second, the fold may have been delivered and forgotten.
        using (var again = FoldTable.Open(killed, _events))
        {
            using var next = Open(killed, folded: again.LastAttempts);
            Assert.Equal((1L, 0L), (again.PendingAttempts, next.DurableRows));
        }

        using var later = Open(killed);
        Assert.Equal(0, later.DurableRows);
    }

    [Fact]
    public async Task Where_a_power_cut_may_cost_nothing_a_folded_answer_waits_for_the_disk_too()
    {
        var options = new SpoolOptions { SyncInterval = TimeSpan.Zero };
        using var folds = FoldTable.Open(_files, _events);
        using var spool = Open(_files);
        using var committer = new SpoolCommitter(spool, options.SyncInterval, _time, folds);
        var recorder = new UsageRecorder(spool, committer, new IdFormat(), folds, options, _time, _events);
        while (!spool.IsFull)
        {
            FillRoom(spool, 900);
            await committer.CommitAsync(TestContext.Current.CancellationToken);
        }

        var syncs = 0;
        _files.Before = (call, name) => _ = call == "sync" && name.StartsWith("folds-", StringComparison.Ordinal) ? Interlocked.Increment(ref syncs) : 0;
        var attempt = recorder.Begin();
        recorder.DraftWhole(attempt, NewRow());
        await recorder.WhenSafeAsync(attempt, TestContext.Current.CancellationToken);
        Assert.Equal(1, Volatile.Read(ref syncs));
        recorder.Close(attempt, NewRow());
        Assert.Equal(1, folds.PendingAttempts);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whenever_a_gateway_is_killed_each_attempt_is_a_row_or_in_a_fold_and_never_both(int seed)
    {
        var random = new Random(seed);
        var files = _files;
        var expected = 0;
        for (var life = 0; life < 12; life++)
        {
            using var folds = FoldTable.Open(files, _events);
            var spool = Open(files, folded: folds.LastAttempts);
            using var committer = new SpoolCommitter(spool, TimeSpan.FromHours(1), _time, folds);
            var recorder = new UsageRecorder(spool, committer, new IdFormat(), folds, new SpoolOptions(), _time, _events);
            var open = new List<(OpenAttempt Attempt, UsageRow Row, bool IsCounted)>();
            for (var step = random.Next(3_000); step > 0; step--)
            {
                if (open.Count < 100 && random.Next(2) == 0)
                {
                    var (attempt, row) = (recorder.Begin(), NewRow());
                    recorder.Draft(attempt, row);
                    open.Add((attempt, row, attempt.Segment is not null));
                }
                else if (open.Count > 0)
                {
                    var at = random.Next(open.Count);
                    var (attempt, row, _) = open[at];
                    if (random.Next(2) == 0)
                    {
                        recorder.DraftWhole(attempt, row);
                        open[at] = (attempt, row, true);
                    }
                    else
                    {
                        recorder.Close(attempt, row);
                        open.RemoveAt(at);
                        expected++;
                    }
                }

                if (step % 50 == 0)
                {
                    spool.Commit();
                }
            }

            // What was open and had a draft, or was folded when its answer was whole, counts as well: the next start sees to it, once it has room.
            var killed = files.Copy();
            expected += open.Count(static one => one.IsCounted);
            using var foundFolds = FoldTable.Open(killed.Copy(), _events);
            using var found = Open(killed.Copy(), maxBytes: 100 * SegmentBytes, folded: foundFolds.LastAttempts);
            Assert.Equal(expected, CountRows(found) + foundFolds.PendingAttempts);
            files = killed;
        }
    }

    private static UsageRow NewRow() => new() { AttemptId = Guid.NewGuid(), Timestamp = new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero), UsageSource = UsageSource.Final };

    private static int CountRows(UsageSpool spool)
    {
        spool.Commit();
        var reader = new SpoolReader(spool);
        reader.Seek(spool.Cursor.Acknowledged);
        var rows = 0;
        while (reader.TryRead(null, out _, out _))
        {
            rows++;
        }

        return rows;
    }

    /// <summary>Has every row acknowledged, as the sender does.</summary>
    private static void Empty(UsageSpool spool, int rounds = 3)
    {
        var reader = new SpoolReader(spool);
        ulong version = 100;
        for (var round = 0; round < rounds; round++)
        {
            spool.Commit();
            while (reader.TryRead(null, out _, out _))
            {
                // Sent.
            }

            var firstLive = spool.Retire(reader.Position);
            Assert.True(spool.TryWrite(spool.Cursor with { Version = ++version, Acknowledged = reader.Position, FirstLiveSegment = firstLive }, out _));
            spool.Commit();
            spool.Delete(firstLive);
        }

        spool.Commit();
    }

    private UsageSpool Open(FailingFiles files, long maxBytes = LeastBytes, int segmentBytes = SegmentBytes, IReadOnlySet<UInt128>? folded = null) =>
        UsageSpool.Open(files, new SpoolSettings(segmentBytes, maxBytes, 1), _events, _time, folded);

    /// <summary>Writes rows of attempts with drafts until there is no room, for rows of attempts that had one neither; how many went in.</summary>
    private int Fill(UsageSpool spool, int rowBytes)
    {
        var rows = 0;
        while (!spool.IsFull)
        {
            rows += FillRoom(spool, rowBytes);
            spool.Commit();
        }

        return rows;
    }

    /// <summary>The same, until there is no room prepared.</summary>
    private int FillRoom(UsageSpool spool, int rowBytes)
    {
        for (var rows = 0; ; rows++)
        {
            var (attempt, row) = (spool.Begin(), Row(rowBytes));
            if (!spool.TryDraft(attempt, row) || !spool.TryClose(attempt, row, 1, out _))
            {
                spool.NoteFolded(attempt, SpooledRow.AttemptKeyOf(row));
                spool.End(attempt);
                return rows;
            }
        }
    }

    private byte[] Row(int bytes, bool zeros = false)
    {
        var row = new byte[bytes];
        if (!zeros)
        {
            row.AsSpan().Fill(1);
        }

        BinaryPrimitives.WriteInt32LittleEndian(row.AsSpan(8), Interlocked.Increment(ref _attempts));
        return row;
    }

    /// <summary>Rows of 900 bytes that say nothing but whose they are.</summary>
    private sealed class IdFormat : IRowFormat
    {
        public int Version => 1;

        public void Write(IBufferWriter<byte> output, UsageRow row)
        {
            var bytes = output.GetSpan(900)[..900];
            bytes.Fill(1);
            bytes[..8].Clear();
            row.AttemptId.TryWriteBytes(bytes[8..]);
            output.Advance(900);
        }

        public Guid ReadAttemptId(ReadOnlySpan<byte> sixteenBytes) => new(sixteenBytes);

        public byte[] Encode(UsageRow row)
        {
            var output = new ArrayBufferWriter<byte>();
            Write(output, row);
            return output.WrittenSpan.ToArray();
        }
    }
}
