using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording.Spool;

/// <summary>Sequences of failures that once lost a row, or delivered it twice.</summary>
public class SpoolDeliveryTests
{
    private static readonly DateTimeOffset Now = new(2026, 9, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Random _random = new(1);
    private readonly HashSet<int> _wrong = [];
    private readonly ModelStore _store;

    public SpoolDeliveryTests() => _store = new ModelStore(id => _wrong.Contains(IndexOf(id)));

    [Fact]
    public async Task The_rest_of_a_wrong_batch_is_sent_though_rows_between_its_rows_are_stored()
    {
        _wrong.Add(0);
        _store.Write(Sent(Batch(1, 3)), new TaskCompletionSource());
        var deadLetters = await DeliverAsync(Batch(0, 5), EarlierSend.InParts);
        Assert.Equal([1ul, 2, 3, 4], _store.Rows.Keys.ToArray());
        Assert.Equal(1, deadLetters);
    }

    [Fact]
    public async Task A_batch_that_was_stored_in_parts_is_not_sent_once_more_as_a_whole()
    {
        _store.Write(Sent(Batch(0, 2)), new TaskCompletionSource());
        _store.Write(Sent(Batch(2, 2)), new TaskCompletionSource());
        await DeliverAsync(Batch(0, 4), EarlierSend.InParts);
        Assert.Equal(4, _store.Rows.Count);
    }

    // The ledger has rows 3 to 5 under numbers that this spool gave to none; the process dies while rows before and behind them are under way.
    [Fact]
    public void A_spool_restored_from_a_copy_delivers_once_what_the_ledger_has_not()
    {
        var disk = new ModelDisk(_random);
        ulong first;
        using (var spool = SpoolRows.Open(new ModelFiles(disk, _random)))
        {
            Assert.All(Enumerable.Range(0, 10), attempt => Assert.True(SpoolRows.TryWrite(spool, attempt)));
            Assert.True(spool.TryWrite(spool.Cursor with { Version = 1 }, out _));
            first = spool.Cursor.FirstSequence;
        }

        var stored = Enumerable.Range(3, 3).Select(attempt => Numbered(attempt, first + (ulong)attempt - 3)).ToArray();
        _store.Write(new SentBatch("before", stored), new TaskCompletionSource());
        disk.Kill();
        Run(disk, static stop => stop is Stop.Write);
        disk.Kill();
        Run(disk, static _ => false);
        Assert.Equal(Enumerable.Range(0, 10), _store.Rows.Values.Select(static row => SpoolRows.AttemptOf(row)).Order());
        Assert.Equal(first + 9, _store.Rows.Keys.Max());
    }

    // The draft is on the disk; of what came behind it a power cut leaves a cursor and not the row.
    [Fact]
    public void A_segment_is_not_done_with_until_what_ended_its_drafts_is_durable()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var disk = new ModelDisk(random);
            var store = new ModelStore(static _ => false);
            using (var spool = SpoolRows.Open(new ModelFiles(disk, random)))
            {
                var open = spool.Begin();
                Assert.True(spool.TryDraft(open, SpoolRows.Row(0)));
                for (var attempt = 1; spool.Segments.Count < 2; attempt++)
                {
                    Assert.True(SpoolRows.TryWrite(spool, attempt));
                }

                // Once with the draft's attempt open, so that all is acknowledged; then it ends, and the next cursor may be lost or not.
                var steps = new SteppedSender(Now);
                using var sender = Start(spool, steps, disk, random);
                var (cursors, pauses) = (0, 0);
                var idle = Step(spool, steps, store, stop => stop is Stop.Delay && sender.PendingRows == 0);
                Assert.True(spool.TryClose(open, SpoolRows.Row(0), 1, out _));
                for (var rows = 0; rows < 10; rows++)
                {
                    Assert.True(spool.TryDraft(spool.Begin(), SpoolRows.Row(100 + rows)));
                }

                Step(spool, steps, store, stop => (stop is Stop.Durable && cursors++ == seed % 3) || (stop is Stop.Delay && pauses++ == 5), idle);
            }

            disk.CutPower();
            using (var spool = SpoolRows.Open(new ModelFiles(disk, random)))
            {
                var steps = new SteppedSender(Now);
                using var sender = Start(spool, steps, disk, random);
                Step(spool, steps, store, stop => stop is Stop.Delay && sender.PendingRows == 0);
            }

            Assert.Contains(0, store.Rows.Values.Select(static row => SpoolRows.AttemptOf(row)));
        }
    }

    private static int IndexOf(Guid attempt) => BitConverter.ToInt32(attempt.ToByteArray());

    private static byte[] Numbered(int attempt, ulong number)
    {
        var row = SpoolRows.Row(attempt);
        SpooledRow.SetSequence(row, number);
        return row;
    }

    private static UsageBatch Batch(int first, int count)
    {
        var rows = Enumerable.Range(first, count).SelectMany(static attempt => Numbered(attempt, (ulong)attempt)).ToArray();
        return new UsageBatch("gw", SpoolRows.Format, 1, rows, Enumerable.Range(1, count).Select(static index => index * 40).ToArray());
    }

    private static SentBatch Sent(UsageBatch batch) => new(batch.Token, [.. Enumerable.Range(0, batch.Count).Select(index => batch.Row(index).ToArray())]);

    private static UsageSender Start(UsageSpool spool, SteppedSender steps, ModelDisk disk, Random random)
    {
        var sender = new UsageSender(
            spool, steps, steps, new BareRowFormat(), FoldTable.Open(new FailingFiles(), SpoolRows.Events), new DeadLetters(new ModelFiles(disk, random)), new RecordingOptions(), steps, SpoolRows.Events, "gw");
        sender.StartAsync(CancellationToken.None);
        return sender;
    }

    /// <summary>Lets a sender go on until it stands where <paramref name="isEnd"/>.</summary>
    private static Stop Step(UsageSpool spool, SteppedSender steps, ModelStore store, Predicate<Stop> isEnd, Stop? from = null)
    {
        var left = 10_000;
        for (var stop = from ?? steps.Next(); ; stop = steps.Next())
        {
            Assert.True(left-- > 0, "the sender comes to no end");
            if (stop != from && isEnd(stop))
            {
                return stop;
            }

            switch (stop)
            {
                case Stop.Commit commit:
                    spool.Commit();
                    commit.Done.SetResult();
                    break;
                case Stop.Durable durable:
                    spool.Commit();
                    Assert.True(spool.Durable >= durable.Position);
                    durable.Done.SetResult();
                    break;
                case Stop.Write write:
                    store.Write(write.Batch, write.Done);
                    break;
                case Stop.Abandon abandon:
                    abandon.Done.SetResult();
                    break;
                case Stop.Find find:
                    find.Done.SetResult(store.Find(find.First, find.Last));
                    break;
                case Stop.Register register:
                    register.Done.SetResult();
                    break;
                case Stop.Delay delay:
                    delay.Fire();
                    break;
            }
        }
    }

    private void Run(ModelDisk disk, Predicate<Stop> isEnd)
    {
        using var spool = SpoolRows.Open(new ModelFiles(disk, _random));
        var steps = new SteppedSender(Now);
        using var sender = Start(spool, steps, disk, _random);
        Step(spool, steps, _store, stop => isEnd(stop) || (stop is Stop.Delay && sender.PendingRows == 0));
    }

    private async Task<int> DeliverAsync(UsageBatch batch, EarlierSend earlier)
    {
        var steps = new SteppedSender(Now);
        var letters = new DeadLetters(new ModelFiles(new ModelDisk(_random), _random));
        var delivery = new BatchDelivery(
            steps, new BatchSchedule(new RecordingOptions()), letters, static (_, _, _) => Task.CompletedTask, static (_, _) => Task.CompletedTask, steps, SpoolRows.Events);
        var delivered = Task.Run(() => delivery.DeliverAsync(batch, earlier, TestContext.Current.CancellationToken));
        var end = delivered.ContinueWith(
            _ => steps.CreateTimer(static _ => { }, null, TimeSpan.Zero, TimeSpan.Zero), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await Task.Run(() => Step(null!, steps, _store, static stop => stop is Stop.Delay));
        await delivered;
        await end;
        return letters.Sequences().Count();
    }
}
