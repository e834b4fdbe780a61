using System.Globalization;
using Microsoft.Extensions.Hosting;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Recording;

/// <summary>Takes rows from the queue, numbers them and writes them to the store in batches; the only reader of the queue.</summary>
/// <remarks>
/// A batch is written when it has <see cref="RecordingOptions.BatchRows"/> rows, or <see cref="RecordingOptions.BatchInterval"/>
/// after its first row was taken. One batch is under way at a time, so rows reach the store in their order.
/// A store that is away is tried again with the same batch for as long as it takes. The queue fills meanwhile and then drops the
/// newest rows, so memory stays bounded: the queue, and one batch.
/// A batch that the store refuses for good is lost: logged with its id, its rows counted; the gap in the numbers shows it.
///
/// After <see cref="StopAsync"/> one of these is true of every row that was queued before it:
/// 1. it was written, and the store said so;
/// 2. it was counted in <c>store_lost_rows_total</c>, because the store refused it or the deadline passed;
/// 3. it was counted as lost though the store has it: the deadline fell between the store's commit and its answer.
/// A row is never written under two numbers. A row queued after the loop has ended stays in the queue and is not counted;
/// stop the listeners first.
/// </remarks>
public sealed class UsageBatcher : IHostedService, IDisposable
{
    /// <summary>How long <see cref="StopAsync"/> goes on writing what is queued. A third of the host's default time to stop.</summary>
    public static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Tries of a batch when the sink throws what its contract does not name: a fault of ours must not block the queue for ever.</summary>
    public const int TriesOfUnexpected = 5;

    // Given at construction, never written.
    private readonly UsageQueue _queue;
    private readonly UsageRowPool _pool;
    private readonly IUsageSink _sink;
    private readonly TimeProvider _time;
    private readonly GatewayEvents _events;
    private readonly string _gatewayId;

    // Touched only by the loop.
    private readonly BatchSchedule _schedule;
    private readonly List<UsageRow> _rows = [];
    private ulong _nextSequence;

    // Set by StopAsync, seen by the loop: no more waiting from the first on, no more writing from the second on.
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _deadline = new();

    // Touched by StartAsync and StopAsync, which the host calls one after the other.
    private Task _loop = Task.CompletedTask;

    /// <summary>A batcher that has not started.</summary>
    /// <param name="queue">Where rows come from.</param>
    /// <param name="pool">Where rows go once they are written or lost.</param>
    /// <param name="sink">The store.</param>
    /// <param name="options">Sizes and intervals.</param>
    /// <param name="time">The clock.</param>
    /// <param name="events">Told of everything that happens.</param>
    /// <param name="gatewayId">Written into every row, and the first half of every batch's id.</param>
    /// <param name="firstSequence">The number of the first row.</param>
    public UsageBatcher(
        UsageQueue queue,
        UsageRowPool pool,
        IUsageSink sink,
        RecordingOptions options,
        TimeProvider time,
        GatewayEvents events,
        string gatewayId,
        ulong firstSequence = 1)
    {
        _queue = queue;
        _pool = pool;
        _sink = sink;
        _time = time;
        _events = events;
        _gatewayId = gatewayId;
        _schedule = new BatchSchedule(options);
        _nextSequence = firstSequence;
    }

    /// <summary>Starts the loop.</summary>
    /// <remarks>
    /// Not a BackgroundService: since .NET 10 that one never runs a loop that is stopped before the thread pool comes to it, and
    /// rows queued by then would be neither written nor counted.
    /// </remarks>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Without a token, for the same reason. StopAsync waits for it.
        _loop = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Writes what is queued for up to <see cref="DrainTimeout"/> or until <paramref name="cancellationToken"/>, then counts the rest as lost.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await using var timer = _time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), _deadline, DrainTimeout, Timeout.InfiniteTimeSpan);
        await using var host = cancellationToken.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _deadline);
        await _stopping.CancelAsync();

        // Not cut short by the host's token: the loop ends by the deadline, and must be waited for until it has counted what is lost.
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
        var stopping = _stopping.Token;
        while (!_deadline.IsCancellationRequested)
        {
            await _queue.WaitAsync(1, Timeout.InfiniteTimeSpan, stopping);
            await GatherAsync(stopping);
            if (_rows.Count > 0)
            {
                await WriteAsync(stopping);
            }
            else if (stopping.IsCancellationRequested)
            {
                return;
            }
        }

        LoseWhatIsQueued();
    }

    private async Task GatherAsync(CancellationToken stopping)
    {
        var started = _time.GetTimestamp();
        while (true)
        {
            var before = _rows.Count;
            while (_rows.Count < _schedule.FullBatch && _queue.TryDequeue(out var row))
            {
                row.GatewayId = _gatewayId;
                row.Sequence = _nextSequence++;
                _rows.Add(row);
            }

            if (_rows.Count == 0 || stopping.IsCancellationRequested)
            {
                return;
            }

            var left = _schedule.UntilDue(_rows.Count, _time.GetElapsedTime(started));
            if (left == TimeSpan.Zero)
            {
                return;
            }

            // Half the queue at most, so that a small queue is emptied before it is full. Woken and yet nothing to take means a
            // producer stopped between taking its place and filling it: wait for that one row instead of asking again and again.
            var wanted = _rows.Count == before ? 1 : Math.Min(_schedule.FullBatch - _rows.Count, _queue.Capacity / 2);
            await _queue.WaitAsync(wanted, left, stopping);
        }
    }

    private async Task WriteAsync(CancellationToken stopping)
    {
        var batch = new UsageBatch(string.Create(CultureInfo.InvariantCulture, $"{_gatewayId}/{_rows[0].Sequence}-{_rows[^1].Sequence}"), _rows);
        for (var attempt = 1; ; attempt++)
        {
            var started = _time.GetTimestamp();
            var failure = await TryWriteAsync(batch);
            if (failure is null)
            {
                _schedule.Reset();
                _events.RowsStored(_rows.Count, _time.GetElapsedTime(started));
                break;
            }

            if (_deadline.IsCancellationRequested)
            {
                _events.RowsLost(_rows.Count, RowLoss.Stopped, batch.Id, failure);
                break;
            }

            if (failure is UsageSinkException { CanRetry: false } || (failure is not UsageSinkException && attempt >= TriesOfUnexpected))
            {
                _schedule.Reset();
                _events.RowsLost(_rows.Count, RowLoss.Rejected, batch.Id, failure);
                break;
            }

            var pause = _schedule.PauseAfterFailure(Random.Shared.NextDouble());
            _events.InsertFailed(batch.Id, failure, attempt, pause);

            // A stop cuts a pause short once, to try at once; from then on only the deadline does.
            await PauseAsync(pause, stopping.IsCancellationRequested ? _deadline.Token : stopping);
        }

        foreach (var row in _rows)
        {
            _pool.Return(row);
        }

        _rows.Clear();
    }

    private async Task<Exception?> TryWriteAsync(UsageBatch batch)
    {
        try
        {
            await _sink.WriteAsync(batch, _deadline.Token);
            return null;
        }
#pragma warning disable CA1031 // Whatever a sink throws, the loop goes on: the failure is logged, and counted by the caller.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            return failure;
        }
    }

    private async Task PauseAsync(TimeSpan pause, CancellationToken cutShort) =>
        await Task.Delay(pause, _time, cutShort).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void LoseWhatIsQueued()
    {
        var lost = 0;
        while (_queue.TryDequeue(out var row))
        {
            _pool.Return(row);
            lost++;
        }

        if (lost > 0)
        {
            _events.RowsLost(lost, RowLoss.Stopped, "the queue", null);
        }
    }
}
