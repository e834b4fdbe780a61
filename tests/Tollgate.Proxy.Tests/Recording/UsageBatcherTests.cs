using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;

namespace Tollgate.Proxy.Tests.Recording;

public sealed class UsageBatcherTests : IAsyncLifetime
{
    private static readonly UsageSinkException Away = new("away", canRetry: true);

    private readonly WatchedTime _time = new();
    private readonly FakeSink _sink = new();
    private readonly GatewayMetrics _metrics = new(new MetricsOptions());
    private readonly RecordedLog<GatewayEvents> _log = new();
    private readonly List<Guid> _sent = [];
    private readonly UsageRowPool _pool = new(64);
    private readonly UsageQueue _queue;
    private readonly UsageBatcher _batcher;

    public UsageBatcherTests()
    {
        _queue = new UsageQueue(64, _time);
        var options = new RecordingOptions { BatchRows = 10, BatchInterval = TimeSpan.FromMilliseconds(250), MaxRetryInterval = TimeSpan.FromSeconds(10) };
        _batcher = new UsageBatcher(_queue, _pool, _sink, options, _time, new GatewayEvents(_metrics, _log, _time), "gw-1", firstSequence: 100);
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _batcher.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_full_batch_is_written_at_once()
    {
        Send(10);
        await StartAsync();
        Assert.Equal(("gw-1/100-109", 10), await _sink.NextTryAsync());
        await StopAsync();
        AssertEverythingWrittenOnceInOrder();
    }

    [Fact]
    public async Task A_batch_that_is_not_full_waits_for_the_interval_from_its_first_row()
    {
        Send(3);
        await StartAsync();
        Assert.Equal(TimeSpan.FromMilliseconds(250), await _time.NextWaitAsync());
        _time.Advance(TimeSpan.FromMilliseconds(249));
        Assert.Equal(0, _sink.Tries);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(("gw-1/100-102", 3), await _sink.NextTryAsync());
        await StopAsync();
        AssertEverythingWrittenOnceInOrder();
    }

    [Fact]
    public async Task Rows_that_fill_a_batch_while_it_is_gathered_end_the_wait()
    {
        Send(3);
        await StartAsync();
        await _time.NextWaitAsync();
        Send(7);
        Assert.Equal(("gw-1/100-109", 10), await _sink.NextTryAsync());
        await StopAsync();
        AssertEverythingWrittenOnceInOrder();
    }

    [Fact]
    public async Task Numbers_and_order_run_on_over_batches()
    {
        Send(25);
        await StartAsync();
        Assert.Equal(("gw-1/100-109", 10), await _sink.NextTryAsync());
        Assert.Equal(("gw-1/110-119", 10), await _sink.NextTryAsync());
        await _time.PassNextWaitAsync();
        Assert.Equal(("gw-1/120-124", 5), await _sink.NextTryAsync());
        await StopAsync();
        AssertEverythingWrittenOnceInOrder();
        Assert.Equal(25, _metrics.Stored.Units);
    }

    [Fact]
    public async Task A_store_that_is_away_gets_the_same_batch_until_it_takes_it()
    {
        _sink.Answer = static (attempt, _) => attempt <= 12 ? Task.FromException(Away) : Task.CompletedTask;
        Send(10);
        await StartAsync();
        for (var attempt = 1; attempt <= 12; attempt++)
        {
            Assert.Equal(("gw-1/100-109", 10), await _sink.NextTryAsync());
            var pause = await _time.PassNextWaitAsync();
            var full = Math.Min(100 * Math.Pow(2, attempt - 1), 10_000);
            Assert.InRange(pause.TotalMilliseconds, full / 2, full);
        }

        Assert.Equal(("gw-1/100-109", 10), await _sink.NextTryAsync());
        await StopAsync();
        AssertEverythingWrittenOnceInOrder();
        Assert.Equal(12, _metrics.InsertFailures.Units);
        Assert.Equal(12, _log.Lines.Count(static line => line.Id == 7103));
        Assert.Equal(0, _metrics.Lost(RowLoss.Rejected).Units);
    }

    [Fact]
    public async Task A_slow_store_lets_the_queue_fill_and_the_newest_rows_be_dropped()
    {
        var slow = new TaskCompletionSource();
        _sink.Answer = (_, _) => slow.Task;
        Send(10);
        await StartAsync();
        await _sink.NextTryAsync();
        Send(64);
        Assert.False(_queue.TryEnqueue(_pool.Rent()));
        slow.SetResult();
        await StopAsync();
        AssertEverythingWrittenOnceInOrder();
        Assert.Equal(74, _sink.Taken.Count);
    }

    [Fact]
    public async Task A_batch_that_the_store_refuses_is_lost_and_leaves_a_gap_in_the_numbers()
    {
        _sink.Answer = static (attempt, _) => attempt == 1 ? Task.FromException(new UsageSinkException("no such column", canRetry: false)) : Task.CompletedTask;
        Send(20);
        await StartAsync();
        Assert.Equal(("gw-1/100-109", 10), await _sink.NextTryAsync());
        Assert.Equal(("gw-1/110-119", 10), await _sink.NextTryAsync());
        await StopAsync();
        Assert.Equal(_sent.Skip(10), _sink.Taken.Select(static row => row.AttemptId));
        Assert.Equal(110UL, _sink.Taken[0].Sequence);
        Assert.Equal(10, _metrics.Lost(RowLoss.Rejected).Units);
        Assert.Equal(10, _metrics.Stored.Units);
        Assert.Contains(_log.Lines, static line => line.Id == 7104 && line.Text.Contains("gw-1/100-109", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_failure_that_no_contract_names_does_not_block_the_queue_for_ever()
    {
        _sink.Answer = static (attempt, _) => attempt <= UsageBatcher.TriesOfUnexpected ? Task.FromException(new InvalidOperationException("a bug")) : Task.CompletedTask;
        Send(20);
        await StartAsync();
        for (var attempt = 1; attempt < UsageBatcher.TriesOfUnexpected; attempt++)
        {
            Assert.Equal(("gw-1/100-109", 10), await _sink.NextTryAsync());
            await _time.PassNextWaitAsync();
        }

        Assert.Equal(("gw-1/100-109", 10), await _sink.NextTryAsync());
        Assert.Equal(("gw-1/110-119", 10), await _sink.NextTryAsync());
        await StopAsync();
        Assert.Equal(10, _metrics.Lost(RowLoss.Rejected).Units);
    }

    [Fact]
    public async Task Stopping_writes_what_is_queued_without_waiting_for_the_interval()
    {
        await StartAsync();
        Send(23);
        await StopAsync();
        AssertEverythingWrittenOnceInOrder();
        Assert.Equal(0, _queue.Count);
    }

    [Fact]
    public async Task A_stop_right_after_the_start_leaves_no_row_behind()
    {
        for (var round = 0; round < 200; round++)
        {
            using var batcher = new UsageBatcher(
                _queue, _pool, _sink, new RecordingOptions(), _time, new GatewayEvents(_metrics, _log, _time), "gw-1", firstSequence: 100 + (ulong)round);
            Send(1);
            await batcher.StartAsync(TestContext.Current.CancellationToken);
            await batcher.StopAsync(CancellationToken.None);
        }

        AssertEverythingWrittenOnceInOrder();
    }

    [Fact]
    public async Task Stopping_while_the_store_fails_tries_until_the_deadline_and_counts_the_rest()
    {
        _sink.Answer = static (_, _) => Task.FromException(Away);
        Send(25);
        await StartAsync();
        await _sink.NextTryAsync();
        await _time.NextWaitAsync();

        var stopped = StopAsync();
        Assert.Equal(UsageBatcher.DrainTimeout, await _time.NextWaitAsync());
        await _sink.NextTryAsync();
        _time.Advance(UsageBatcher.DrainTimeout);
        await stopped;
        Assert.Empty(_sink.Taken);
        Assert.Equal(25, _metrics.Lost(RowLoss.Stopped).Units);
        Assert.Equal(0, _queue.Count);
    }

    [Fact]
    public async Task A_store_that_comes_back_before_the_deadline_gets_everything()
    {
        var isBack = false;
        _sink.Answer = (_, _) => isBack ? Task.CompletedTask : Task.FromException(Away);
        Send(25);
        await StartAsync();
        await _sink.NextTryAsync();
        await _time.NextWaitAsync();
        isBack = true;
        await StopAsync();
        AssertEverythingWrittenOnceInOrder();
        Assert.Equal(0, _metrics.Lost(RowLoss.Stopped).Units);
    }

    [Fact]
    public async Task A_host_that_will_not_wait_ends_a_write_that_hangs()
    {
        _sink.Answer = static (_, cancel) => Task.Delay(Timeout.Infinite, cancel);
        Send(10);
        await StartAsync();
        await _sink.NextTryAsync();
        await _batcher.StopAsync(new CancellationToken(canceled: true));
        Assert.Equal(10, _metrics.Lost(RowLoss.Stopped).Units);
    }

    [Fact]
    public async Task Written_rows_go_back_to_the_pool()
    {
        Send(10);
        await StartAsync();
        await _sink.NextTryAsync();
        await StopAsync();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++)
        {
            _pool.Rent();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private void Send(int rows)
    {
        for (var i = 0; i < rows; i++)
        {
            var row = _pool.Rent();
            row.AttemptId = Guid.NewGuid();
            _sent.Add(row.AttemptId);
            Assert.True(_queue.TryEnqueue(row));
        }
    }

    private Task StartAsync() => _batcher.StartAsync(TestContext.Current.CancellationToken);

    private Task StopAsync() => _batcher.StopAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

    private void AssertEverythingWrittenOnceInOrder()
    {
        Assert.Equal(_sent, _sink.Taken.Select(static row => row.AttemptId));
        Assert.Equal(Enumerable.Range(100, _sent.Count).Select(static number => (ulong)number), _sink.Taken.Select(static row => row.Sequence));
        Assert.All(_sink.Taken, static row => Assert.Equal("gw-1", row.GatewayId));
    }
}
