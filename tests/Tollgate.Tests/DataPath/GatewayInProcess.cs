using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.Hosting;
using Tollgate.Proxy;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.EventLoops;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;

namespace Tollgate.Tests.DataPath;

/// <summary>The proxy listener and the whole data path on an ephemeral port, with the rows handed to the test instead of a store.</summary>
internal sealed class GatewayInProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly WebApplication _proxy;
    private readonly Drain _drain = new(TimeProvider.System);
    private readonly EventLoopGroup? _loops;

    private GatewayInProcess(TollgateOptions options, TimeProvider time)
    {
        Metrics = new GatewayMetrics(options.Metrics);
        Worlds = new WorldHolder(World.Create(options, PriceList.Embedded));
        Book.Apply(options.Budgets, options.Limits);
        var events = new GatewayEvents(Metrics, NullLogger<GatewayEvents>.Instance);
        var path = new RequestPath(Worlds, Recorder, new UsageRowPool(16), Book, events, time, "test", _drain.Cut);
        _loops = options.Proxy.Transport == ProxyTransport.Loops ? new EventLoopGroup(2) : null;
        _proxy = Listeners.Proxy(options.Proxy, NullLoggerFactory.Instance, path, _drain, InheritedSockets.None, _loops, TimeProvider.System);
    }

    public GatewayMetrics Metrics { get; }

    public WorldHolder Worlds { get; }

    public AdmissionBook Book { get; } = new(TimeProvider.System, tail: null);

    public FakeRecorder Recorder { get; } = new();

    /// <summary>How many times a client's connection has changed event loops.</summary>
    public long Moves => _loops?.All.Sum(static loop => loop.MovedAway) ?? 0;

    public Uri Address { get; private set; } = null!;

    public HttpClient Client { get; private set; } = null!;

    /// <summary>Starts a gateway whose upstream <c>anthropic</c> is at <paramref name="upstream"/>. <paramref name="time"/> is the data path's clock, budgets have the system's.</summary>
    public static async Task<GatewayInProcess> StartAsync(
        string upstream,
        Func<TollgateOptions, TollgateOptions>? change = null,
        Func<UpstreamOptions, UpstreamOptions>? changeUpstream = null,
        string scheme = "http",
        TimeProvider? time = null,
        ProxyTransport transport = ProxyTransport.Loops)
    {
        // Either everything is our own or everything the platform's.
        var anthropic = new UpstreamOptions { BaseUrl = upstream, Transport = transport == ProxyTransport.Loops ? UpstreamTransport.Own : UpstreamTransport.Client };
        var options = new TollgateOptions
        {
            Proxy = new ProxyOptions { Listen = [$"{scheme}://127.0.0.1:0"], Transport = transport },
            Upstreams = new Dictionary<string, UpstreamOptions> { ["anthropic"] = changeUpstream?.Invoke(anthropic) ?? anthropic },
            Storage = new StorageOptions { Mode = StorageMode.None },
        };
        var gateway = new GatewayInProcess(change?.Invoke(options) ?? options, time ?? TimeProvider.System);
        await gateway._proxy.StartAsync();
        gateway.Address = new Uri(gateway._proxy.Urls.First().Replace("h2c://", "http://", StringComparison.Ordinal));
        var handler = new SocketsHttpHandler { UseProxy = false, AutomaticDecompression = DecompressionMethods.None, AllowAutoRedirect = false, RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1 };
        gateway.Client = new HttpClient(handler)
        {
            BaseAddress = gateway.Address,
            Timeout = Patience,
            DefaultRequestVersion = scheme == "h2c" ? HttpVersion.Version20 : HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        return gateway;
    }

    /// <summary>The body of an inference request.</summary>
    public static StringContent Body(string model = "claude-opus-4-8", bool stream = true) => new(
        $$"""{"model":"{{model}}","max_tokens":64,"messages":[{"role":"user","content":"hi"}],"stream":{{(stream ? "true" : "false")}}}""",
        Encoding.UTF8,
        "application/json");

    /// <summary>Posts an inference request; the answer's body is still to be read.</summary>
    public Task<HttpResponseMessage> PostAsync(HttpContent? body = null, Action<HttpRequestMessage>? change = null, CancellationToken cancellation = default)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/anthropic/v1/messages?beta=true")
        {
            Content = body ?? Body(),
            Version = Client.DefaultRequestVersion,
            VersionPolicy = Client.DefaultVersionPolicy,
        };
        change?.Invoke(request);
        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    /// <summary>The next row, once there is one.</summary>
    public async Task<UsageRow> NextRowAsync() => (await NextAttemptAsync()).Row!;

    /// <summary>The next attempt that is over, once there is one.</summary>
    public async Task<KeptAttempt> NextAttemptAsync()
    {
        using var late = new CancellationTokenSource(Patience);
        return await Recorder.Closed.ReadAsync(late.Token);
    }

    /// <summary>Whether a row is there now.</summary>
    public bool HasRow => Recorder.Closed.Count > 0;

    /// <summary>Returns when the gateway has ended what it had begun to do, and waits for somebody: bytes that have arrived here were sent in the middle of a step.</summary>
    public async Task WaitsAsync()
    {
        foreach (var loop in _loops!.All)
        {
            var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            loop.Post(_ => passed.SetResult(), null);
            await passed.Task;
        }
    }

    /// <summary>Stops the proxy listener; what is under way has <paramref name="limit"/> to end.</summary>
    public Task StopAsync(TimeSpan limit, CancellationToken hurry = default) => _drain.StopAsync(_proxy, limit, hurry);

    /// <summary>Stops, and holds every attempt to what must be so however it ended.</summary>
    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await StopAsync(TimeSpan.Zero);
        await _proxy.DisposeAsync();
        _loops?.Dispose();
        _drain.Dispose();
        Assert.All(Recorder.Attempts, static attempt => Assert.Equal((1, 0), (attempt.Closes, attempt.DraftsAfterClose)));
        Assert.All(Recorder.Attempts, static attempt => Assert.InRange(attempt.Drafts.Count, 0, KeptAttempt.MostDrafts));
        Assert.All(Recorder.Attempts.SelectMany(static attempt => attempt.Drafts, static (attempt, draft) => (draft.AttemptId, attempt.Row!.AttemptId)), static pair => Assert.Equal(pair.Item1, pair.Item2));
    }
}
