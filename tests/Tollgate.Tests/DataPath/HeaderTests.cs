using System.Net;
using System.Net.Sockets;
using System.Text;
using Tollgate.Testing.Upstream;

namespace Tollgate.Tests.DataPath;

/// <summary>Heads on the wire, both ways.</summary>
public sealed class HeaderTests
{
    [Fact]
    public async Task The_upstream_sees_the_clients_headers_but_for_the_connections_own()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        const string Betas = "claude-code-20250219, interleaved-thinking-2025-05-14,x";
        using var response = await gateway.PostAsync(change: static request =>
        {
            request.Headers.TryAddWithoutValidation("anthropic-beta", Betas);
            request.Headers.TryAddWithoutValidation("x-api-key", "sk-ant-own");
            request.Headers.TryAddWithoutValidation("X-Project", "acme");
            request.Headers.TryAddWithoutValidation("x-tg-dim-environment", "prod");
            request.Headers.TryAddWithoutValidation("Connection", "x-hop");
            request.Headers.TryAddWithoutValidation("x-hop", "secret");
            request.Headers.TryAddWithoutValidation("x-latin", "Gr\u00fc\u00dfe");
        });
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);

        var request = Assert.Single(upstream.Requests);
        Assert.Equal("/v1/messages?beta=true", request.Target);
        Assert.Equal((Betas, "sk-ant-own", "acme"), (request.Header("anthropic-beta"), request.Header("x-api-key"), request.Header("x-project")));
        Assert.Equal(new Uri(upstream.BaseUrl).Authority, request.Header("Host"));
        Assert.Equal((string.Empty, string.Empty), (request.Header("x-hop"), request.Header("x-tg-dim-environment")));
        Assert.Contains("Gr\u00fc\u00dfe", Encoding.Latin1.GetString(request.RawHead.Span), StringComparison.Ordinal);
        Assert.DoesNotContain("traceparent", Encoding.Latin1.GetString(request.RawHead.Span), StringComparison.OrdinalIgnoreCase);

        var row = await gateway.NextRowAsync();
        Assert.Equal("acme", row.Project);
        Assert.Equal([KeyValuePair.Create("environment", "prod")], row.Labels);
    }

    [Fact]
    public async Task An_answers_headers_pass_but_for_the_connections_own()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x")
            .WithHeader("anthropic-ratelimit-unified-5h-utilization", "0.82")
            .WithHeader("set-cookie", "a=1")
            .WithHeader("set-cookie", "b=2")
            .WithHeader("x-unheard-of", "passes")
            .WithHeader("connection", "x-nominated")
            .WithHeader("x-nominated", "stays"));
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();

        Assert.Equal("0.82", response.Headers.GetValues("anthropic-ratelimit-unified-5h-utilization").Single());
        Assert.Equal(["a=1", "b=2"], response.Headers.GetValues("set-cookie"));
        Assert.Equal("passes", response.Headers.GetValues("x-unheard-of").Single());
        Assert.False(response.Headers.Contains("x-nominated"));
        Assert.False(response.Headers.Contains("Server"));
    }

    [Fact]
    public async Task An_answer_to_an_http_1_0_client_that_breaks_off_ends_in_a_reset()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("never ends") with { Delivery = Delivery.FinAfter(3) });
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, gateway.Address.Port);
        var body = await GatewayInProcess.Body().ReadAsStringAsync();
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /anthropic/v1/messages HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));

        // A clean end would read as 0 bytes and make the answer look whole.
        var buffer = new byte[8192];
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            while (await client.GetStream().ReadAsync(buffer) > 0)
            {
            }
        });
    }

    [Fact]
    public async Task A_client_that_asks_to_continue_is_told_so_before_it_sends()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync(change: static request => request.Headers.ExpectContinue = true);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Empty(upstream.Requests[0].Header("Expect"));
    }
}
