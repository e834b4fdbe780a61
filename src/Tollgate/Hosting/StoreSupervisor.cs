namespace Tollgate.Hosting;

/// <summary>How the embedded store is.</summary>
internal enum StoreState
{
    /// <summary>Started, not yet answering.</summary>
    Starting,

    /// <summary>Answering.</summary>
    Ready,

    /// <summary>Ended, or not answering any more; it is started again.</summary>
    Down,

    /// <summary>Ended with the gateway, or given up.</summary>
    Stopped,
}

/// <summary>Keeps the embedded store running: starts it, pings it, starts it again when it ends, and stops it last.</summary>
/// <remarks>
/// One loop owns the process; nothing else touches it. A store that can't be had at all (no executable, address taken by somebody
/// else) at the first start ends the loop with <see cref="StoreUnavailableException"/>, which is a wrong configuration. Later the same is a
/// fault that may pass, and is retried.
/// </remarks>
internal sealed class StoreSupervisor(IStoreSystem system, string address, TimeProvider time, ILogger<StoreSupervisor> logger) : BackgroundService
{
    /// <summary>Between two pings.</summary>
    public static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(1);

    /// <summary>Failed pings in a row, after the store was ready, that count as its end.</summary>
    public const int PingsToGiveUp = 3;

    /// <summary>How long a store that was asked to end may take; closing tables takes well under a second.</summary>
    public static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How long the address may stay taken by the store of a gateway that was killed: it ends when it sees its parent gone.</summary>
    public static readonly TimeSpan AddressTimeout = TimeSpan.FromSeconds(5);

    private readonly RestartSchedule _schedule = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile StoreState _state = StoreState.Starting;
    private int _restarts;

    /// <summary>How the store is now.</summary>
    public StoreState State => _state;

    /// <summary>How often the store was started again.</summary>
    public int Restarts => Volatile.Read(ref _restarts);

    /// <summary>Completes when the store was ready for the first time.</summary>
    /// <exception cref="StoreUnavailableException">It can't be had; the message says what to change.</exception>
    /// <exception cref="OperationCanceledException">The gateway stopped first.</exception>
    public Task WaitUntilReadyAsync(CancellationToken cancellation) => _ready.Task.WaitAsync(cancellation);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await RequireFreeAddressAsync(stoppingToken);
            for (var first = true; ; first = false)
            {
                var ready = await RunOnceAsync(first, stoppingToken);
                _state = StoreState.Down;
                var pause = _schedule.Next(ready);
                StoreEvents.Restarting(logger, pause.TotalSeconds);
                await Task.Delay(pause, time, stoppingToken);
                Interlocked.Increment(ref _restarts);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            _ready.TrySetCanceled(stoppingToken);
        }
        catch (StoreUnavailableException exception)
        {
            // Told to whoever waits for the start, who ends the gateway; thrown from here it would be told twice.
            StoreEvents.Unavailable(logger, exception.Message);
            _ready.TrySetException(exception);
        }
        finally
        {
            _state = StoreState.Stopped;
        }
    }

    /// <summary>Runs the store until it ends or is given up. Returns how long it was ready.</summary>
    private async Task<TimeSpan> RunOnceAsync(bool first, CancellationToken stopping)
    {
        _state = StoreState.Starting;
        IStoreProcess process;
        try
        {
            process = system.Start();
        }
        catch (StoreUnavailableException exception) when (!first)
        {
            StoreEvents.Unavailable(logger, exception.Message);
            return TimeSpan.Zero;
        }

        using (process)
        {
            StoreEvents.Started(logger, process.Id, address);
            try
            {
                return await WatchAsync(process, stopping);
            }
            finally
            {
                await StopAsync(process);
            }
        }
    }

    private async Task<TimeSpan> WatchAsync(IStoreProcess process, CancellationToken stopping)
    {
        var started = time.GetTimestamp();
        long? readySince = null;
        var failed = 0;
        using var timer = new PeriodicTimer(PingInterval, time);

        while (true)
        {
            if (await system.PingAsync(stopping))
            {
                failed = 0;
                if (readySince is null)
                {
                    readySince = time.GetTimestamp();
                    _state = StoreState.Ready;
                    StoreEvents.Ready(logger, time.GetElapsedTime(started).TotalMilliseconds);
                    _ready.TrySetResult();
                }
            }
            else if (readySince is not null && ++failed == PingsToGiveUp)
            {
                StoreEvents.Unresponsive(logger, process.Id, PingsToGiveUp);
                return time.GetElapsedTime(readySince.Value);
            }

            var tick = timer.WaitForNextTickAsync(stopping).AsTask();
            if (await Task.WhenAny(tick, process.Exited) == process.Exited)
            {
                StoreEvents.Ended(logger, process.Id, await process.Exited);
                return readySince is null ? TimeSpan.Zero : time.GetElapsedTime(readySince.Value);
            }

            await tick;
        }
    }

    private async Task StopAsync(IStoreProcess process)
    {
        if (process.Exited.IsCompleted)
        {
            return;
        }

        process.Terminate();
        try
        {
            await process.Exited.WaitAsync(StopTimeout, time, CancellationToken.None);
            StoreEvents.Stopped(logger, process.Id);
        }
        catch (TimeoutException)
        {
            StoreEvents.Killed(logger, process.Id, StopTimeout.TotalSeconds);
            process.Kill();
            await process.Exited;
        }
    }

    private async Task RequireFreeAddressAsync(CancellationToken stopping)
    {
        var begun = time.GetTimestamp();
        while (await system.IsAddressTakenAsync(stopping))
        {
            if (time.GetElapsedTime(begun) >= AddressTimeout)
            {
                throw new StoreUnavailableException(
                    $"The embedded store can't listen on {address}: another process does. Stop that process, or give another port in storage.listen. "
                    + "If it is a ClickHouse server that you want to use, set storage.mode to \"clickhouse\" and storage.connectionString.");
            }

            await Task.Delay(PingInterval, time, stopping);
        }
    }
}
