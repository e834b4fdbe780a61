using Microsoft.Extensions.Hosting;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Admission;

/// <summary>Reads the past of budgets from the ledger: at the start, and when a budget of a new kind comes into force.</summary>
/// <remarks>
/// A series counts by itself from a place in the ledger's log on. What lies before that place is asked for once it is in the store, by the rows'
/// numbers; so every row is counted exactly once, whenever the question is asked.
/// </remarks>
/// <param name="book">Whose past is read.</param>
/// <param name="whenDelivered">Completes when everything before a place is in the store, with the number of the first row behind it.</param>
/// <param name="source">The ledger.</param>
/// <param name="time">The clock.</param>
/// <param name="events">Told of what goes wrong.</param>
public sealed class SpendReader(
    AdmissionBook book, Func<long, CancellationToken, Task<ulong>> whenDelivered, ISpendSource source, TimeProvider time, GatewayEvents events) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var reads = new List<Task>();
        try
        {
            await foreach (var series in book.Unread.ReadAllAsync(stoppingToken))
            {
                // Asked for here, one after the other: places have to come in their order.
                reads.Add(ReadAsync(series, whenDelivered(series.Cut, stoppingToken), stoppingToken));
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }

        await Task.WhenAll(reads).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ReadAsync(SpendSeries series, Task<ulong> delivered, CancellationToken stopping)
    {
        var ownBefore = await delivered;
        while (true)
        {
            try
            {
                series.Window.Find(book.Now, out var start, out _);
                var query = new SpendQuery(
                    series.Key, new DateTimeOffset(start, TimeSpan.Zero), TimeSpan.FromTicks(series.Window.BucketTicks), ownBefore);
                book.Open(series, await source.ReadAsync(query, stopping));
                events.BudgetPastRead(series.Key.Scope.ToString(), series.Key.Window);
                return;
            }
#pragma warning disable CA1031 // Whatever the store says, the question is asked again: until it is answered strict budgets let nobody in.
            catch (Exception failure) when (failure is not OperationCanceledException || !stopping.IsCancellationRequested)
#pragma warning restore CA1031
            {
                events.BudgetPastNotRead(series.Key.Scope.ToString(), series.Key.Window, failure.Message);
                await Task.Delay(Pause, time, stopping);
            }
        }
    }
}
