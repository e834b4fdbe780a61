using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Spend;
using Tollgate.Proxy;
using Tollgate.Proxy.Accounting;

namespace Tollgate.Hosting;

/// <summary>Keeps the price list in force in the store, where questions about spend at other prices are asked.</summary>
/// <remarks>Looks every <see cref="Interval"/> whether the list was replaced. Waits for the schema, and tries again when the store is away; nothing else waits for it.</remarks>
internal sealed partial class PriceKeeper(StoreClient store, StoreMigration migration, WorldHolder worlds, TimeProvider time, ILogger<PriceKeeper> logger) : BackgroundService
{
    /// <summary>How long a new list may be missing.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly PriceTable _table = new(store);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        PriceList? written = null;
        string? told = null;
        do
        {
            var prices = worlds.Current.Prices;
            if (ReferenceEquals(prices, written) || migration.Problem is not null)
            {
                continue;
            }

            try
            {
                if (await _table.WriteAsync(prices, time.GetUtcNow(), stoppingToken))
                {
                    LogWritten(prices.Revision);
                }

                (written, told) = (prices, null);
            }
            catch (StoreException away)
            {
                // Once for each reason: a right that is missing may be missing for weeks.
                if (told != away.Message)
                {
                    LogNotWritten(prices.Revision, away.Message);
                }

                told = away.Message;
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(7311, LogLevel.Debug, "The price list of revision {Revision} was written to the store.")]
    private partial void LogWritten(uint revision);

    [LoggerMessage(7312, LogLevel.Warning, "The price list of revision {Revision} waits for the store; only what-if questions miss it. {Reason}")]
    private partial void LogNotWritten(uint revision, string reason);
}
