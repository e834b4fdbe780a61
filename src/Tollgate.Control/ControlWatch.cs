using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Tollgate.Control;

/// <summary>Puts changes of the control store in force: those of this process before the changing call returns, those of others within a second.</summary>
/// <remarks>
/// Others' changes are found by asking for the store's version every <see cref="PollInterval"/>. When the store can't be read, or what was read can't be applied,
/// what is in force stays, but for what <c>tollgate.json</c> declares, and it is tried again at the next poll.
/// </remarks>
/// <param name="store">The store.</param>
/// <param name="apply">Puts all of it in force. Called for one reading at a time, and once at the start.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where failures go, once for each time that they begin.</param>
public sealed partial class ControlWatch(IControlStore store, Func<ControlData, CancellationToken, Task> apply, TimeProvider time, ILogger<ControlWatch> logger) : BackgroundService
{
    /// <summary>Between two looks at the version. Half of the second that is promised; a look is one row by its key.</summary>
    public static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    private readonly SemaphoreSlim _readings = new(1, 1);

    // How many readings were asked for, and which of those the last successful one answers. The second is written under _readings alone.
    private long _asked;
    private long _answered;

    // -1 before the first reading. Written under _readings.
    private long _applied = -1;
    private bool _failing;
    private IDisposable? _listening;

    /// <summary>The version in force; -1 when none is.</summary>
    public long AppliedVersion => Volatile.Read(ref _applied);

    /// <summary>Reads the store and puts it in force, unless a reading that began after this call was made is in force by then.</summary>
    /// <remarks>Throws what the store or <c>apply</c> throws, after logging it.</remarks>
    public Task RefreshAsync(CancellationToken cancellation) => RefreshAsync(evenWhenAway: true, cancellation);

    private async Task RefreshAsync(bool evenWhenAway, CancellationToken cancellation)
    {
        var mine = Interlocked.Increment(ref _asked);
        await _readings.WaitAsync(cancellation);
        try
        {
            if (_answered >= mine)
            {
                return;
            }

            // Whoever asks from here on may have changed something that this reading misses.
            var answers = Volatile.Read(ref _asked);
            var data = await ReadAsync(evenWhenAway, cancellation);
            await apply(data, cancellation);
            _answered = answers;
            Volatile.Write(ref _applied, data.Revision);
            if (_failing)
            {
                _failing = false;
                Recovered(logger, data.Revision);
            }
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            if (!_failing)
            {
                _failing = true;
                Failed(logger, exception, _applied);
            }

            throw;
        }
        finally
        {
            _readings.Release();
        }
    }

    /// <summary>Looks once, and puts in force what is new. Returns whether the store could be read and applied.</summary>
    public async Task<bool> PollAsync(CancellationToken cancellation)
    {
        try
        {
            // A failed reading is tried again even when the version can be read and is the old one: the overlay may have changed.
            if (Volatile.Read(ref _failing) || await store.VersionAsync(cancellation) != AppliedVersion)
            {
                await RefreshAsync(evenWhenAway: false, cancellation);
            }

            return true;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            if (!Volatile.Read(ref _failing))
            {
                Volatile.Write(ref _failing, true);
                Failed(logger, exception, AppliedVersion);
            }

            return false;
        }
    }

    /// <summary>Reads the store for the first time and puts it in force, then begins to watch.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        _listening = store.OnChange(_ => RefreshAsync(CancellationToken.None));
        await RefreshAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _listening?.Dispose();
        await base.StopAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _listening?.Dispose();
        _readings.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(PollInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await PollAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private async Task<ControlData> ReadAsync(bool evenWhenAway, CancellationToken cancellation)
    {
        try
        {
            return await store.ReadAsync(cancellation);
        }
        catch (ControlUnavailableException) when (evenWhenAway && store.LastRead is not null)
        {
            // What tollgate.json declares is in force without the store.
            await apply(store.LastRead, cancellation);
            throw;
        }
    }

    [LoggerMessage(8401, LogLevel.Error, "The control store could not be read or applied; version {Version} stays in force, and it is tried again")]
    private static partial void Failed(ILogger logger, Exception exception, long version);

    [LoggerMessage(8402, LogLevel.Information, "The control store is read again; version {Version} is in force")]
    private static partial void Recovered(ILogger logger, long version);
}
