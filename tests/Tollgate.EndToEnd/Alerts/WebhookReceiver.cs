using System.Net;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Tollgate.EndToEnd.Alerts;

/// <summary>One alert as Alertmanager told it.</summary>
/// <param name="ArrivedAt">When the webhook came.</param>
/// <param name="Status"><c>firing</c> or <c>resolved</c>.</param>
/// <param name="StartsAt">When Prometheus saw its condition begin.</param>
/// <param name="Labels">Its labels.</param>
/// <param name="Summary">Its text.</param>
internal sealed record ToldAlert(DateTimeOffset ArrivedAt, string Status, DateTimeOffset StartsAt, IReadOnlyDictionary<string, string> Labels, string Summary)
{
    /// <summary>Its name.</summary>
    public string Name => Labels["alertname"];
}

/// <summary>Alertmanager's webhook, on a loopback port.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly Channel<ToldAlert> _told = Channel.CreateUnbounded<ToldAlert>();
    private readonly WebApplication _app;

    private WebhookReceiver(WebApplication app) => _app = app;

    /// <summary>Where it is told.</summary>
    public string Address { get; private set; } = string.Empty;

    /// <summary>Starts it on a port of its own.</summary>
    public static async Task<WebhookReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var receiver = new WebhookReceiver(app);
        app.Run(receiver.TakeAsync);
        await app.StartAsync();
        receiver.Address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return receiver;
    }

    /// <summary>The next alert told.</summary>
    public ValueTask<ToldAlert> NextAsync(CancellationToken cancellationToken) => _told.Reader.ReadAsync(cancellationToken);

    /// <summary>Everything told so far that nobody has read.</summary>
    public IReadOnlyList<ToldAlert> Unread()
    {
        var unread = new List<ToldAlert>();
        while (_told.Reader.TryRead(out var told))
        {
            unread.Add(told);
        }

        return unread;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        var arrived = TimeProvider.System.GetUtcNow();
        var body = (await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted))!;
        foreach (var alert in body["alerts"]!.AsArray())
        {
            _told.Writer.TryWrite(new ToldAlert(
                arrived,
                alert!["status"]!.GetValue<string>(),
                alert["startsAt"]!.GetValue<DateTimeOffset>(),
                alert["labels"]!.AsObject().ToDictionary(static label => label.Key, static label => label.Value!.GetValue<string>(), StringComparer.Ordinal),
                alert["annotations"]!["summary"]!.GetValue<string>()));
        }
    }
}
