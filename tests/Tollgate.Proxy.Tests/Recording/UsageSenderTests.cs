using Microsoft.Extensions.Logging;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Spool;
using Tollgate.Testing.Gateway;

namespace Tollgate.Proxy.Tests.Recording;

/// <summary>From the spool to the store: each row once, in order, densely numbered, over restarts, kills and copies.</summary>
public sealed class UsageSenderTests : IDisposable
{
    private readonly FakeStore _store = new();
    private readonly RecordedLog<GatewayEvents> _log = new();
    private readonly List<TemporaryDirectory> _directories = [];

    public void Dispose() => _directories.ForEach(static directory => directory.Dispose());

    [Fact]
    public async Task Rows_reach_the_store_in_order_and_densely_numbered_in_batches_cut_at_their_rows()
    {
        using var gateway = Open();
        var sent = gateway.Record(25);
        await gateway.CommittedAsync();
        await gateway.StartAsync();
        await gateway.UntilDoneAsync();
        await gateway.StopAsync();

        AssertOnceInOrder(sent, gateway.Sender.FirstSequence);
        Assert.Equal([10, 10, 5], _store.Writes.Select(static write => write.Rows));
        Assert.Equal(gateway.Sender.FirstSequence + 24, gateway.Sender.AcknowledgedSequence);
        Assert.Equal(SpoolRecovery.FirstSequence(new DateTimeOffset(2026, 11, 24, 0, 0, 0, TimeSpan.Zero)), gateway.Sender.FirstSequence);
        Assert.Equal([$"register {gateway.Sender.FirstSequence}", "abandon", $"find {gateway.Sender.FirstSequence}-"], _store.Calls.Take(3));
    }

    [Fact]
    public async Task A_batch_is_cut_at_four_megabytes_too()
    {
        using var gateway = Open(segmentBytes: 16 << 20);
        var sent = gateway.Record(14, bytes: 900_000);
        await gateway.CommittedAsync();
        await gateway.StartAsync();
        await gateway.UntilDoneAsync();
        await gateway.StopAsync();
        AssertOnceInOrder(sent, gateway.Sender.FirstSequence);
        Assert.Equal([5, 5, 4], _store.Writes.Select(static write => write.Rows));
        Assert.All(_store.Writes, static write => Assert.InRange(write.Bytes, 1, (4 << 20) + 1_000_000));
    }

    [Fact]
    public async Task Whoever_waits_for_a_place_learns_the_number_of_the_first_row_behind_it()
    {
        using var gateway = Open();
        gateway.Record(7);
        var before = gateway.Sender.WhenDeliveredAsync(gateway.Spool.Tail, TestContext.Current.CancellationToken);
        gateway.Record(5);
        var behind = gateway.Sender.WhenDeliveredAsync(gateway.Spool.Tail, TestContext.Current.CancellationToken);
        await gateway.CommittedAsync();
        await gateway.StartAsync();
        await gateway.UntilDoneAsync();

        Assert.Equal(gateway.Sender.FirstSequence + 7, await before);
        Assert.Equal(gateway.Sender.FirstSequence + 12, await behind);
        Assert.Equal([7, 5], _store.Writes.Select(static write => write.Rows));
        var idle = gateway.Sender.WhenDeliveredAsync(gateway.Spool.Tail, TestContext.Current.CancellationToken);
        await gateway.UntilAsync(() => idle.IsCompleted);
        Assert.Equal(gateway.Sender.FirstSequence + 12, await idle);
        await gateway.StopAsync();
    }

    [Fact]
    public async Task What_is_in_the_store_leaves_the_disk()
    {
        using var gateway = Open(segmentBytes: 64 * 1024);
        await gateway.StartAsync();
        for (var round = 0; round < 10; round++)
        {
            gateway.Record(200, bytes: 400);
            await gateway.UntilDoneAsync();
        }

        Assert.True(gateway.Spool.Segments[^1].Index >= 20);
        await gateway.UntilAsync(() => gateway.Spool.Segments.Count == 1);
        Assert.InRange(gateway.Files.List().Count(static name => SegmentHeader.TryReadName(name, out _)), 1, 1 + UsageSpool.ReserveSegments + 1);
        await gateway.StopAsync();
        Assert.Equal(2_000, _store.Rows.Count);
    }

    [Fact]
    public async Task A_restart_goes_on_numbering_where_the_last_one_ended()
    {
        var directory = NewDirectory();
        var sent = new List<Guid>();
        var first = 0UL;
        for (var start = 0; start < 5; start++)
        {
            using var gateway = SpooledGateway.Open(directory, _store, _log);
            first = first == 0 ? gateway.Sender.FirstSequence : first;
            sent.AddRange(gateway.Record(7));
            await gateway.CommittedAsync();
            await gateway.StartAsync();
            await gateway.StopAsync();
        }

        AssertOnceInOrder(sent, first);
        Assert.Equal(5, _store.Calls.Count(call => call == $"register {first}"));
    }

    [Theory]
    [InlineData("taken")]
    [InlineData("not taken")]
    [InlineData("half taken")]
    [InlineData("token only")]
    public async Task A_batch_that_was_under_way_at_a_kill_is_in_the_store_once(string fate)
    {
        using var gateway = Open();
        var sent = gateway.Record(10);
        await gateway.CommittedAsync();
        var first = gateway.Sender.FirstSequence;
        using var killed = await KillInAWriteAsync(gateway, fate switch
        {
            "taken" => Written.Taken,
            "half taken" => Written.Only([.. Enumerable.Range(0, 5).Select(index => first + (2 * (ulong)index))]),
            "token only" => Written.TokenOnly(),
            _ => Written.Not(SinkFault.Ambiguous),
        });

        using var second = SpooledGateway.Open(killed, _store, _log);
        sent.AddRange(second.Record(3));
        await second.StartAsync();
        await second.UntilDoneAsync();
        await second.StopAsync();
        AssertOnceInOrder(sent, first);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_a_batch_that_was_damaged_while_it_was_under_way_rows_are_told_by_their_attempts(bool isTaken)
    {
        using var gateway = Open();
        var sent = gateway.Record(10);
        await gateway.CommittedAsync();
        var first = gateway.Sender.FirstSequence;
        using var killed = await KillInAWriteAsync(gateway, isTaken ? Written.Taken : Written.Not(SinkFault.Ambiguous));
        Damage(killed, sent[3]);

        using var second = SpooledGateway.Open(killed, _store, _log);
        var more = second.Record(3);
        await second.StartAsync();
        await second.UntilDoneAsync();
        await second.StopAsync();
        Assert.Equal(_store.Rows.Count, _store.Rows.DistinctBy(static row => row.Sequence).Count());

        // The damaged row's draft is still there, and takes its place behind the others.
        Assert.Equal(isTaken ? [.. sent, .. more] : [.. sent.Where(id => id != sent[3]), sent[3], .. more], _store.Rows.OrderBy(static row => row.Sequence).Select(static row => row.AttemptId));
        Assert.True(second.Metrics.Damaged.Units > 0);
    }

    [Fact]
    public async Task A_spool_that_is_older_than_the_ledger_sends_only_what_the_ledger_has_not()
    {
        using var gateway = Open();
        var both = gateway.Record(15);
        using var old = gateway.Killed();
        var later = gateway.Record(8);
        await gateway.StartAsync();
        await gateway.UntilDoneAsync();
        await gateway.StopAsync();

        using var restored = SpooledGateway.Open(old, _store, _log);
        var more = restored.Record(3);
        await restored.StartAsync();
        await restored.UntilDoneAsync();
        await restored.StopAsync();
        AssertOnceInOrder([.. both, .. later, .. more], gateway.Sender.FirstSequence);
        Assert.Contains(_log.Lines, static line => line.Id == 7110 && line.Level == LogLevel.Warning);
    }

    [Theory]
    [InlineData("taken", 0)]
    [InlineData("not taken", 0)]
    [InlineData("taken", 1)]
    [InlineData("not taken", 1)]
    [InlineData("taken", 2)]
    [InlineData("not taken", 2)]
    public async Task Kills_while_an_older_spool_catches_up_cost_and_double_nothing(string fate, int everyOther)
    {
        var running = Open();
        var sent = running.Record(8);
        await running.CommittedAsync();
        var first = running.Sender.FirstSequence;
        _store.Rows.AddRange(sent.Where((_, index) => everyOther == 0 ? index < 5 : index % 2 == everyOther - 1).Select((id, index) => new StoredRow(first + (ulong)index, id)));

        for (var kill = 0; kill < 3 && _store.Rows.Count < 8; kill++)
        {
            var killed = await KillInAWriteAsync(running, fate == "taken" ? Written.Taken : Written.Not(SinkFault.Ambiguous));
            _directories.Add(killed);
            running.Dispose();
            running = SpooledGateway.Open(killed, _store, _log);
        }

        using var last = running;
        sent.AddRange(last.Record(1));
        await last.StartAsync();
        await last.UntilDoneAsync();
        await last.StopAsync();
        Assert.Equal(sent.Order(), _store.Rows.Select(static row => row.AttemptId).Order());
        Assert.Equal(Enumerable.Range(0, 9).Select(index => first + (ulong)index), _store.Rows.Select(static row => row.Sequence).Order());
    }

    [Fact]
    public async Task Once_an_older_spool_has_caught_up_it_looks_no_further_back()
    {
        var directory = NewDirectory();
        ulong first;
        using (var gateway = SpooledGateway.Open(directory, _store, _log))
        {
            var sent = gateway.Record(4);
            await gateway.CommittedAsync();
            first = gateway.Sender.FirstSequence;
            _store.Rows.AddRange([new(first, sent[0]), new(first + 1, Guid.NewGuid())]);
            await gateway.StartAsync();
            await gateway.UntilDoneAsync();
            gateway.Record(1);
            await gateway.UntilDoneAsync();
            await gateway.StopAsync();
        }

        using var second = SpooledGateway.Open(directory, _store, _log);
        await second.StartAsync();
        await second.StopAsync();
        Assert.Equal($"find {first + 6}-", _store.Calls.Last(static call => call.StartsWith("find", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Rows_that_the_ledger_has_are_passed_over_between_those_that_it_has_not()
    {
        using var gateway = Open();
        var sent = gateway.Record(9);
        await gateway.CommittedAsync();
        var first = gateway.Sender.FirstSequence;
        _store.Rows.AddRange([new(first, sent[1]), new(first + 1, sent[2]), new(first + 2, sent[5]), new(first + 3, sent[8])]);
        await gateway.StartAsync();
        await gateway.UntilDoneAsync();
        await gateway.StopAsync();
        Assert.Equal(sent.Order(), _store.Rows.Select(static row => row.AttemptId).Order());
        Assert.Equal(Enumerable.Range(0, 9).Select(index => first + (ulong)index), _store.Rows.Select(static row => row.Sequence).Order());
    }

    [Fact]
    public async Task Rows_that_a_killed_gateway_left_open_are_sent_as_they_were_drafted()
    {
        using var gateway = Open();
        var row = new UsageRow { AttemptId = Guid.NewGuid() };
        Assert.True(gateway.Spool.TryDraft(gateway.Spool.Begin(), FakeFormat.Encode(row)));
        using var killed = gateway.Killed();
        using var second = SpooledGateway.Open(killed, _store, _log);
        await second.StartAsync();
        await second.UntilDoneAsync();
        await second.StopAsync();
        Assert.Equal([row.AttemptId], _store.Rows.Select(static stored => stored.AttemptId));
        Assert.Equal(1, second.Metrics.Crashed.Units);
    }

    [Fact]
    public async Task Rows_of_an_older_form_go_before_those_of_the_new_one_and_under_its_version()
    {
        var directory = NewDirectory();
        var sent = new List<Guid>();
        using (var before = SpooledGateway.Open(directory, _store, _log))
        {
            sent.AddRange(before.Record(3));
        }

        var formats = new List<int>();
        _store.OnWrite = (_, batch) =>
        {
            formats.Add(batch.RowFormat);
            return Written.Taken;
        };
        using var gateway = SpooledGateway.Open(directory, _store, _log, rowFormat: 2);
        sent.AddRange(gateway.Record(3));
        await gateway.StartAsync();
        await gateway.UntilDoneAsync();
        await gateway.StopAsync();
        Assert.Equal([1, 2], formats);
        AssertOnceInOrder(sent, gateway.Sender.FirstSequence);
    }

    [Fact]
    public async Task A_store_that_is_away_costs_nothing_and_says_so_meanwhile()
    {
        var isAway = true;
        _store.OnAsk = _ =>
        {
            if (isAway)
            {
                throw new UsageSinkException("away", SinkFault.Ambiguous);
            }
        };
        using var gateway = Open();
        var sent = gateway.Record(25);
        await gateway.CommittedAsync();
        await gateway.StartAsync();
        var waits = 0;
        await gateway.UntilAsync(() => ++waits > 10);
        Assert.Equal(25, gateway.Sender.PendingRows);
        Assert.Contains(_log.Lines, static line => line.Id == 7106);
        isAway = false;
        await gateway.UntilDoneAsync();
        await gateway.StopAsync();
        AssertOnceInOrder(sent, gateway.Sender.FirstSequence);
    }

    [Fact]
    public async Task A_stop_sends_what_is_left_without_any_wait()
    {
        using var gateway = Open();
        await gateway.StartAsync();
        var sent = gateway.Record(37);
        await gateway.CommittedAsync();
        await gateway.StopAsync();
        AssertOnceInOrder(sent, gateway.Sender.FirstSequence);
        Assert.Equal(0, gateway.Sender.PendingRows);
    }

    [Fact]
    public async Task A_stop_right_after_the_start_leaves_no_row_behind()
    {
        var directory = NewDirectory();
        var sent = new List<Guid>();
        for (var round = 0; round < 30; round++)
        {
            using var gateway = SpooledGateway.Open(directory, _store, _log);
            sent.AddRange(gateway.Record(1));
            await gateway.CommittedAsync();
            await gateway.StartAsync();
            await gateway.StopAsync();
        }

        AssertOnceInOrder(sent, _store.Rows[0].Sequence);
    }

    [Fact]
    public async Task A_stop_does_not_wait_for_a_store_that_is_away_and_the_next_start_sends_the_rows()
    {
        var isAway = true;
        _store.OnWrite = (_, _) => isAway ? Written.Not(SinkFault.Ambiguous, "away") : Written.Taken;
        var directory = NewDirectory();
        List<Guid> sent;
        using (var gateway = SpooledGateway.Open(directory, _store, _log))
        {
            sent = gateway.Record(25);
            await gateway.CommittedAsync();
            await gateway.StartAsync();
            await gateway.UntilAsync(() => gateway.Sender.Problem is not null);
            Assert.Equal("away", gateway.Sender.Problem);
            await gateway.StopAsync(); // Time stands still: nothing was waited for.
            Assert.Equal(25, gateway.Sender.PendingRows);
        }

        isAway = false;
        using var second = SpooledGateway.Open(directory, _store, _log);
        await second.StartAsync();
        await second.StopAsync();
        AssertOnceInOrder(sent, second.Sender.FirstSequence);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stop_gives_a_write_that_hangs_its_time_and_no_more(bool isHostInAHurry)
    {
        _store.Hold = static cancel => Task.Delay(Timeout.Infinite, cancel);
        using var gateway = Open();
        gateway.Record(10);
        await gateway.CommittedAsync();
        await gateway.StartAsync();
        await _store.NextWriteAsync();
        using var hurry = new CancellationTokenSource();
        var stopping = gateway.Sender.StopAsync(hurry.Token);
        if (isHostInAHurry)
        {
            await hurry.CancelAsync();
        }
        else
        {
            gateway.Time.Advance(UsageSender.DrainTimeout - TimeSpan.FromMilliseconds(1));
            Assert.False(stopping.IsCompleted);
            gateway.Time.Advance(TimeSpan.FromMilliseconds(1));
        }

        await stopping;
        Assert.Equal(10, gateway.Sender.PendingRows);
    }

    [Fact]
    public async Task A_fault_of_its_own_makes_the_sender_begin_anew_and_costs_nothing()
    {
        var log = new FaultyLog(failsAt: 7103, times: 4);
        _store.OnWrite = static (n, _) => n <= 4 ? Written.TakenBut(SinkFault.Ambiguous) : Written.Taken;
        using var gateway = SpooledGateway.Open(NewDirectory(), _store, log);
        var sent = gateway.Record(25);
        await gateway.StartAsync();
        await gateway.UntilDoneAsync();
        await gateway.StopAsync();
        Assert.Equal(4, log.Faults);
        AssertOnceInOrder(sent, gateway.Sender.FirstSequence);
    }

    [Fact]
    public async Task A_fault_after_a_batch_was_delivered_does_not_count_it_twice()
    {
        var log = new FaultyLog(failsAt: 7203, times: 1);
        using var gateway = SpooledGateway.Open(NewDirectory(), _store, log);
        var sent = gateway.Record(15);
        await gateway.CommittedAsync();
        Damage(gateway.Directory, sent[12]);
        await gateway.StartAsync();
        await gateway.UntilAsync(() => _store.Rows.Count == 14);
        Assert.Equal(1, log.Faults);

        // The damaged row is not there to be sent; the others are.
        Assert.Equal(1, gateway.Sender.PendingRows);
        await gateway.StopAsync();
    }

    private SpooledGateway Open(int segmentBytes = 1 << 20) => SpooledGateway.Open(NewDirectory(), _store, _log, segmentBytes: segmentBytes);

    private TemporaryDirectory NewDirectory()
    {
        var directory = new TemporaryDirectory();
        _directories.Add(directory);
        return directory;
    }

    /// <summary>Lets the next write do what it does, and the gateway not live to hear of it. Returns what is left of the gateway.</summary>
    private async Task<TemporaryDirectory> KillInAWriteAsync(SpooledGateway gateway, Written fate)
    {
        var writes = _store.Writes.Count;
        _store.OnWrite = (_, _) => fate;
        _store.Hold = static cancel => Task.Delay(Timeout.Infinite, cancel);
        await gateway.StartAsync();
        do
        {
            await _store.NextWriteAsync();
        }
        while (_store.Writes.Count == writes);

        var left = gateway.Killed();
        await gateway.Sender.StopAsync(new CancellationToken(canceled: true));
        _store.OnWrite = static (_, _) => Written.Taken;
        _store.Hold = static _ => Task.CompletedTask;
        return left;
    }

    /// <summary>Flips a byte of the row of an attempt.</summary>
    private static void Damage(TemporaryDirectory directory, Guid attempt)
    {
        foreach (var path in Directory.EnumerateFiles(directory.Path, "*.segment"))
        {
            var bytes = File.ReadAllBytes(path);
            var at = bytes.AsSpan().LastIndexOf(attempt.ToByteArray());
            if (at >= 0)
            {
                using var file = File.OpenHandle(path, access: FileAccess.Write, share: FileShare.ReadWrite);
                RandomAccess.Write(file, [(byte)~bytes[at + 20]], at + 20);
            }
        }
    }

    private void AssertOnceInOrder(List<Guid> sent, ulong first)
    {
        var rows = _store.Rows.OrderBy(static row => row.Sequence).ToList();
        Assert.Equal(sent, rows.Select(static row => row.AttemptId));
        Assert.Equal(Enumerable.Range(0, sent.Count).Select(index => first + (ulong)index), rows.Select(static row => row.Sequence));
    }

    /// <summary>A log whose disk is full when certain lines are to be written to it.</summary>
    private sealed class FaultyLog(int failsAt, int times) : ILogger<GatewayEvents>
    {
        public int Faults { get; private set; }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Id == failsAt && Faults < times)
            {
                Faults++;
                throw new IOException("No space left on device");
            }
        }
    }
}
