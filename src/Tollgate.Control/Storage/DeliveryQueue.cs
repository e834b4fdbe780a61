using System.Globalization;
using Microsoft.EntityFrameworkCore;

namespace Tollgate.Control.Storage;

/// <summary><see cref="IDeliveryQueue"/> in a table.</summary>
internal sealed class DeliveryQueue(ControlDatabase database) : IDeliveryQueue
{
    private const int LongestReason = 2_000;

    /// <inheritdoc/>
    public Action? Added { get; set; }

    /// <inheritdoc/>
    public async Task<bool> EnqueueAsync(string webhookId, string eventId, string eventJson, CancellationToken cancellation)
    {
        var isNew = await AddAsync(webhookId, eventId, eventJson, cancellation);
        if (isNew)
        {
            Added?.Invoke();
        }

        return isNew;
    }

    /// <inheritdoc/>
    public Task<DateTimeOffset?> NextDueAsync(CancellationToken cancellation) =>
        database.IsMade ? NextDueStoredAsync(cancellation) : Task.FromResult<DateTimeOffset?>(null);

    private Task<DateTimeOffset?> NextDueStoredAsync(CancellationToken cancellation) => NextDueAsync(database, OfWebhooks, cancellation);

    /// <summary>When the next of some rows is due.</summary>
    public static async Task<DateTimeOffset?> NextDueAsync(ControlDatabase database, Func<ControlContext, IQueryable<DeliveryRow>> rows, CancellationToken cancellation) =>
        Instant.ToTime(await database.ReadAsync(context => rows(context).MinAsync(static row => row.NextAttempt, cancellation), cancellation));

    /// <summary>Takes those of some rows that are due.</summary>
    public static async Task<List<DeliveryRow>> TakeAsync(IQueryable<DeliveryRow> rows, long now, int limit, TimeSpan lease, CancellationToken cancellation)
    {
        var due = await rows.Where(row => row.NextAttempt <= now).OrderBy(static row => row.NextAttempt).ThenBy(static row => row.Id).Take(limit).ToListAsync(cancellation);
        foreach (var row in due)
        {
            // Counted before it is tried: a delivery that kills the process must not be tried for ever.
            row.Attempts++;
            row.NextAttempt = now + (lease.Ticks / TimeSpan.TicksPerMicrosecond);
        }

        return due;
    }

    private static IQueryable<DeliveryRow> OfWebhooks(ControlContext context) => context.Deliveries.Where(static row => row.WebhookId != BudgetEventQueue.Addressee);

    private Task<bool> AddAsync(string webhookId, string eventId, string eventJson, CancellationToken cancellation) =>
        database.WriteAsync(async (context, now) =>
        {
            if (await context.Deliveries.AnyAsync(row => row.WebhookId == webhookId && row.EventId == eventId, cancellation))
            {
                return false;
            }

            context.Deliveries.Add(new DeliveryRow { WebhookId = webhookId, EventId = eventId, Event = eventJson, CreatedAt = now, NextAttempt = now });
            return true;
        }, cancellation);

    /// <inheritdoc/>
    public Task<IReadOnlyList<Delivery>> TakeDueAsync(int limit, TimeSpan lease, CancellationToken cancellation)
    {
        ControlStore.CheckLimit(limit);
        return database.IsMade ? TakeStoredAsync(limit, lease, cancellation) : Task.FromResult<IReadOnlyList<Delivery>>([]);
    }

    private Task<IReadOnlyList<Delivery>> TakeStoredAsync(int limit, TimeSpan lease, CancellationToken cancellation) =>
        database.WriteAsync<IReadOnlyList<Delivery>>(
            async (context, now) => (await TakeAsync(OfWebhooks(context), now, limit, lease, cancellation)).ConvertAll(ToDelivery), cancellation);

    /// <inheritdoc/>
    public async Task MarkDeliveredAsync(long id, CancellationToken cancellation) =>
        await database.WriteAsync(
            (context, now) => context.Deliveries.Where(row => row.Id == id)
                .ExecuteUpdateAsync(update => update.SetProperty(row => row.NextAttempt, (long?)null).SetProperty(row => row.DeliveredAt, now), cancellation),
            cancellation);

    /// <inheritdoc/>
    public async Task MarkFailedAsync(long id, string reason, DateTimeOffset? nextAttempt, CancellationToken cancellation)
    {
        var kept = (reason.Length > LongestReason ? reason[..LongestReason] : reason).Replace('\0', '\uFFFD');
        var next = Instant.From(nextAttempt);

        // One that was taken twice and did arrive stays delivered.
        await database.WriteAsync(
            (context, _) => context.Deliveries.Where(row => row.Id == id && row.DeliveredAt == null)
                .ExecuteUpdateAsync(update => update.SetProperty(row => row.NextAttempt, next).SetProperty(row => row.LastError, kept), cancellation),
            cancellation);
    }

    /// <inheritdoc/>
    public async Task<Page<Delivery>> DeliveriesAsync(string? webhookId, string? after, int limit, CancellationToken cancellation)
    {
        ControlStore.CheckLimit(limit);
        var before = after is null ? long.MaxValue : ControlStore.ToCursor(after);
        if (!database.IsMade)
        {
            return new Page<Delivery>([], null);
        }

        var found = await database.ReadAsync(context =>
        {
            var rows = OfWebhooks(context).AsNoTracking().Where(row => row.Id < before);
            rows = webhookId is null ? rows : rows.Where(row => row.WebhookId == webhookId);
            return rows.OrderByDescending(static row => row.Id).Take(limit + 1).ToListAsync(cancellation);
        }, cancellation);
        return ControlStore.ToPage(found.ConvertAll(ToDelivery), limit, static delivery => delivery.Id.ToString(CultureInfo.InvariantCulture));
    }

    /// <inheritdoc/>
    public Task<int> ForgetDeliveriesAsync(DateTimeOffset before, CancellationToken cancellation) =>
        database.IsMade ? ForgetStoredAsync(before, cancellation) : Task.FromResult(0);

    private Task<int> ForgetStoredAsync(DateTimeOffset before, CancellationToken cancellation)
    {
        var instant = Instant.From(before);
        return database.WriteAsync((context, _) => OfWebhooks(context).Where(row => row.NextAttempt == null && row.CreatedAt < instant).ExecuteDeleteAsync(cancellation), cancellation);
    }

    private static Delivery ToDelivery(DeliveryRow row) => new(
        row.Id, row.WebhookId, row.EventId, row.Event, Instant.ToTime(row.CreatedAt), Instant.ToTime(row.NextAttempt), row.Attempts, row.LastError, Instant.ToTime(row.DeliveredAt));
}
