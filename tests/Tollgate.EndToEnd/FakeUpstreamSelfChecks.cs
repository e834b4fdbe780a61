using Tollgate.EndToEnd.Clients;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>The harness against itself: the real CLI talks to the fake upstream with no gateway between them.</summary>
public sealed class FakeUpstreamSelfChecks
{
    [Fact]
    public Task A_plain_prompt_costs_what_the_rates_say() => Check(static (sessions, url, cancellation) => sessions.PlainAsync(url, cancellation));

    [Fact]
    public Task A_plain_prompt_to_opus_5_5_costs_what_the_rates_say() => Check(static (sessions, url, cancellation) => sessions.PlainOpus55Async(url, cancellation));

    [Fact]
    public Task A_tool_round_trip_is_two_calls() => Check(static (sessions, url, cancellation) => sessions.ToolAsync(url, cancellation));

    [Fact]
    public Task A_compaction_is_two_calls_that_are_paid_for() => Check(static (sessions, url, cancellation) => sessions.CompactionAsync(url, cancellation));

    [Fact]
    public Task Web_searches_are_paid_for_one_by_one() => Check(static (sessions, url, cancellation) => sessions.WebSearchAsync(url, cancellation));

    [Fact]
    public Task Inference_in_the_us_costs_a_tenth_more() => Check(static (sessions, url, cancellation) => sessions.GeoAsync(url, cancellation));

    [Fact]
    public Task Fast_mode_has_rates_of_its_own() => Check(static (sessions, url, cancellation) => sessions.FastAsync(url, cancellation));

    [Fact]
    public Task A_prompt_above_the_band_costs_five_times_as_much() => Check(static (sessions, url, cancellation) => sessions.LongPromptAsync(url, cancellation));

    [Fact]
    public Task A_prompt_at_the_band_costs_the_lower_rate() => Check(static (sessions, url, cancellation) => sessions.PromptAtTheBandAsync(url, cancellation));

    [Fact]
    public async Task A_sub_agent_makes_calls_under_its_own_id()
    {
        var upstream = await Check(static (sessions, url, cancellation) => sessions.SubAgentAsync(url, cancellation));

        Assert.Equal(["main", "subagent", "subagent", "main"], upstream.MessageRequests.Select(static request => request.Header("x-claude-code-request-class")));
        Assert.Equal(2, upstream.MessageRequests.Count(static request => request.AgentId.Length == 17));
    }

    [Theory]
    [InlineData(ClaudeCredential.ApiKey, "x-api-key", "secret")]
    [InlineData(ClaudeCredential.AuthToken, "authorization", "Bearer secret")]
    [InlineData(ClaudeCredential.OAuthToken, "authorization", "Bearer secret")]
    internal async Task Each_credential_travels_in_its_header(ClaudeCredential credential, string header, string value)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        var sessions = new ClaudeCodeSessions(upstream, run => run with { Credential = credential, Secret = "secret" });
        var session = await sessions.PlainAsync(upstream.BaseUrl, TestContext.Current.CancellationToken);

        Assert.False(session.Result.IsError, session.Result.Error);
        Assert.Equal(value, upstream.MessageRequests.Single().Header(header));
    }

    [Fact]
    public async Task The_head_is_recorded_in_wire_order_and_case()
    {
        var upstream = await Check(static (sessions, url, cancellation) => sessions.PlainAsync(url, cancellation));
        var names = upstream.MessageRequests.Single().Headers.Select(static header => header.Key).ToList();

        Assert.Equal(["Accept", "Content-Type", "User-Agent", "X-Claude-Code-Session-Id"], names.Take(4));
        Assert.Equal("Content-Length", names[^1]);
    }

    private static async Task<FakeUpstream> Check(Func<ClaudeCodeSessions, string, CancellationToken, Task<ClaudeSession>> recipe)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        var session = await recipe(new ClaudeCodeSessions(upstream), upstream.BaseUrl, TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine($"{session.Result.Duration.TotalMilliseconds:F0} ms");

        Assert.False(session.Result.IsError, session.Result.Error);
        Assert.Equal(0, session.Result.ExitCode);
        Assert.Equal(session.Calls, upstream.MessageRequests.Count);
        Assert.Equal(session.Calls, upstream.Replies.Count);
        Assert.All(upstream.MessageRequests, request => Assert.Equal(session.Result.SessionId, request.SessionId));
        Assert.Equal(session.ExpectedUsd, session.Result.TotalCostUsd);
        return upstream;
    }
}
