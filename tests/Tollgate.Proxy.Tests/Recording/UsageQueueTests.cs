using Tollgate.Proxy.Recording;

namespace Tollgate.Proxy.Tests.Recording;

public class UsageQueueTests
{
    [Fact]
    public void A_full_queue_says_no_and_takes_rows_again_once_there_is_room()
    {
        var queue = new UsageQueue(4, TimeProvider.System);
        var rows = Enumerable.Range(0, 5).Select(static _ => new UsageRow()).ToList();
        Assert.All(rows.Take(4), row => Assert.True(queue.TryEnqueue(row)));
        Assert.False(queue.TryEnqueue(rows[4]));
        Assert.Equal(4, queue.Count);

        Assert.True(queue.TryDequeue(out var first));
        Assert.Same(rows[0], first);
        Assert.True(queue.TryEnqueue(rows[4]));
        Assert.Equal(4, queue.Count);
    }

    [Fact]
    public async Task A_sleeper_wakes_at_the_awaited_row_and_not_before()
    {
        var queue = new UsageQueue(16, new WatchedTime());
        var sleep = queue.WaitAsync(3, Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken).AsTask();
        queue.TryEnqueue(new UsageRow());
        queue.TryEnqueue(new UsageRow());
        Assert.False(sleep.IsCompleted);
        queue.TryEnqueue(new UsageRow());
        Assert.True(await sleep);
    }

    [Fact]
    public async Task Rows_that_are_there_already_need_no_sleep()
    {
        var queue = new UsageQueue(16, new WatchedTime());
        queue.TryEnqueue(new UsageRow());
        var sleep = queue.WaitAsync(1, Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken);
        Assert.True(sleep.IsCompleted);
        Assert.True(await sleep);
    }

    [Fact]
    public async Task Time_and_a_token_end_a_sleep_without_an_exception()
    {
        var time = new WatchedTime();
        var queue = new UsageQueue(16, time);
        var sleep = queue.WaitAsync(1, TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken).AsTask();
        Assert.Equal(TimeSpan.FromSeconds(1), await time.PassNextWaitAsync());
        Assert.False(await sleep);

        using var stop = new CancellationTokenSource();
        sleep = queue.WaitAsync(1, Timeout.InfiniteTimeSpan, stop.Token).AsTask();
        await stop.CancelAsync();
        Assert.False(await sleep);
    }

    // One row at a time, so that no later row makes up for a wake-up that was lost: were one lost, both sides would wait for good.
    // Fails without the second look of WaitAsync. Taking out the process-wide barrier alone has not been seen to fail here: for
    // that, UsageQueue's argument has to do.
    [Fact]
    public async Task No_wake_up_is_lost_when_each_row_is_the_last_for_the_moment()
    {
        const int Rows = 200_000;
        using var guard = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        guard.CancelAfter(TimeSpan.FromMinutes(1));
        var stop = guard.Token;
        var queue = new UsageQueue(16, TimeProvider.System);
        var taken = 0;
        var producer = Task.Factory.StartNew(
            () =>
            {
                var row = new UsageRow();
                for (var sent = 0; sent < Rows; sent++)
                {
                    var spin = default(SpinWait);
                    while (Volatile.Read(ref taken) < sent && !stop.IsCancellationRequested)
                    {
                        spin.SpinOnce(sleep1Threshold: -1);
                    }

                    queue.TryEnqueue(row);
                }
            },
            stop,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

        while (taken < Rows)
        {
            await queue.WaitAsync(1, Timeout.InfiniteTimeSpan, stop);
            Assert.False(stop.IsCancellationRequested, $"asleep for good after {taken} rows");
            while (queue.TryDequeue(out _))
            {
                Volatile.Write(ref taken, taken + 1);
            }
        }

        await producer;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public async Task Every_row_of_every_producer_arrives_once_and_in_its_producers_order(int rowsAwaited)
    {
        const int Producers = 4;
        const int RowsEach = 100_000;
        var stop = TestContext.Current.CancellationToken;
        var queue = new UsageQueue(1_024, TimeProvider.System);
        var producers = Enumerable.Range(0, Producers).Select(producer => Task.Factory.StartNew(
            () =>
            {
                for (var number = 1; number <= RowsEach; number++)
                {
                    var row = new UsageRow { ServerToolUses = producer, Sequence = (ulong)number };
                    while (!queue.TryEnqueue(row))
                    {
                        stop.ThrowIfCancellationRequested();
                        Thread.Yield();
                    }
                }
            },
            stop,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)).ToList();

        var last = new ulong[Producers];
        for (var taken = 0; taken < Producers * RowsEach;)
        {
            await queue.WaitAsync(Math.Min(rowsAwaited, (Producers * RowsEach) - taken), Timeout.InfiniteTimeSpan, stop);
            Assert.False(stop.IsCancellationRequested);
            while (queue.TryDequeue(out var row))
            {
                Assert.Equal(++last[row.ServerToolUses], row.Sequence);
                taken++;
            }
        }

        await Task.WhenAll(producers);
        Assert.All(last, static number => Assert.Equal((ulong)RowsEach, number));
        Assert.Equal(0, queue.Count);
        Assert.False(queue.TryDequeue(out _));
    }

    [Fact]
    public async Task Enqueueing_allocates_nothing_be_the_consumer_awake_or_asleep()
    {
        var queue = new UsageQueue(1_024, TimeProvider.System);
        var row = new UsageRow();
        queue.TryEnqueue(row);
        queue.TryDequeue(out _);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 500; i++)
        {
            queue.TryEnqueue(row);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        await WakeAsync(queue, row);
        Assert.Equal(0, await WakeAsync(queue, row));
    }

    private static async Task<long> WakeAsync(UsageQueue queue, UsageRow row)
    {
        while (queue.TryDequeue(out _))
        {
        }

        var sleep = queue.WaitAsync(1, Timeout.InfiniteTimeSpan, CancellationToken.None);
        var before = GC.GetAllocatedBytesForCurrentThread();
        queue.TryEnqueue(row);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        await sleep;
        return allocated;
    }
}
