using Tollgate.EndToEnd.Clients;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>The JavaScript SDK against the fake upstream with no gateway between them.</summary>
public sealed class SdkSelfChecks
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_javascript_sdk_reads_the_usage_that_the_upstream_told(bool stream)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        var message = await JsSdk.CallAsync(upstream.BaseUrl, "claude-opus-5-5", stream, 0, TestContext.Current.CancellationToken);

        var served = Assert.Single(upstream.Replies);
        Assert.Equal(served.MessageId, message["id"]!.GetValue<string>());
        Assert.Equal("ok", message["text"]!.GetValue<string>());
        Assert.Equal(served.Figures!.Input, message["usage"]!["input_tokens"]!.GetValue<long>());
        Assert.Equal(served.Figures.Output, message["usage"]!["output_tokens"]!.GetValue<long>());
        Assert.Equal(served.Figures.CacheWrite1h, message["usage"]!["cache_creation"]!["ephemeral_1h_input_tokens"]!.GetValue<long>());
    }

    [Fact]
    public async Task The_javascript_sdk_is_told_of_an_overloaded_upstream()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Error(529));
        var failure = await JsSdk.CallAsync(upstream.BaseUrl, "claude-opus-5-5", stream: true, 1, TestContext.Current.CancellationToken);

        Assert.Equal(529, failure["status"]!.GetValue<int>());
        Assert.Equal(["0", "1"], upstream.MessageRequests.Select(static request => request.Header("x-stainless-retry-count")));
    }
}
