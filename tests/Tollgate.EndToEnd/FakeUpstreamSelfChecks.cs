using Tollgate.EndToEnd.Clients;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>The harness against itself: the real CLI talks to the fake upstream with no gateway between them.</summary>
public sealed class FakeUpstreamSelfChecks
{
    [Fact]
    public async Task A_plain_prompt_is_answered_and_priced()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        var result = await ClaudeCode.RunAsync(new ClaudeRun { BaseUrl = upstream.BaseUrl, Prompts = ["say hi"] }, TestContext.Current.CancellationToken);

        Assert.True(result.Json is not null, result.Error);
        Assert.Equal("ok", result.Text);
        Assert.Equal(0.0755925m, result.TotalCostUsd);
    }
}
