using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Testing.Gateway;
using Tollgate.Testing.Upstream;

namespace Tollgate.Tests.DataPath;

/// <summary>What the gateway itself takes of a request's time, as operators and clients are told.</summary>
public sealed class OverheadTests
{
    private const string Header = "Server-Timing";
    private const string Ours = "^tollgate;dur=[0-9]+\\.[0-9]{3}, upstream;dur=[0-9]+\\.[0-9]$";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(5);

    // Moves only when a test says so: whatever the gateway does takes no time.
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Each_phase_is_counted_once_per_request()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        for (var i = 0; i < 3; i++)
        {
            using var response = await gateway.PostAsync();
            await response.Content.ReadAsByteArrayAsync();
        }

        await CountsAreAsync(gateway, request: 3, response: 3, settle: 3);
        var row = await gateway.NextRowAsync();
        Assert.InRange(row.OverheadMicroseconds, 1, row.LatencyMicroseconds);
    }

    [Fact]
    public async Task An_attempt_without_an_answer_has_no_response_and_a_refused_request_has_no_phase()
    {
        await using var gateway = await GatewayInProcess.StartAsync($"http://127.0.0.1:{LoopbackPort.Free()}");
        using var unreachable = await gateway.PostAsync();
        using var refused = await gateway.PostAsync(change: static request => request.Headers.Add("x-tollgate-key", "tg_wrong"));
        Assert.Equal((HttpStatusCode.BadGateway, HttpStatusCode.Unauthorized), (unreachable.StatusCode, refused.StatusCode));
        await CountsAreAsync(gateway, request: 1, response: 0, settle: 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_sends_its_body_slowly_is_no_overhead(bool isHeld)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl, options => options with { Budgets = isHeld ? [Strict] : [] }, time: _time);
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, gateway.Address.Port);
        var body = await GatewayInProcess.Body().ReadAsStringAsync();

        // The server says that it may send at the moment when the gateway begins to wait for it.
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {body.Length}\r\n\r\n"));
        await ReadUntilAsync(client, "HTTP/1.1 100 Continue\r\n\r\n");
        _time.Advance(Wait);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(body));
        var head = await ReadUntilAsync(client, "\r\n\r\n");

        Assert.Contains("\r\nServer-Timing: tollgate;dur=0.000, upstream;dur=0.0\r\n", head, StringComparison.Ordinal);
        await ReadUntilAsync(client, "\r\n0\r\n\r\n");
        var row = await gateway.NextRowAsync();
        Assert.Equal((ForwardOutcome.Completed, 0, (long)Wait.TotalMicroseconds), (row.Outcome, row.OverheadMicroseconds, row.LatencyMicroseconds));
    }

    [Fact]
    public async Task An_upstream_that_answers_slowly_is_no_overhead()
    {
        using var upstream = new ProbedUpstream();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl, time: _time);
        var body = await GatewayInProcess.Body().ReadAsStringAsync();
        var posting = gateway.PostAsync();
        await upstream.UntilAsync(body);
        _time.Advance(Wait);
        await upstream.SayAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{");
        using var response = await posting;
        Assert.Equal("tollgate;dur=0.000, upstream;dur=5000.0", Assert.Single(response.Headers.GetValues(Header)));
        await gateway.WaitsAsync();
        _time.Advance(Wait);
        await upstream.SayAsync("}");
        await response.Content.ReadAsByteArrayAsync();

        var row = await gateway.NextRowAsync();
        Assert.Equal((0, (long)(2 * Wait).TotalMicroseconds), (row.OverheadMicroseconds, row.LatencyMicroseconds));
    }

    [Fact]
    public async Task A_relayed_answer_tells_the_gateways_time_and_the_upstreams()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        using var whole = await gateway.PostAsync();
        Assert.Matches(Ours, Assert.Single(whole.Headers.GetValues(Header)));
        using var withoutBody = await gateway.Client.GetAsync("/v1/models");
        Assert.Matches(Ours, Assert.Single(withoutBody.Headers.GetValues(Header)));
    }

    [Fact]
    public async Task An_upstreams_own_timings_stay_and_the_gateways_stand_after_them()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x").WithHeader("server-timing", "cdn;dur=3").WithHeader("server-timing", "x-originResponse;dur=12"));
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();
        var values = response.Headers.GetValues(Header).ToArray();
        Assert.Equal(["cdn;dur=3", "x-originResponse;dur=12"], values[..^1]);
        Assert.Matches(Ours, values[^1]);
    }

    [Fact]
    public async Task Switched_off_the_header_is_the_upstreams_alone()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Next(Reply.Text("x"));
        upstream.Script.Otherwise(Reply.Text("x").WithHeader("server-timing", "cdn;dur=3"));
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl, static options => options with { Proxy = options.Proxy with { ServerTiming = false } });
        using var first = await gateway.PostAsync();
        Assert.False(first.Headers.Contains(Header));
        using var second = await gateway.PostAsync();
        Assert.Equal("cdn;dur=3", Assert.Single(second.Headers.GetValues(Header)));
    }

    [Fact]
    public async Task A_refusal_tells_no_timings()
    {
        await using var gateway = await GatewayInProcess.StartAsync($"http://127.0.0.1:{LoopbackPort.Free()}");
        using var before = await gateway.Client.GetAsync("/nowhere/v1/messages");
        using var after = await gateway.PostAsync();
        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.BadGateway), (before.StatusCode, after.StatusCode));
        Assert.False(before.Headers.Contains(Header) || after.Headers.Contains(Header));
    }

    private static BudgetOptions Strict => new() { Id = "all", Scope = ScopeKind.Everything, LimitUsd = Nanodollars.FromDollars(100), Window = "day", Mode = BudgetMode.Strict };

    /// <summary>Stops the gateway, because an attempt is settled after the client has its answer; then all are.</summary>
    private static async Task CountsAreAsync(GatewayInProcess gateway, int request, int response, int settle)
    {
        await gateway.StopAsync(Patience);
        Assert.Equal((request, response, settle), (await Count("request"), await Count("response"), await Count("settle")));

        async Task<int> Count(string phase)
        {
            using var scrape = new MemoryStream();
            await gateway.Metrics.Registry.CollectAndExportAsTextAsync(scrape, TestContext.Current.CancellationToken);
            var series = $"tollgate_overhead_latency_microseconds_count{{phase=\"{phase}\"}} ";
            var line = Assert.Single(Encoding.UTF8.GetString(scrape.ToArray()).Split('\n'), line => line.StartsWith(series, StringComparison.Ordinal));
            return int.Parse(line[series.Length..], CultureInfo.InvariantCulture);
        }
    }

    private static async Task<string> ReadUntilAsync(TcpClient client, string end)
    {
        using var late = new CancellationTokenSource(Patience);
        var (text, one) = (new StringBuilder(), new byte[1]);
        while (!text.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            Assert.Equal(1, await client.GetStream().ReadAsync(one, late.Token));
            text.Append((char)one[0]);
        }

        return text.ToString();
    }
}
