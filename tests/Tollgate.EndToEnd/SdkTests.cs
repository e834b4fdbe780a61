using System.Text.Json.Nodes;
using Anthropic;
using Anthropic.Exceptions;
using Anthropic.Models.Messages;
using Tollgate.EndToEnd.Clients;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>The official SDKs through a gateway that wants a virtual key and shows the upstream its own.</summary>
public sealed class SdkTests(SdkTests.KeyedGateway keyed) : IClassFixture<SdkTests.KeyedGateway>
{
    private const string InjectedKey = "sk-ant-api03-injected";
    private const string Opus48 = "claude-opus-4-8";
    private const string WrongKey = "tg_alice_0123456789abcdefghijABCDEFGHIJ0123456789";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_javascript_sdk_spends_in_the_name_of_its_key(bool stream)
    {
        var call = await keyed.CallAsync(url => JsSdk.CallAsync(url, Opus48, stream, 0, Cancellation, keyed.Key));

        Assert.Equal("ok", call.Result["text"]!.GetValue<string>());
        AssertOwned(call.Row, call.Reply, stream);
        Assert.Equal(call.Row.MessageId, call.Result["id"]!.GetValue<string>());
    }

    [Fact]
    public async Task The_csharp_sdk_spends_in_the_name_of_its_key()
    {
        var call = await keyed.CallAsync(async url =>
        {
            using var client = Client(url, keyed.Key);
            return await client.Messages.Create(Request(), Cancellation);
        });

        AssertOwned(call.Row, call.Reply, isStream: false);
        Assert.Equal((call.Row.MessageId, call.Row.Input, call.Row.Output), (call.Result.ID, call.Result.Usage.InputTokens, call.Result.Usage.OutputTokens));
    }

    [Fact]
    public async Task The_csharp_sdk_streams_in_the_name_of_its_key()
    {
        var call = await keyed.CallAsync(async url =>
        {
            using var client = Client(url, keyed.Key);
            var stops = 0;
            await foreach (var happened in client.Messages.CreateStreaming(Request(), Cancellation))
            {
                stops += happened.TryPickStop(out _) ? 1 : 0;
            }

            return stops;
        });

        Assert.Equal(1, call.Result);
        AssertOwned(call.Row, call.Reply, isStream: true);
    }

    [Fact]
    public async Task A_wrong_key_is_refused_once_and_the_javascript_sdk_does_not_try_again()
    {
        var before = keyed.Upstream.Requests.Count;
        var refused = await keyed.RefusedAsync();
        var failure = await JsSdk.CallAsync(keyed.Url, Opus48, stream: true, 2, Cancellation, WrongKey);

        Assert.Equal((401, "AuthenticationError"), (failure["status"]!.GetValue<int>(), failure["error"]!.GetValue<string>()));
        await AssertRefusedOnceAsync(before, refused);
    }

    [Fact]
    public async Task A_wrong_key_is_refused_once_and_the_csharp_sdk_does_not_try_again()
    {
        var before = keyed.Upstream.Requests.Count;
        var refused = await keyed.RefusedAsync();
        using var client = Client(keyed.Url, WrongKey);
        await Assert.ThrowsAsync<AnthropicUnauthorizedException>(() => client.Messages.Create(Request(), Cancellation));

        await AssertRefusedOnceAsync(before, refused);
    }

    private static AnthropicClient Client(string url, string key) => new() { BaseUrl = url, ApiKey = key, MaxRetries = 2 };

    private static MessageCreateParams Request() => new() { MaxTokens = 64, Model = Opus48, Messages = [new UserMessageParam("say hi")] };

    private static void AssertOwned(LedgerRow row, ServedReply reply, bool isStream)
    {
        Assert.Equal(("alice", "search", "acme-api", "alicekey"), (row.Developer, row.Team, row.Project, row.KeyId));
        Assert.Equal((isStream, "completed", UpstreamPrice.OfOpus48(reply.Figures!)), (row.IsStream, row.Outcome, row.Cost));
        Assert.Equal(reply.Request.Body.Length, row.RequestBytes);

        // The upstream sees the gateway's key, in one header, and no trace of the caller's.
        Assert.Equal(InjectedKey, reply.Request.Header("x-api-key"));
        Assert.Equal(string.Empty, reply.Request.Header("authorization"));
        Assert.DoesNotContain("tg_", System.Text.Encoding.Latin1.GetString(reply.Request.RawHead.Span), StringComparison.Ordinal);
    }

    private async Task AssertRefusedOnceAsync(int requestsBefore, int refusedBefore)
    {
        // One more is waited for; a second would be there as well, since the client has given up by now.
        await keyed.Gateway.QueryUntilAsync(KeyedGateway.CountRefused, answer => answer != $"{refusedBefore}\n", Ledger.Patience, Cancellation);
        Assert.Equal(refusedBefore + 1, await keyed.RefusedAsync());
        Assert.Equal(requestsBefore, keyed.Upstream.Requests.Count);
    }

    /// <summary>A gateway with one key made by its own <c>keys create</c>.</summary>
    public sealed class KeyedGateway : IAsyncLifetime
    {
        internal const string CountRefused = "SELECT count() FROM tollgate.requests FINAL WHERE outcome = 'refused' AND http_status = 401";

        private FakeUpstream? _upstream;
        private GatewayProcess? _gateway;

        internal string Key { get; private set; } = string.Empty;

        internal FakeUpstream Upstream => _upstream!;

        internal GatewayProcess Gateway => _gateway!;

        internal string Url => Gateway.ProxyAddress + "/anthropic";

        /// <inheritdoc/>
        public async ValueTask InitializeAsync()
        {
            var made = JsonNode.Parse(await GatewayProcess.RunVerbAsync(
                Cancellation, "keys", "create", "--id", "alicekey", "--developer", "alice", "--team", "search", "--project", "acme-api", "--json"))!;
            Key = made["key"]!.GetValue<string>();
            _upstream = await FakeUpstream.StartAsync();
            _gateway = await GatewayProcess.StartAsync(_upstream.BaseUrl, configure: configuration =>
            {
                configuration["requireKey"] = true;
                configuration["keys"] = new JsonArray(made["entry"]!.DeepClone());
                configuration["upstreams"]!["anthropic"]!["apiKey"] = InjectedKey;
            });
        }

        /// <inheritdoc/>
        public async ValueTask DisposeAsync()
        {
            if (_gateway is not null)
            {
                await _gateway.DisposeAsync();
            }

            if (_upstream is not null)
            {
                await _upstream.DisposeAsync();
            }
        }

        /// <summary>Makes one call and finds what it left at the upstream and in the ledger.</summary>
        internal async Task<(T Result, ServedReply Reply, LedgerRow Row)> CallAsync<T>(Func<string, Task<T>> call)
        {
            var before = Upstream.Replies.Count;
            var result = await call(Url);
            var reply = Assert.Single(Upstream.Replies.Skip(before));
            var id = reply.RequestId;
            await Gateway.QueryUntilAsync($"SELECT count() FROM tollgate.requests WHERE upstream_request_id = '{id}'", static answer => answer == "1\n", Ledger.Patience, Cancellation);
            return (result, reply, Assert.Single(await Gateway.RowsAsync("anthropic", 1, Cancellation), row => row.UpstreamRequestId == id));
        }

        internal async Task<int> RefusedAsync() => (int)await Gateway.NumberAsync(CountRefused, Cancellation);
    }
}
