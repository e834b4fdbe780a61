using System.Globalization;
using Microsoft.Extensions.Hosting;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Admission;

/// <summary>Tells of budgets that reach a threshold: in the log, in a counter, and to whoever else wants to know.</summary>
/// <param name="book">Where they are reached.</param>
/// <param name="events">The log and the counter.</param>
/// <param name="notify">Whoever else; its failures are its own. Null: nobody.</param>
public sealed class BudgetWatch(AdmissionBook book, GatewayEvents events, Func<BudgetWarning, CancellationToken, Task>? notify) : BackgroundService
{
    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var warning in book.Warnings.ReadAllAsync(stoppingToken))
            {
                var state = warning.State;
                events.BudgetThresholdReached(state.Budget.Id, state.Value, warning.Threshold, Amount(state, state.Spent), Amount(state, state.Limit));
                if (notify is not null)
                {
                    await notify(warning, stoppingToken);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopped.
        }
    }

    private static string Amount(BudgetState state, long amount) => state.IsUsd ? new Nanodollars(amount).ToString() : string.Create(CultureInfo.InvariantCulture, $"{amount:N0} tokens");
}
