using Microsoft.Extensions.Time.Testing;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording.Spool;

public sealed class UsageSpoolTests : IDisposable
{
    private readonly Random _random = new(1);
    private readonly string _directory = Path.Combine(Path.GetTempPath(), "tollgate-spool-" + Guid.NewGuid().ToString("N"));

    public void Dispose()
    {
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    [Fact]
    public void Appending_allocates_nothing()
    {
        using var spool = SpoolRows.Open(LinuxSpoolFiles.Take(_directory), 16 * 1024 * 1024, 8);
        using var committer = new SpoolCommitter(spool, TimeSpan.FromMinutes(1), TimeProvider.System);
        var recorder = new UsageRecorder(spool, committer, new BareRowFormat(), FoldTable.Open(new FailingFiles(), SpoolRows.Events), new SpoolOptions(), TimeProvider.System, SpoolRows.Events);
        var row = new UsageRow();
        Append(100);

        // Three rounds: code that is compiled anew in the middle of one leaves a few kilobytes on the thread, once.
        Assert.Contains(0L, Enumerable.Range(0, 3).Select(_ => Allocated(10_000)).ToArray());

        long Allocated(int attempts)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Append(attempts);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        void Append(int attempts)
        {
            for (var i = 0; i < attempts; i++)
            {
                var attempt = recorder.Begin();
                recorder.Draft(attempt, row);
                recorder.Draft(attempt, row);
                recorder.Close(attempt, row);
            }
        }
    }

    [Fact]
    public async Task With_an_interval_of_zero_a_draft_is_safe_once_it_is_durable()
    {
        using var spool = SpoolRows.Open(LinuxSpoolFiles.Take(_directory), 65_536);
        using var committer = new SpoolCommitter(spool, TimeSpan.Zero, new FakeTimeProvider());
        var recorder = Recorder(spool, committer, TimeSpan.Zero);
        for (var i = 0; i < 50; i++)
        {
            var attempt = recorder.Begin();
            recorder.Draft(attempt, new UsageRow());
            Assert.True(attempt.TryFindDraftEnd(out var end));
            Assert.True(spool.Durable < end);
            await recorder.WhenSafeAsync(attempt, TestContext.Current.CancellationToken);
            Assert.True(spool.Durable >= end);
            recorder.Close(attempt, new UsageRow());
        }
    }

    [Fact]
    public void With_an_interval_a_draft_is_safe_at_once()
    {
        using var spool = SpoolRows.Open(LinuxSpoolFiles.Take(_directory), 65_536);
        using var committer = new SpoolCommitter(spool, TimeSpan.FromSeconds(1), new FakeTimeProvider());
        var recorder = Recorder(spool, committer, TimeSpan.FromSeconds(1));
        var attempt = recorder.Begin();
        recorder.Draft(attempt, new UsageRow());
        Assert.True(recorder.WhenSafeAsync(attempt, TestContext.Current.CancellationToken).AsTask().IsCompletedSuccessfully);
        Assert.True(attempt.TryFindDraftEnd(out var end));
        Assert.True(spool.Durable < end);
    }

    [Fact]
    public void The_last_rows_are_durable_once_the_committer_is_gone()
    {
        using var spool = SpoolRows.Open(LinuxSpoolFiles.Take(_directory), 65_536);
        using (new SpoolCommitter(spool, TimeSpan.Zero, new FakeTimeProvider()))
        {
            Assert.True(SpoolRows.TryWrite(spool, 1));
        }

        Assert.Single(SpoolRows.ReadAll(spool));
    }

    // Eight threads write, one commits, one reads, acknowledges and deletes; then another process takes up what is left.
    [Fact]
    public async Task Rows_of_many_threads_come_out_once_each_while_segments_come_and_go()
    {
        const int Threads = 8;
        const int PerThread = 4_000;
        const int LeftOpen = 10;
        var seen = new int[Threads * PerThread];
        using (var spool = SpoolRows.Open(LinuxSpoolFiles.Take(_directory), 65_536, 4_096))
        using (var committer = new SpoolCommitter(spool, TimeSpan.FromMilliseconds(1), TimeProvider.System))
        {
            var writers = Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(() => Write(spool, committer, thread), TaskCreationOptions.LongRunning)).ToArray();
            var written = Task.WhenAll(writers);
            var reader = new SpoolReader(spool);
            var cursor = spool.Cursor;
            for (var isLast = false; !isLast;)
            {
                isLast = written.IsCompleted;
                await committer.CommitAsync(TestContext.Current.CancellationToken);
                while (reader.TryRead(SpoolRows.Format, out var row, out _))
                {
                    seen[SpoolRows.AttemptOf(row)]++;
                }

                var first = spool.Retire(reader.Position);
                cursor = cursor with { Version = cursor.Version + 1, Acknowledged = reader.Position, FirstLiveSegment = first };
                Assert.True(spool.TryWrite(cursor, out var end));
                await committer.MakeDurableAsync(end, TestContext.Current.CancellationToken);
                spool.Delete(first);
            }

            await written;
            Assert.InRange(spool.Segments.Count, 1, 8);
        }

        using (var spool = SpoolRows.Open(LinuxSpoolFiles.Take(_directory), 65_536, 4_096))
        {
            foreach (var row in SpoolRows.ReadAll(spool))
            {
                Assert.Equal(0xDD, row[^1]);
                seen[SpoolRows.AttemptOf(row)]++;
            }
        }

        Assert.All(seen, static times => Assert.Equal(1, times));

        static void Write(UsageSpool spool, SpoolCommitter committer, int thread)
        {
            for (var i = 0; i < PerThread; i++)
            {
                var id = (thread * PerThread) + i;
                var attempt = spool.Begin();
                while (!spool.TryDraft(attempt, SpoolRows.Row(id, 0xDD, 40 + (id % 200))))
                {
                    committer.Want();
                    Thread.Yield();
                }

                if (i % (PerThread / LeftOpen) == 0)
                {
                    continue; // Left open.
                }

                while (!spool.TryClose(attempt, SpoolRows.Row(id, 0xEE, 40 + (id % 200)), 1, out _))
                {
                    committer.Want();
                    Thread.Yield();
                }
            }
        }
    }

    [Fact]
    public void A_directory_in_use_is_refused()
    {
        using var taken = LinuxSpoolFiles.Take(_directory);
        var refused = Assert.Throws<SpoolFormatException>(() => LinuxSpoolFiles.Take(_directory));
        Assert.Contains("is in use by another process", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_is_free_again_when_its_holder_is_gone()
    {
        LinuxSpoolFiles.Take(_directory).Dispose();
        LinuxSpoolFiles.Take(_directory).Dispose();
    }

    [Fact]
    public void A_real_file_written_again_reads_the_same()
    {
        using var files = LinuxSpoolFiles.Take(Path.Combine(_directory, "deep", "down"));
        using var file = files.Create("f", 10_000);
        _random.NextBytes(file.Map().Span[5_000..]);
        var before = file.Map().ToArray();
        file.Unmap();
        file.Rewrite();
        file.Sync();
        var after = new byte[10_000];
        file.Read(0, after);
        Assert.Equal(before, after);
    }

    [Fact]
    public void Part_of_a_real_file_is_synced_wherever_it_begins_and_ends_mapped_or_not()
    {
        using var files = LinuxSpoolFiles.Take(_directory);
        using var file = files.Create("f", 10_000);
        file.Sync(5, 10_000);
        file.Map().Span.Fill(1);
        file.Sync(4_095, 4_097);
        file.Sync(8_192, 10_000);
        file.Sync(0, 0);
    }

    [Fact]
    public void Warming_pages_changes_no_byte_and_tells_what_lies_behind_the_end()
    {
        using var files = LinuxSpoolFiles.Take(_directory);
        using var segment = Segment.Create(files, new SegmentHeader(1, 1, Guid.NewGuid(), 64 * 1024));
        Assert.True(segment.TryAppend(SpoolRecordKind.Row, [], SpoolRows.Row(0), out _));
        var before = new byte[segment.Bytes];
        segment.Read(0, before);
        Assert.Equal(0, segment.Warm(16 * 1024));
        Assert.Equal(segment.Tail, segment.Warm(segment.Bytes));
        var after = new byte[segment.Bytes];
        segment.Read(0, after);
        Assert.Equal(before, after);
        segment.Seal();
        segment.Unmap();
        Assert.Equal(segment.Tail, segment.Warm(segment.Bytes));
    }

    [Fact]
    public void A_full_spool_can_be_emptied_after_a_restart()
    {
        var disk = new ModelDisk(_random);
        using (var spool = SpoolRows.Open(new ModelFiles(disk, _random), segments: 6))
        {
            // An attempt with a draft takes the reserve too.
            var attempt = spool.Begin();
            while (spool.TryDraft(attempt, SpoolRows.Row(0)))
            {
                spool.Commit();
            }
        }

        disk.Kill();
        using var full = SpoolRows.Open(new ModelFiles(disk, _random), segments: 6);
        Assert.True(full.IsFull);
        Assert.True(full.TryWrite(full.Cursor with { Version = 1 }, out _));
    }

    [Fact]
    public void A_cursor_finds_room_however_often_a_batch_is_tried_while_the_spool_is_full()
    {
        using var spool = SpoolRows.Open(new ModelFiles(new ModelDisk(_random), _random), segments: 6);
        while (SpoolRows.TryWrite(spool, 1))
        {
            spool.Commit();
        }

        for (var tries = 1ul; tries < 1_000; tries++)
        {
            Assert.True(spool.TryWrite(spool.Cursor with { Version = tries }, out _));
            spool.Commit();
        }
    }

    [Fact]
    public void The_draft_of_an_attempt_that_stays_open_does_not_fill_a_small_spool()
    {
        using var spool = SpoolRows.Open(new ModelFiles(new ModelDisk(_random), _random), segments: 6);
        Assert.True(spool.TryDraft(spool.Begin(), SpoolRows.Row(0)));
        var cursor = spool.Cursor;
        for (var attempt = 1; attempt < 2_000; attempt++)
        {
            Assert.True(SpoolRows.TryWrite(spool, attempt));
            spool.Commit();
            var first = spool.Retire(spool.Durable);
            cursor = cursor with { Version = cursor.Version + 1, Acknowledged = spool.Durable, FirstLiveSegment = first };
            Assert.True(spool.TryWrite(cursor, out _));
            spool.Commit();
            spool.Delete(first);
        }
    }

    [Fact]
    public void A_draft_that_can_not_be_read_keeps_its_segment_and_holds_up_nothing()
    {
        var files = new ModelFiles(new ModelDisk(_random), _random);
        using var spool = SpoolRows.Open(files);
        var open = spool.Begin();
        Assert.True(spool.TryDraft(open, SpoolRows.Row(0)));
        for (var attempt = 1; spool.Segments.Count < 10; attempt++)
        {
            Assert.True(SpoolRows.TryWrite(spool, attempt));
            spool.Commit();
        }

        files.Break(SegmentHeader.NameOf(0), 0);
        Assert.Equal(0, spool.Retire(spool.Durable));
        Assert.True(spool.TryClose(open, SpoolRows.Row(0), 1, out _));
        Assert.Equal(9, spool.Retire(spool.Durable));
    }

    [Fact]
    public void Drafts_in_an_older_form_become_rows_in_that_form()
    {
        var disk = new ModelDisk(_random);
        using (var old = SpoolRows.Open(new ModelFiles(disk, _random)))
        {
            for (var attempt = 0; attempt < 200; attempt++)
            {
                Assert.True(old.TryDraft(old.Begin(), SpoolRows.Row(attempt)));
                old.Commit();
            }
        }

        disk.Kill();
        using var spool = SpoolRows.Open(new ModelFiles(disk, _random), format: 2);
        Assert.True(SpoolRows.TryWrite(spool, 1_000));
        spool.Commit();
        Assert.Equal(Enumerable.Range(0, 200), SpoolRows.ReadAll(spool, format: 1).Select(static row => SpoolRows.AttemptOf(row)).Order());
        Assert.Equal(201, SpoolRows.ReadAll(spool).Count);
        Assert.Equal(2, spool.Segments[^1].RowFormat);
    }

    [Fact]
    public void What_a_failed_sync_forgot_is_written_again_by_the_next_process()
    {
        var disk = new ModelDisk(_random);
        using (var spool = SpoolRows.Open(new ModelFiles(disk, _random)))
        {
            Assert.All(Enumerable.Range(0, 30), attempt => Assert.True(SpoolRows.TryWrite(spool, attempt)));
            disk.FailSync(disk.Names[SegmentHeader.NameOf(0)]);
        }

        disk.Kill();
        SpoolRows.Open(new ModelFiles(disk, _random)).Dispose();
        disk.CutPower();
        using var recovered = SpoolRows.Open(new ModelFiles(disk, _random));
        Assert.Equal(Enumerable.Range(0, 30), SpoolRows.ReadAll(recovered).Select(static row => SpoolRows.AttemptOf(row)));
    }

    // The row and the cursor behind it are only in the page cache; the draft before them is on the disk.
    [Fact]
    public void A_start_that_dies_has_deleted_nothing_on_the_word_of_a_cursor_that_was_not_durable()
    {
        for (var calls = 0; calls < 60; calls++)
        {
            for (var seed = 0; seed < 20; seed++)
            {
                var random = new Random(seed);
                var disk = new ModelDisk(random);
                using (var spool = SpoolRows.Open(new ModelFiles(disk, random)))
                {
                    var open = spool.Begin();
                    Assert.True(spool.TryDraft(open, SpoolRows.Row(0)));
                    spool.Commit();
                    for (var attempt = 1; spool.Segments.Count < 3; attempt++)
                    {
                        SpoolRows.TryWrite(spool, attempt);
                    }

                    spool.TryClose(open, SpoolRows.Row(0), 1, out _);
                    var acknowledged = new SpoolPosition(2, SegmentHeader.Bytes);
                    Assert.True(spool.TryWrite(spool.Cursor with { Version = 1, Acknowledged = acknowledged, FirstLiveSegment = spool.Retire(acknowledged) }, out _));
                }

                disk.Kill();
                try
                {
                    SpoolRows.Open(new ModelFiles(disk, random) { CallsToDeath = calls });
                }
                catch (ProcessKilledException)
                {
                }

                disk.CutPower();
                using var recovered = SpoolRows.Open(new ModelFiles(disk, random));
                Assert.Contains(0, SpoolRows.ReadAll(recovered).Select(static row => SpoolRows.AttemptOf(row)));
            }
        }
    }

    [Fact]
    public void A_spool_whose_only_header_can_not_be_read_now_is_not_taken_for_a_new_one()
    {
        var disk = new ModelDisk(_random);
        using (var spool = SpoolRows.Open(new ModelFiles(disk, _random)))
        {
            Assert.True(SpoolRows.TryWrite(spool, 1));
        }

        disk.Kill();
        foreach (var spare in disk.Names.Keys.Skip(1).ToArray())
        {
            disk.Delete(spare);
        }

        var files = new ModelFiles(disk, _random);
        files.Break(SegmentHeader.NameOf(0), 0);
        Assert.Throws<SpoolFileException>(() => SpoolRows.Open(files));
        using var recovered = SpoolRows.Open(new ModelFiles(disk, _random));
        Assert.Single(SpoolRows.ReadAll(recovered));
    }

    [Fact]
    public void Segments_that_could_not_be_made_leave_no_files()
    {
        var disk = new ModelDisk(_random);
        var files = new ModelFiles(disk, _random);
        using var spool = SpoolRows.Open(files, segments: 1_000);
        for (var commits = 0; commits < 500; commits++)
        {
            for (var rows = 0; rows < 40; rows++)
            {
                SpoolRows.TryWrite(spool, rows);
            }

            files.CallsToError = commits % 7;
            spool.Commit();
            Assert.InRange(disk.Names.Count, 0, spool.Segments.Count + UsageSpool.ReserveSegments + 1);
        }
    }

    [Fact]
    public void The_end_of_the_largest_segment_is_a_place_in_it()
    {
        var end = new SpoolPosition(5, 256 * 1024 * 1024);
        Assert.Equal((5, 256 * 1024 * 1024), (end.Segment, end.Offset));
        Assert.True(end < new SpoolPosition(6, 0));
    }

    private static UsageRecorder Recorder(UsageSpool spool, SpoolCommitter committer, TimeSpan interval) => new(
        spool, committer, new BareRowFormat(), FoldTable.Open(new FailingFiles(), SpoolRows.Events), new SpoolOptions { SyncInterval = interval }, TimeProvider.System, SpoolRows.Events);
}
