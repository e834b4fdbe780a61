using System.IO.Enumeration;
using Tollgate.Control;
using Tollgate.Hosting;
using Tollgate.Proxy.Admission;

namespace Tollgate.Webhooks;

/// <summary>Brings events to webhooks: through a queue in the control store, so that none is lost with the process, and tried again for a day.</summary>
/// <param name="store">The webhooks.</param>
/// <param name="queue">The queue.</param>
/// <param name="client">The way out.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of what does not arrive.</param>
internal sealed partial class WebhookSender(IControlStore store, IDeliveryQueue queue, WebhookClient client, TimeProvider time, ILogger<WebhookSender> logger) : BackgroundService
{
    private const int AtOnce = 16;

    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan GivenUpAfter = TimeSpan.FromDays(1);
    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromDays(30);

    private readonly QueueLoop _loop = new(time);

    /// <summary>Has a budget's threshold told to every webhook that wants to know. What can't be queued is in the log.</summary>
    public async Task NotifyAsync(BudgetWarning warning, CancellationToken cancellation)
    {
        try
        {
            var (id, json) = (BudgetEvent.IdOf(warning), BudgetEvent.JsonOf(warning));
            foreach (var webhook in store.LastRead?.Webhooks ?? [])
            {
                if (!webhook.Disabled && Wants(webhook, BudgetEvent.Kind))
                {
                    await queue.EnqueueAsync(webhook.Id, id, json, cancellation);
                }
            }
        }
        catch (ControlUnavailableException away)
        {
            LogNotQueued(warning.State.Budget.Id, away.Message);
        }
    }

    /// <summary>Sends what is due now. Returns how many were tried.</summary>
    public async Task<int> SendDueAsync(CancellationToken cancellation)
    {
        var due = await queue.TakeDueAsync(AtOnce, Lease, cancellation);
        await Task.WhenAll(due.Select(delivery => SendAsync(delivery, cancellation)));
        return due.Count;
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        queue.Added = _loop.Ring;
        return _loop.RunAsync(
            new QueueWork(queue.NextDueAsync, SendDueAsync, queue.ForgetDeliveriesAsync, ForgottenAfter, away => LogQueueAway(away.Message)), stoppingToken);
    }

    private async Task SendAsync(Delivery delivery, CancellationToken cancellation)
    {
        var webhook = store.LastRead?.Webhooks.FirstOrDefault(webhook => webhook.Id == delivery.WebhookId);
        if (webhook is null or { Disabled: true })
        {
            await queue.MarkFailedAsync(delivery.Id, "The webhook is gone or disabled.", null, cancellation);
            return;
        }

        var failure = await client.SendAsync(webhook.Url, webhook.Secret, delivery.EventId, delivery.EventJson, cancellation);
        if (failure is null)
        {
            await queue.MarkDeliveredAsync(delivery.Id, cancellation);
            return;
        }

        var now = time.GetUtcNow();
        var isOver = now - delivery.CreatedAt > GivenUpAfter;
        var pause = TimeSpan.FromTicks(Math.Min(LongestPause.Ticks, FirstPause.Ticks << Math.Min(delivery.Attempts, 20)));
        await queue.MarkFailedAsync(delivery.Id, failure, isOver ? null : now + pause, cancellation);
        LogNotDelivered(webhook.Id, delivery.EventId, isOver ? "it is given up" : $"the next try is in {pause.TotalSeconds:0} s", failure);
    }

    private static bool Wants(Webhook webhook, string kind) =>
        webhook.Events.Count == 0 || webhook.Events.Any(wanted => FileSystemName.MatchesSimpleExpression(wanted, kind, ignoreCase: false));

    [LoggerMessage(8901, LogLevel.Warning, "Webhook {Webhook} was not told of {Event}; {Next}. {Reason}")]
    private partial void LogNotDelivered(string webhook, string @event, string next, string reason);

    [LoggerMessage(8902, LogLevel.Warning, "Webhooks could not be told of budget {Budget}: the control store is away. {Reason}")]
    private partial void LogNotQueued(string budget, string reason);

    [LoggerMessage(8903, LogLevel.Warning, "Webhooks wait: the control store is away. {Reason}")]
    private partial void LogQueueAway(string reason);
}
