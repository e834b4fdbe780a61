using Tollgate.EndToEnd.Clients;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>What the real CLI does when answers fail, and that each attempt it makes has a row with the right end.</summary>
public sealed class ClientErrorTests(LedgerGateway gateway) : IClassFixture<LedgerGateway>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_refusal_that_forbids_a_retry_is_one_attempt()
    {
        var (rows, result, _) = await RunAsync(Reply.Error(429).WithHeader("x-should-retry", "false"));

        Assert.True(result.IsError);
        Assert.Contains("Too many requests", result.Text, StringComparison.Ordinal);
        var row = Assert.Single(rows);
        Assert.Equal(("upstream_error", 429, "rate_limit_error", "none", 0m), (row.Outcome, row.HttpStatus, row.ErrorType, row.UsageSource, row.Cost));
    }

    [Fact]
    public async Task An_overloaded_upstream_is_tried_again_and_only_the_answer_costs()
    {
        var (rows, result, _) = await RunAsync(Reply.Error(529));

        Assert.False(result.IsError, result.Error);
        Assert.Equal([("upstream_error", 529), ("completed", 200)], rows.Select(static row => (row.Outcome, row.HttpStatus)));
        Assert.Equal("overloaded_error", rows[0].ErrorType);
        Assert.Equal((0m, 0.0755925m, 0.0755925m), (rows[0].Cost, rows[1].Cost, result.TotalCostUsd));
        Assert.Single(rows.Select(static row => row.RequestBytes).Distinct());
    }

    [Fact]
    public async Task An_error_event_after_text_is_followed_by_the_same_request_as_no_stream()
    {
        var (rows, result, upstream) = await RunAsync(Reply.Text("some text before it fails") with { ErrorEvent = ("overloaded_error", "Overloaded") });

        Assert.False(result.IsError, result.Error);
        Assert.Equal([("error_event", true), ("completed", false)], rows.Select(static row => (row.Outcome, row.IsStream)));
        Assert.Equal(("overloaded_error", "partial"), (rows[0].ErrorType, rows[0].UsageSource));
        Assert.Equal(UpstreamPrice.OfOpus48(upstream.Replies[0].Figures! with { Output = rows[0].Output }), rows[0].Cost);

        // The CLI forgets the attempt that an error event ended; the provider had begun to work on it.
        Assert.Equal(UpstreamPrice.OfOpus48(upstream.Replies[1].Figures!), rows[1].Cost);
        Assert.Equal(result.TotalCostUsd, rows[1].Cost);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public async Task A_cut_answer_is_paid_for_and_tried_again(int afterEvents)
    {
        // The CLI counts only what it has worked through when the connection ends, so it is given time before that.
        var (rows, result, upstream) = await RunAsync(Reply.Text("a text of some length that is cut before it was told") with
        {
            Delivery = Delivery.FinAfter(afterEvents) with { EndDelay = TimeSpan.FromSeconds(3) },
        });

        Assert.False(result.IsError, result.Error);
        Assert.Equal(["upstream_truncated", "completed"], rows.Select(static row => row.Outcome));
        Assert.Equal("partial", rows[0].UsageSource);
        Assert.Equal(UpstreamPrice.OfOpus48(upstream.Replies[0].Figures! with { Output = rows[0].Output }), rows[0].Cost);
        Assert.Equal(UpstreamPrice.OfOpus48(upstream.Replies[1].Figures!), rows[1].Cost);

        // After message_start alone its placeholder of one token stands; four deltas of eight bytes make eight tokens at four bytes each.
        Assert.Equal(afterEvents == 1 ? 1 : 8, rows[0].Output);

        // Both count the prompt in full and guess the output, each by its own rule: at $25 per million tokens that is the whole difference.
        var guessed = result.ModelUsage["claude-opus-4-8"]!["outputTokens"]!.GetValue<long>() - rows[1].Output;
        Assert.Equal((rows[0].Output - guessed) * 0.000_025m, rows.Sum(static row => row.Cost) - result.TotalCostUsd);
    }

    [Fact]
    public async Task An_answer_that_ends_without_its_last_event_is_incomplete_and_tried_again()
    {
        var (rows, result, _) = await RunAsync(Reply.Text("never told to its end") with { Delivery = Delivery.CleanEndAfter(4) });

        Assert.False(result.IsError, result.Error);
        Assert.Equal(["incomplete", "completed"], rows.Select(static row => row.Outcome));
        Assert.Equal("partial", rows[0].UsageSource);
    }

    /// <summary>Answers the CLI's first attempt with <paramref name="first"/> and the others well.</summary>
    private async Task<(IReadOnlyList<LedgerRow> Rows, ClaudeResult Result, FakeUpstream Upstream)> RunAsync(Reply first)
    {
        var lane = gateway.NextLane();
        lane.Upstream.Script.Next(first);
        var run = new ClaudeRun
        {
            BaseUrl = lane.BaseUrl,
            Prompts = ["say hi"],
            Environment = new Dictionary<string, string> { ["CLAUDE_CODE_MAX_RETRIES"] = "3" },
        };
        var result = await ClaudeCode.RunAsync(run, Cancellation);
        var rows = await gateway.Process.RowsAsync(lane.Name, lane.Upstream.Requests.Count, Cancellation);
        Assert.Equal(lane.Upstream.Requests.Count, rows.Count);
        Assert.All(rows, row => Assert.Equal(lane.Upstream.MessageRequests[0].SessionId, row.SessionId));
        Assert.Equal(lane.Upstream.Replies.Select(static reply => reply.RequestId), rows.Select(static row => row.UpstreamRequestId));
        return (rows, result, lane.Upstream);
    }
}
