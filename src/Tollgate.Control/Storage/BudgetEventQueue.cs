using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Control.Storage;

/// <summary><see cref="IBudgetEventQueue"/> in the table of <see cref="DeliveryQueue"/>, under an addressee that no webhook can be.</summary>
/// <remarks>
/// Shape: <c>event_id</c> begins with the end of the window, so that what is over is a range, and ends with a digest of the key: the name of a session is as
/// long as a client likes.
/// </remarks>
internal sealed class BudgetEventQueue(ControlDatabase database) : IBudgetEventQueue
{
    /// <summary>In place of a webhook's id, which has no such character.</summary>
    public const string Addressee = "#budget_events";

    private const int LongestReason = 2_000;

    /// <summary>Whether raises that are given or taken are added, in the transaction that changes the budget. Off without a history: nobody would take them.</summary>
    public bool KeepsRaises { get; set; }

    /// <inheritdoc/>
    public Action? Added { get; set; }

    /// <inheritdoc/>
    public async Task<int> AddAsync(IReadOnlyList<QueuedHappening> happenings, CancellationToken cancellation)
    {
        var rows = happenings.ToLookup(static queued => IdOf(queued.Key, queued.WindowEnd)).ToDictionary(static same => same.Key, static same => same.First());
        var ids = rows.Keys.ToArray();

        // Most of what a start finds was told before: to see that takes no lock.
        var known = database.IsMade ? await database.ReadAsync(context => KnownAsync(context, ids, cancellation), cancellation) : [];
        if (known.Count == ids.Length)
        {
            return 0;
        }

        var added = await database.WriteAsync(async (context, now) =>
        {
            var before = await KnownAsync(context, ids, cancellation);
            foreach (var (id, queued) in rows)
            {
                if (!before.Contains(id))
                {
                    context.Deliveries.Add(ToRow(id, queued, now));
                }
            }

            return ids.Length - before.Count;
        }, cancellation);
        if (added > 0)
        {
            Added?.Invoke();
        }

        return added;
    }

    /// <summary>Adds, as part of a change of a budget, the raises that it gives and takes. Returns whether there are any.</summary>
    public bool AddRaises(ControlContext context, long now, long version, BudgetOptions? before, BudgetOptions? after, string actor)
    {
        if (!KeepsRaises || after is null)
        {
            return false;
        }

        var at = Instant.ToTime(now);
        var given = after.Raises.Except(before?.Raises ?? []).Where(raise => raise.Until > at);
        var taken = (before?.Raises ?? []).Except(after.Raises).Where(raise => raise.Until > at);
        var notes = given.Select(raise => $"{Amount(raise)} given until {raise.Until.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ} by {actor}")
            .Concat(taken.Select(raise => $"{Amount(raise)} until {raise.Until.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ} taken back by {actor}")).ToList();
        for (var i = 0; i < notes.Count; i++)
        {
            var happening = new BudgetHappening
            {
                At = at,
                Kind = BudgetHappeningKind.Override,
                Budget = after.Id,
                Scope = after.Scope,
                Value = after.Value,
                Window = BudgetHappening.WindowOf(after),
                Limit = BudgetHappening.LimitAt(after, at),
                Note = notes[i],
            };
            var id = IdOf(string.Create(CultureInfo.InvariantCulture, $"override/{after.Id}/{version}/{i}"), at);
            context.Deliveries.Add(ToRow(id, new QueuedHappening(string.Empty, at, null, happening), now));
        }

        return notes.Count > 0;
    }

    /// <inheritdoc/>
    public Task<DateTimeOffset?> NextDueAsync(CancellationToken cancellation) =>
        database.IsMade ? NextDueStoredAsync(cancellation) : Task.FromResult<DateTimeOffset?>(null);

    /// <inheritdoc/>
    public Task<IReadOnlyList<TakenHappening>> TakeDueAsync(int limit, TimeSpan lease, CancellationToken cancellation)
    {
        ControlStore.CheckLimit(limit);
        return database.IsMade ? TakeStoredAsync(limit, lease, cancellation) : Task.FromResult<IReadOnlyList<TakenHappening>>([]);
    }

    // Apart from their callers, which then need nothing of EF Core as long as there is no database.
    private Task<DateTimeOffset?> NextDueStoredAsync(CancellationToken cancellation) => DeliveryQueue.NextDueAsync(database, Mine, cancellation);

    private Task<IReadOnlyList<TakenHappening>> TakeStoredAsync(int limit, TimeSpan lease, CancellationToken cancellation) =>
        database.WriteAsync<IReadOnlyList<TakenHappening>>(
            async (context, now) => ReadAll(await DeliveryQueue.TakeAsync(Mine(context), now, limit, lease, cancellation)),
            cancellation);

    private static List<TakenHappening> ReadAll(List<DeliveryRow> rows)
    {
        var read = new List<TakenHappening>(rows.Count);
        foreach (var row in rows)
        {
            try
            {
                read.Add(new TakenHappening(row.Id, row.Attempts, BudgetHappening.FromJson(row.Event)));
            }
            catch (JsonException)
            {
                // A later version's: one of its gateways takes it once the lease is over. The others must not wait for that.
            }
        }

        return read;
    }

    /// <inheritdoc/>
    public Task MarkDoneAsync(IReadOnlyList<TakenHappening> taken, CancellationToken cancellation)
    {
        var ids = IdsOf(taken);
        return database.WriteAsync(
            (context, now) => Mine(context).Where(row => ids.Contains(row.Id))
                .ExecuteUpdateAsync(update => update.SetProperty(row => row.NextAttempt, (long?)null).SetProperty(row => row.DeliveredAt, now), cancellation),
            cancellation);
    }

    /// <inheritdoc/>
    public Task PostponeAsync(IReadOnlyList<TakenHappening> taken, string reason, DateTimeOffset nextAttempt, CancellationToken cancellation)
    {
        var ids = IdsOf(taken);
        var next = Instant.From((DateTimeOffset?)nextAttempt);
        var kept = (reason.Length > LongestReason ? reason[..LongestReason] : reason).Replace('\0', '\uFFFD');
        return database.WriteAsync(
            (context, _) => Mine(context).Where(row => ids.Contains(row.Id) && row.DeliveredAt == null)
                .ExecuteUpdateAsync(update => update.SetProperty(row => row.NextAttempt, next).SetProperty(row => row.LastError, kept), cancellation),
            cancellation);
    }

    /// <inheritdoc/>
    public Task<int> ForgetAsync(DateTimeOffset before, CancellationToken cancellation) =>
        database.IsMade ? ForgetStoredAsync(before, cancellation) : Task.FromResult(0);

    private Task<int> ForgetStoredAsync(DateTimeOffset before, CancellationToken cancellation)
    {
        var bound = TimeText(before);
        return database.WriteAsync(
            (context, _) => Mine(context).Where(row => row.NextAttempt == null && string.Compare(row.EventId, bound) < 0).ExecuteDeleteAsync(cancellation), cancellation);
    }

    private static IQueryable<DeliveryRow> Mine(ControlContext context) => context.Deliveries.Where(static row => row.WebhookId == Addressee);

    private static async Task<HashSet<string>> KnownAsync(ControlContext context, string[] ids, CancellationToken cancellation) =>
        [.. await Mine(context).Where(row => ids.Contains(row.EventId)).Select(static row => row.EventId).ToListAsync(cancellation)];

    private static DeliveryRow ToRow(string id, QueuedHappening queued, long now) => new()
    {
        WebhookId = Addressee,
        EventId = id,
        Event = queued.Happening.ToJson(),
        CreatedAt = now,
        NextAttempt = Instant.From(queued.Due) ?? now,
    };

    private static long[] IdsOf(IReadOnlyList<TakenHappening> taken) => [.. taken.Select(static one => one.Id)];

    private static string IdOf(string key, DateTimeOffset windowEnd) => $"{TimeText(windowEnd)}/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))}";

    private static string TimeText(DateTimeOffset time) => time.UtcDateTime.ToString("yyyyMMddTHHmmssZ", CultureInfo.InvariantCulture);

    private static string Amount(RaiseOptions raise) => raise.Tokens == 0
        ? string.Create(CultureInfo.InvariantCulture, $"${raise.Usd.ToDollars():0.00#######}")
        : string.Create(CultureInfo.InvariantCulture, $"{raise.Tokens:N0} tokens");
}
