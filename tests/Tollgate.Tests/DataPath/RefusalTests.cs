using System.Net;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Keys;
using Tollgate.Testing.Upstream;

namespace Tollgate.Tests.DataPath;

/// <summary>What Tollgate says no to, how it says so, and that nothing of it reaches the upstream.</summary>
public sealed class RefusalTests
{
    private static readonly string Key = VirtualKeyFormat.Create("alice01");

    [Theory]
    [InlineData("x-tollgate-key", "{0}")]
    [InlineData("x-bf-vk", "{0}")]
    [InlineData("x-api-key", "{0}")]
    [InlineData("Authorization", "Bearer {0}")]
    public async Task A_virtual_key_is_taken_from_any_of_its_headers_and_stays_here(string header, string format)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartWithKeysAsync(upstream);
        using var response = await gateway.PostAsync(
            change: request => request.Headers.TryAddWithoutValidation(header, string.Format(System.Globalization.CultureInfo.InvariantCulture, format, Key)));
        await response.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var row = await gateway.NextRowAsync();
        Assert.Equal(("alice01", "alice", "search", "acme"), (row.KeyId, row.Developer, row.Team, row.Customer));
        var request = Assert.Single(upstream.Requests);
        Assert.Equal("sk-ant-injected", request.Header("x-api-key"));
        Assert.DoesNotContain(request.Headers, static sent => sent.Value.Contains("tg_", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("tg_alice01_0000000000000000000000000000000000000000000000000")]
    [InlineData("tg_nobody_x")]
    [InlineData("tg_")]
    public async Task A_wrong_virtual_key_gets_a_401_that_is_not_retried(string key)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartWithKeysAsync(upstream);
        using var response = await gateway.PostAsync(change: request => request.Headers.TryAddWithoutValidation("x-api-key", key));
        await OwnAnswer.AssertAsync(response, HttpStatusCode.Unauthorized, "authentication_error", shouldRetry: false);
        Assert.Empty(upstream.Requests);
        Assert.Equal((ForwardOutcome.Refused, 401), await RowOf(gateway));
    }

    [Fact]
    public async Task Without_a_key_where_one_is_required_the_answer_says_where_to_put_it()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartWithKeysAsync(upstream);
        using var response = await gateway.PostAsync(change: static request => request.Headers.TryAddWithoutValidation("x-api-key", "sk-ant-somebody"));
        var sentence = await OwnAnswer.AssertAsync(response, HttpStatusCode.Unauthorized, "authentication_error", shouldRetry: false);
        Assert.Contains("ANTHROPIC_API_KEY", sentence, StringComparison.Ordinal);
        Assert.Empty(upstream.Requests);
    }

    [Fact]
    public async Task A_web_page_can_not_spend_through_an_injected_key()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl, changeUpstream: static options => options with { ApiKey = "sk-ant-injected" });
        using var fromPage = await gateway.PostAsync(change: static request => request.Headers.TryAddWithoutValidation("Origin", "https://attacker.example"));
        await OwnAnswer.AssertAsync(fromPage, HttpStatusCode.Forbidden, "permission_error", shouldRetry: false);
        using var rebound = await gateway.PostAsync(change: static request => request.Headers.Host = "attacker.example");
        await OwnAnswer.AssertAsync(rebound, HttpStatusCode.Forbidden, "permission_error", shouldRetry: false);
        Assert.Empty(upstream.Requests);

        using var fromShell = await gateway.PostAsync();
        Assert.Equal(HttpStatusCode.OK, fromShell.StatusCode);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/nobody/v1/messages")]
    public async Task A_path_without_an_upstream_names_those_there_are(string path)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        using var response = await gateway.Client.GetAsync(path);
        Assert.Contains("/anthropic/", await OwnAnswer.AssertAsync(response, HttpStatusCode.NotFound, "not_found_error", shouldRetry: false), StringComparison.Ordinal);
        Assert.False(gateway.HasRow);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/api/hello")]
    [InlineData("/anthropic")]
    [InlineData("/anthropic/api/hello")]
    public async Task A_warm_up_call_is_answered_without_a_credential_or_a_row(string path)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartWithKeysAsync(upstream);
        using var response = await gateway.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, path));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Empty(upstream.Requests);
        Assert.False(gateway.HasRow);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_over_the_limit_gets_a_413_whether_announced_or_not(bool announced)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(
            upstream.BaseUrl, static options => options with { Proxy = options.Proxy with { MaxRequestBodyBytes = 2048 } });
        using var response = await gateway.PostAsync(
            GatewayInProcess.Body(new string('m', 4096)), request => request.Headers.TransferEncodingChunked = !announced);
        await OwnAnswer.AssertAsync(response, HttpStatusCode.RequestEntityTooLarge, "request_too_large", shouldRetry: false);
        Assert.Equal(413, (await RowOf(gateway)).Status);
    }

    [Fact]
    public async Task A_new_world_takes_effect_with_the_next_request()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        using var before = await gateway.PostAsync();
        Assert.Equal(HttpStatusCode.OK, before.StatusCode);

        var world = gateway.Worlds.Current;
        gateway.Worlds.Replace(Proxy.World.Create(world.Options with { RequireKey = true }, world.Prices, world));
        using var after = await gateway.PostAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, after.StatusCode);
        Assert.Same(world.Upstreams["anthropic"].Transport, gateway.Worlds.Current.Upstreams["anthropic"].Transport);
    }

    private static Task<GatewayInProcess> StartWithKeysAsync(FakeUpstream upstream) => GatewayInProcess.StartAsync(
        upstream.BaseUrl,
        static options => options with
        {
            RequireKey = true,
            Keys = [new KeyOptions { Id = "alice01", Hash = VirtualKeyFormat.HashText(Key), Developer = "alice", Team = "search", Customer = "acme" }],
        },
        static options => options with { ApiKey = "sk-ant-injected" });

    private static async Task<(ForwardOutcome Outcome, int Status)> RowOf(GatewayInProcess gateway)
    {
        var row = await gateway.NextRowAsync();
        return (row.Outcome, row.HttpStatus);
    }
}
