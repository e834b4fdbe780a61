using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Schema;

namespace Tollgate.Hosting;

/// <summary>Brings the store's schema up to this version, trying again for as long as the store is away.</summary>
/// <remarks>Rows wait meanwhile: an insert into a table that is not there yet fails as set-up, which is tried again.</remarks>
internal sealed partial class StoreMigration(StoreClient store, string cluster, TimeProvider time, ILoggerFactory loggers) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly ILogger _logger = loggers.CreateLogger<StoreMigration>();
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _problem = "The schema has not been checked yet.";

    /// <summary>What keeps the schema from being current; null once it is.</summary>
    public string? Problem => _problem;

    /// <summary>Waits until the schema is current, or can't be made so, but no longer than <paramref name="patience"/>.</summary>
    public async Task WaitAsync(TimeSpan patience, CancellationToken cancellation) =>
        await Task.WhenAny(_done.Task, Task.Delay(patience, time, cancellation));

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var runner = new MigrationRunner(store, cluster, loggers.CreateLogger<MigrationRunner>());
        while (true)
        {
            try
            {
                await runner.MigrateAsync(stoppingToken);
                _problem = null;
                _done.TrySetResult();
                return;
            }
            catch (MigrationChangedException changed)
            {
                // Nothing will mend this by itself; the proxy goes on, rows wait, and readiness says why.
                _problem = changed.Message;
                LogChanged(changed.Message);
                _done.TrySetResult();
                return;
            }
            catch (StoreException failed)
            {
                if (_problem != failed.Message)
                {
                    LogFailed(failed.Message);
                }

                _problem = failed.Message;
            }

            await Task.Delay(Pause, time, stoppingToken);
        }
    }

    [LoggerMessage(8201, LogLevel.Error, "The ledger's schema can't be used: {Problem}")]
    private partial void LogChanged(string problem);

    [LoggerMessage(8202, LogLevel.Warning, "The ledger's schema could not be checked and is tried again: {Problem}")]
    private partial void LogFailed(string problem);
}
