using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Spool;
using Tollgate.Testing.Gateway;

namespace Tollgate.Proxy.Tests.Recording;

/// <summary>Every branch of the protocol: whatever the store does and says, each row is in it once, or put aside.</summary>
public sealed class BatchDeliveryTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FakeStore _store = new();
    private readonly RecordedLog<GatewayEvents> _log = new();
    private readonly GatewayMetrics _metrics = new(new MetricsOptions());
    private readonly StubbornFiles _files;
    private readonly DeadLetters _deadLetters;
    private readonly BatchDelivery _delivery;

    // Pauses until the gateway is stopping.
    private int _pausesLeft = int.MaxValue;
    private int _pauses;

    public BatchDeliveryTests()
    {
        _files = new StubbornFiles(LinuxSpoolFiles.Take(_directory.Path));
        _deadLetters = new DeadLetters(_files);
        var schedule = new BatchSchedule(new RecordingOptions());
        _delivery = new BatchDelivery(_store, schedule, _deadLetters, NoteAsync, PauseAsync, new FakeTimeProvider(), new GatewayEvents(_metrics, _log));
    }

    public void Dispose()
    {
        _files.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_batch_that_the_store_takes_is_sent_once_and_nothing_is_asked()
    {
        await DeliverAsync(FakeFormat.Batch(100, 4));
        Assert.Equal(["write gw/100-103/0"], _store.Calls);
        Assert.Equal(4, _metrics.Stored.Units);
        Assert.Null(_delivery.Problem);
    }

    [Fact]
    public async Task Rows_that_are_all_there_are_sent_once_more_under_the_same_token()
    {
        _store.OnWrite = static (n, _) => n == 1 ? Written.TakenBut(SinkFault.Ambiguous) : Written.Taken;
        await DeliverAsync(FakeFormat.Batch(100, 4));
        Assert.Equal(["write gw/100-103/0", "pause", "abandon", "find 100-103", "write gw/100-103/0"], _store.Calls);
    }

    [Fact]
    public async Task Rows_of_which_none_is_there_go_under_a_new_token_that_is_noted_before_it_is_used()
    {
        _store.OnWrite = static (n, _) => n == 1 ? Written.TokenOnly() : Written.Taken;
        await DeliverAsync(FakeFormat.Batch(100, 4));
        Assert.Equal(["write gw/100-103/0", "pause", "abandon", "find 100-103", "note 1", "write gw/100-103/1"], _store.Calls);
    }

    [Fact]
    public async Task Of_rows_that_are_partly_there_only_the_others_go_under_a_new_token()
    {
        _store.OnWrite = static (n, _) => n == 1 ? Written.Only(100, 102) : Written.Taken;
        await DeliverAsync(FakeFormat.Batch(100, 4));
        Assert.Equal(["write gw/100-103/0", "pause", "abandon", "find 100-103", "note 1", "write gw/101-103/1"], _store.Calls);
        Assert.Equal(("gw/101-103/1", 2), (_store.Writes[^1].Token, _store.Writes[^1].Rows));
    }

    [Fact]
    public async Task Each_failure_is_looked_into_and_no_token_is_used_for_two_sets_of_rows()
    {
        _store.OnWrite = static (n, _) => n switch
        {
            1 => Written.TokenOnly(),
            2 => Written.Only(101),
            3 => Written.Not(SinkFault.Ambiguous),
            4 => Written.Only(100, 103),
            5 => Written.TakenBut(SinkFault.Ambiguous),
            _ => Written.Taken,
        };
        await DeliverAsync(FakeFormat.Batch(100, 5));
        Assert.Equal(
            ["gw/100-104/0", "gw/100-104/1", "gw/100-104/2", "gw/100-104/3", "gw/102-104/4", "gw/102-104/4"], _store.Writes.Select(static write => write.Token));
        Assert.Equal(5, _metrics.InsertFailures.Units);
    }

    [Fact]
    public async Task A_batch_of_an_earlier_process_is_looked_for_before_anything_is_sent()
    {
        await DeliverAsync(FakeFormat.Batch(100, 4, attempt: 6), EarlierSend.Whole);
        Assert.Equal(["abandon", "find 100-103", "note 7", "write gw/100-103/7"], _store.Calls);
    }

    [Theory]
    [InlineData("abandon")]
    [InlineData("find")]
    public async Task A_store_that_does_not_say_what_it_has_is_asked_again_before_anything_is_sent(string question)
    {
        var refusals = 3;
        _store.OnWrite = static (n, _) => n == 1 ? Written.TakenBut(SinkFault.Ambiguous) : Written.Taken;
        _store.OnAsk = call =>
        {
            if (call.StartsWith(question, StringComparison.Ordinal) && refusals-- > 0)
            {
                throw new UsageSinkException("away", SinkFault.Ambiguous);
            }
        };
        await DeliverAsync(FakeFormat.Batch(100, 4));
        Assert.Equal(4, _pauses);
        Assert.Equal("write gw/100-103/0", _store.Calls.Last());
        Assert.Equal(2, _store.Writes.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(16)]
    public async Task Of_a_batch_that_the_store_calls_wrong_only_the_wrong_row_is_put_aside(int rows)
    {
        for (var wrong = 0; wrong < rows; wrong++)
        {
            var first = (ulong)(1000 * (wrong + 1));
            var bad = first + (ulong)wrong;
            _store.OnWrite = (_, batch) => FakeFormat.RowsOf(batch).Any(row => row.Sequence == bad) ? Written.Not(SinkFault.Data, $"row {bad} is wrong") : Written.Taken;
            var batch = FakeFormat.Batch(first, rows);
            _store.Rows.Clear();
            await _delivery.DeliverAsync(batch, EarlierSend.None, CancellationToken.None);

            Assert.Equal(FakeFormat.RowsOf(batch).Where(row => row.Sequence != bad), _store.Rows.OrderBy(static row => row.Sequence));
            var letter = DeadLetters.Read(_files.ReadWhole($"dead-letter-{bad:D20}.json"));
            Assert.Equal((bad, "gw", $"row {bad} is wrong", 1), (letter.Sequence, letter.GatewayId, letter.Error, letter.RowFormat));
            Assert.Equal(batch.Row(wrong).ToArray(), letter.Row.ToArray());
        }

        Assert.Equal(rows, _deadLetters.Sequences().Count());
        Assert.Equal(rows, _log.Lines.Count(static line => line.Id == 7108));
        Assert.Equal(0, _pauses);
    }

    [Fact]
    public async Task Rows_that_are_in_are_not_put_aside_when_a_view_refuses_them()
    {
        _store.OnWrite = static (_, _) => Written.TakenBut(SinkFault.Data);
        await DeliverAsync(FakeFormat.Batch(100, 4));
        Assert.Equal(["write gw/100-103/0", "abandon", "find 100-103", "write gw/100-103/0"], _store.Calls);
        Assert.Empty(_deadLetters.Sequences());
        Assert.Contains(_log.Lines, static line => line.Id == 7107);
    }

    [Fact]
    public async Task A_fault_of_the_set_up_is_waited_out_however_long_it_lasts()
    {
        _store.OnWrite = static (n, _) => n <= 200 ? Written.Not(SinkFault.Setup, "no such table") : Written.Taken;
        string? problem = null;
        _store.OnAsk = _ => problem ??= _delivery.Problem;
        await DeliverAsync(FakeFormat.Batch(100, 4));
        Assert.Equal(200, _pauses);
        Assert.Equal("no such table", problem);
        Assert.Null(_delivery.Problem);
        Assert.Equal(200, _log.Lines.Count(static line => line.Id == 7105 && line.Text.Contains("no such table", StringComparison.Ordinal)));
        Assert.Empty(_deadLetters.Sequences());
    }

    [Fact]
    public async Task When_a_hundred_rows_in_a_row_are_wrong_it_is_the_table_that_is_wrong()
    {
        var isBroken = true;
        _store.OnWrite = (_, _) => isBroken ? Written.Not(SinkFault.Data, "type mismatch") : Written.Taken;
        _store.OnAsk = call => isBroken &= _pauses < 5;
        await _delivery.DeliverAsync(FakeFormat.Batch(100, 256), EarlierSend.None, CancellationToken.None);
        Assert.Equal(BatchDelivery.MostPutAsideInARow, _deadLetters.Sequences().Count());
        Assert.Equal(256 - BatchDelivery.MostPutAsideInARow, _store.Rows.Count);
        Assert.Equal(5, _log.Lines.Count(static line => line.Id == 7105));

        // A row that was taken in between shows that the table is well.
        _store.OnWrite = static (_, batch) => FakeFormat.RowsOf(batch).Any(static row => row.Sequence % 2 == 0) ? Written.Not(SinkFault.Data) : Written.Taken;
        await _delivery.DeliverAsync(FakeFormat.Batch(1000, 300), EarlierSend.None, CancellationToken.None);
        Assert.Equal(BatchDelivery.MostPutAsideInARow + 150, _deadLetters.Sequences().Count());
        Assert.Equal(5, _pauses);
    }

    [Fact]
    public async Task A_row_that_can_not_be_put_aside_is_kept_until_it_can()
    {
        _files.Refusals = 3;
        _store.OnWrite = static (_, _) => Written.Not(SinkFault.Data);
        await _delivery.DeliverAsync(FakeFormat.Batch(100, 1), EarlierSend.None, CancellationToken.None);
        Assert.Equal((3, 1), (_pauses, _deadLetters.Sequences().Count()));
        Assert.Equal(3, _log.Lines.Count(static line => line.Id == 7109));
        Assert.Equal([7109, 7109, 7109, 7108], _log.Lines.Select(static line => line.Id));
    }

    [Fact]
    public async Task A_row_that_is_put_aside_again_takes_the_same_file()
    {
        _store.OnWrite = static (_, _) => Written.Not(SinkFault.Data);
        var batch = FakeFormat.Batch(100, 1);
        await _delivery.DeliverAsync(batch, EarlierSend.None, CancellationToken.None);
        await _delivery.DeliverAsync(batch, EarlierSend.None, CancellationToken.None);
        Assert.Single(_deadLetters.Sequences());
        Assert.Single(new DeadLetters(_files).Sequences());
        Assert.Single(_files.List(), DeadLetters.IsName);
    }

    public static TheoryData<Exception> Unexpected => [new InvalidOperationException("a bug"), new TimeoutException("late"), new TaskCanceledException("a timeout of the client's own")];

    [Theory]
    [MemberData(nameof(Unexpected))]
    public async Task A_failure_that_no_contract_names_leaves_everything_open(Exception failure)
    {
        _store.OnWrite = (n, _) => n == 1 ? Written.Taken with { Fails = failure } : Written.Taken;
        await DeliverAsync(FakeFormat.Batch(100, 4));
        Assert.Equal(["write gw/100-103/0", "pause", "abandon", "find 100-103", "write gw/100-103/0"], _store.Calls);
        Assert.Contains(_log.Lines, line => line.Id == 7103 && line.Text.Contains(failure.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_stop_in_the_middle_of_a_pause_ends_the_delivery_and_touches_nothing()
    {
        _pausesLeft = 2;
        _store.OnWrite = static (_, _) => Written.Not(SinkFault.Ambiguous);
        await Assert.ThrowsAsync<OperationCanceledException>(() => _delivery.DeliverAsync(FakeFormat.Batch(100, 4), EarlierSend.None, CancellationToken.None));
        Assert.Equal("stop", _store.Calls.Last());
        Assert.Empty(_deadLetters.Sequences());
    }

    [Fact]
    public async Task A_stop_in_the_middle_of_a_write_is_no_failure_of_the_store()
    {
        using var stop = new CancellationTokenSource();
        _store.Hold = async cancel =>
        {
            await stop.CancelAsync();
            cancel.ThrowIfCancellationRequested();
        };
        await Assert.ThrowsAsync<OperationCanceledException>(() => _delivery.DeliverAsync(FakeFormat.Batch(100, 4), EarlierSend.None, stop.Token));
        Assert.Equal((0L, 0), (_metrics.InsertFailures.Units, _pauses));
    }

    /// <summary>Delivers, and holds the store to each row once.</summary>
    private async Task DeliverAsync(UsageBatch batch, EarlierSend earlier = EarlierSend.None)
    {
        await _delivery.DeliverAsync(batch, earlier, CancellationToken.None);
        Assert.Equal(FakeFormat.RowsOf(batch), _store.Rows.OrderBy(static row => row.Sequence));
    }

    private Task NoteAsync(int attempt, bool isInParts, CancellationToken cancellationToken)
    {
        _store.Calls.Enqueue(string.Create(CultureInfo.InvariantCulture, $"note {attempt}"));
        return Task.CompletedTask;
    }

    private Task PauseAsync(TimeSpan length, CancellationToken cancellationToken)
    {
        Assert.InRange(length, BatchSchedule.FirstRetryInterval / 2, new RecordingOptions().MaxRetryInterval);
        _pauses++;
        if (_pausesLeft-- <= 0)
        {
            _store.Calls.Enqueue("stop");
            throw new OperationCanceledException();
        }

        _store.Calls.Enqueue("pause");
        return Task.CompletedTask;
    }

    /// <summary>A directory whose disk refuses small files for a while.</summary>
    private sealed class StubbornFiles(ISpoolFiles files) : ISpoolFiles
    {
        public int Refusals { get; set; }

        public IReadOnlyList<string> List() => files.List();

        public ISpoolFile Create(string name, int bytes) => files.Create(name, bytes);

        public ISpoolFile Open(string name) => files.Open(name);

        public void Delete(string name) => files.Delete(name);

        public void SyncDirectory() => files.SyncDirectory();

        public void WriteWhole(string name, ReadOnlySpan<byte> content)
        {
            if (Refusals-- > 0)
            {
                throw new SpoolFileException("write", name, SpoolFileException.NoSpace, "No space left on device");
            }

            files.WriteWhole(name, content);
        }

        public byte[] ReadWhole(string name) => files.ReadWhole(name);

        public void Dispose() => files.Dispose();
    }
}
