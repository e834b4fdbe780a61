using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Control;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Testing.Gateway;
using Tollgate.Testing.Upstream;
using Tollgate.Webhooks;
using Delivery = Tollgate.Control.Delivery;

namespace Tollgate.Tests.Webhooks;

/// <summary>From a budget's threshold to a webhook: signed, once for each event, tried again until it arrives, and never to where it must not go.</summary>
public sealed class WebhookTests : IAsyncLifetime
{
    private static readonly IPNetwork Loopback = IPNetwork.Parse("127.0.0.0/8");

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));
    private readonly RecordedLog<WebhookSender> _log = new();
    private readonly List<(string Body, string Signature, string EventId)> _received = [];
    private readonly X509Certificate2 _certificate = LoopbackCertificate.Create();
    private ControlStore _store = null!;
    private WebApplication _receiver = null!;
    private int _status = 200;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _store = await ControlStore.OpenAsync(new ControlOptions(), _directory.Path, _time, Cancellation);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, place => place.UseHttps(_certificate)));
        _receiver = builder.Build();
        _receiver.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var body = await reader.ReadToEndAsync(Cancellation);
            _received.Add((body, context.Request.Headers["x-tollgate-signature"].ToString(), context.Request.Headers["x-tollgate-event-id"].ToString()));
            context.Response.StatusCode = _status;
            context.Response.Headers.Location = "https://127.0.0.1/elsewhere";
        });
        await _receiver.StartAsync(Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _receiver.DisposeAsync();
        _store.Dispose();
        _certificate.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_threshold_arrives_signed_and_in_words_that_a_chat_shows()
    {
        using var client = Client(Loopback);
        using var sender = await SenderAsync(client);
        await sender.NotifyAsync(Warning(), Cancellation);
        Assert.Equal(1, await sender.SendDueAsync(Cancellation));

        var (body, signature, id) = Assert.Single(_received);
        Assert.Equal(WebhookClient.Sign("whs-secret", body, _time.GetUtcNow()), signature);
        Assert.Equal("budget.threshold/search-daily/Zoë & <team>/20261124T230000Z/80", Uri.UnescapeDataString(id));
        var json = JsonNode.Parse(body)!;
        Assert.Equal("Budget search-daily (team Zoë &amp; &lt;team&gt;) has reached 80 %: $4.12 of $5.00.", json["text"]!.GetValue<string>());
        Assert.Equal(("4.12", "5.00", 80), (json["budget"]!["spent"]!.GetValue<string>(), json["budget"]!["limit"]!.GetValue<string>(), json["threshold"]!.GetValue<int>()));
        Assert.Equal(0, await sender.SendDueAsync(Cancellation));
    }

    [Fact]
    public async Task The_same_threshold_seen_twice_is_sent_once()
    {
        using var client = Client(Loopback);
        using var sender = await SenderAsync(client);
        await sender.NotifyAsync(Warning(), Cancellation);
        await sender.NotifyAsync(Warning(), Cancellation);
        await sender.SendDueAsync(Cancellation);
        Assert.Single(_received);
    }

    [Fact]
    public async Task An_idle_sender_leaves_the_queue_alone_and_wakes_for_an_event()
    {
        using var client = Client(Loopback);
        using var first = await SenderAsync(client);
        var queue = new CountedQueue(_store.Deliveries);
        using var sender = new WebhookSender(_store, queue, client, _time, _log);
        await sender.StartAsync(Cancellation);
        await Until.TrueAsync(() => queue.Forgets == 1 && queue.Looks >= 1, Patience, "the sender has looked once", Cancellation);
        var begun = _time.GetUtcNow();
        for (var minute = 1; minute <= 5; minute++)
        {
            var looks = queue.Looks;
            await Until.TrueAsync(
                () =>
                {
                    _time.Advance(TimeSpan.FromSeconds(5));
                    return queue.Looks > looks;
                },
                Patience,
                "the sender looks again",
                Cancellation);
        }

        Assert.Equal(0, queue.Takes);
        Assert.InRange(queue.Forgets, 1, 1 + (int)(_time.GetUtcNow() - begun).TotalHours);

        // The clock stands still from here on.
        await sender.NotifyAsync(Warning(), Cancellation);
        await Until.TrueAsync(() => _received.Count == 1, Patience, "the webhook was called", Cancellation);
        await sender.StopAsync(Cancellation);
        Assert.Equal(1, queue.Takes);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(302)]
    [InlineData(404)]
    public async Task What_does_not_arrive_is_tried_again_with_longer_and_longer_pauses_and_over_a_restart(int status)
    {
        _status = status;
        using var client = Client(Loopback);
        using (var sender = await SenderAsync(client))
        {
            await sender.NotifyAsync(Warning(), Cancellation);
            await sender.SendDueAsync(Cancellation);
            Assert.Equal(0, await sender.SendDueAsync(Cancellation));
        }

        using var second = await SenderAsync(client, isFirst: false);
        _time.Advance(TimeSpan.FromSeconds(30));
        await second.SendDueAsync(Cancellation);
        _status = 200;
        _time.Advance(TimeSpan.FromMinutes(1));
        await second.SendDueAsync(Cancellation);
        Assert.Equal(3, _received.Count);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(0, await second.SendDueAsync(Cancellation));
    }

    [Fact]
    public async Task After_a_day_it_is_given_up_and_said_so()
    {
        _status = 500;
        using var client = Client(Loopback);
        using var sender = await SenderAsync(client);
        await sender.NotifyAsync(Warning(), Cancellation);
        _time.Advance(TimeSpan.FromHours(25));
        await sender.SendDueAsync(Cancellation);
        _time.Advance(TimeSpan.FromHours(25));
        Assert.Equal(0, await sender.SendDueAsync(Cancellation));
        Assert.Contains(_log.Lines, static line => line.Text.Contains("it is given up", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("https://127.0.0.1:{0}/hook")]
    [InlineData("https://localhost:{0}/hook")]
    [InlineData("https://2130706433:{0}/hook")]
    [InlineData("https://0x7f.1:{0}/hook")]
    [InlineData("https://[::ffff:127.0.0.1]:{0}/hook")]
    [InlineData("https://user:word@127.0.0.1:{0}/hook")]
    [InlineData("http://127.0.0.1:{0}/hook")]
    [InlineData("file:///etc/hostname?{0}")]
    [InlineData("not an address {0}")]
    public async Task Nothing_of_this_machine_is_reached_however_its_address_is_written(string url)
    {
        using var client = Client();
        var failure = await client.SendAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, url, Port), "whs-secret", "event", "{}", Cancellation);
        Assert.NotNull(failure);
        Assert.DoesNotContain("127.0.0.1", failure, StringComparison.Ordinal);
        Assert.Empty(_received);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_not_trusted()
    {
        using var client = new WebhookClient(new AddressGuard([Loopback]), _time);
        Assert.NotNull(await client.SendAsync(Url, "whs-secret", "event", "{}", Cancellation));
        Assert.Empty(_received);
    }

    private int Port => new Uri(_receiver.Urls.First()).Port;

    private string Url => $"https://127.0.0.1:{Port}/hook";

    private WebhookClient Client(params IPNetwork[] allowed) => new(
        new AddressGuard(allowed), _time, new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate!.Equals(_certificate) });

    private async Task<WebhookSender> SenderAsync(WebhookClient client, bool isFirst = true)
    {
        if (isFirst)
        {
            var actor = new Actor("test", "token", "127.0.0.1");
            await _store.CreateAsync(new Webhook { Id = "chat", Url = Url, Secret = "whs-secret", Events = ["budget.*"] }, actor, Cancellation);
            await _store.CreateAsync(new Webhook { Id = "other", Url = Url, Secret = "whs-secret", Events = ["key.*"] }, actor, Cancellation);
            await _store.CreateAsync(new Webhook { Id = "off", Url = Url, Secret = "whs-secret", Disabled = true }, actor, Cancellation);
        }

        await _store.ReadAsync(Cancellation);
        return new WebhookSender(_store, _store.Deliveries, client, _time, _log);
    }

    private static BudgetWarning Warning()
    {
        var budget = new BudgetOptions { Id = "search-daily", Scope = ScopeKind.Team, Value = "search", LimitUsd = Nanodollars.FromDollars(5m), Window = "day", TimeZone = "Europe/Berlin" };
        var start = new DateTimeOffset(2026, 11, 24, 23, 0, 0, TimeSpan.Zero);
        return new BudgetWarning(new BudgetState(budget, "Zoë & <team>", 4_120_000_000, 0, 5_000_000_000, start, start.AddDays(1), IsKnown: true), 80);
    }

    /// <summary>Counts what writes to the control store.</summary>
    private sealed class CountedQueue(IDeliveryQueue queue) : IDeliveryQueue
    {
        private int _looks;

        public int Looks => Volatile.Read(ref _looks);

        public int Takes { get; private set; }

        public int Forgets { get; private set; }

        public Action? Added { get => queue.Added; set => queue.Added = value; }

        public async Task<DateTimeOffset?> NextDueAsync(CancellationToken cancellation)
        {
            var next = await queue.NextDueAsync(cancellation);
            Interlocked.Increment(ref _looks);
            return next;
        }

        public Task<bool> EnqueueAsync(string webhookId, string eventId, string eventJson, CancellationToken cancellation) => queue.EnqueueAsync(webhookId, eventId, eventJson, cancellation);

        public Task<IReadOnlyList<Delivery>> TakeDueAsync(int limit, TimeSpan lease, CancellationToken cancellation)
        {
            Takes++;
            return queue.TakeDueAsync(limit, lease, cancellation);
        }

        public Task MarkDeliveredAsync(long id, CancellationToken cancellation) => queue.MarkDeliveredAsync(id, cancellation);

        public Task MarkFailedAsync(long id, string reason, DateTimeOffset? nextAttempt, CancellationToken cancellation) => queue.MarkFailedAsync(id, reason, nextAttempt, cancellation);

        public Task<Page<Delivery>> DeliveriesAsync(string? webhookId, string? after, int limit, CancellationToken cancellation) => queue.DeliveriesAsync(webhookId, after, limit, cancellation);

        public Task<int> ForgetDeliveriesAsync(DateTimeOffset before, CancellationToken cancellation)
        {
            Forgets++;
            return queue.ForgetDeliveriesAsync(before, cancellation);
        }
    }
}
