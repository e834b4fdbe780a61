using System.Text.Json.Nodes;
using Tollgate.EndToEnd.Clients;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>Sessions of the real CLI through the real gateway: the ledger's sum is the CLI's own figure, to the last digit, or differs by what is stated.</summary>
public sealed class LedgerSessionsTests(LedgerGateway gateway) : IClassFixture<LedgerGateway>
{
    private const string Opus48 = "claude-opus-4-8";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_plain_session_costs_what_the_cli_says_and_joins_its_transcript()
    {
        var seen = await CheckAsync(static (sessions, url, cancellation) => sessions.PlainAsync(url, cancellation));

        Assert.Equal(RequestIdsOf(seen.Session.Result), seen.Rows.Select(static row => row.UpstreamRequestId).ToHashSet());
        var row = Assert.Single(seen.Rows);
        Assert.Equal((Opus48, "main", string.Empty), (row.Model, row.RequestClass, row.AgentId));
    }

    [Fact]
    public Task A_plain_session_of_a_model_with_cheap_cache_reads_costs_what_the_cli_says() =>
        CheckAsync(static (sessions, url, cancellation) => sessions.PlainOpus55Async(url, cancellation));

    [Fact]
    public async Task A_tool_round_trip_costs_what_the_cli_says()
    {
        var seen = await CheckAsync(static (sessions, url, cancellation) => sessions.ToolAsync(url, cancellation));

        Assert.Equal(RequestIdsOf(seen.Session.Result), seen.Rows.Select(static row => row.UpstreamRequestId).ToHashSet());
    }

    [Fact]
    public async Task A_sub_agents_calls_are_in_the_session_under_the_agents_id()
    {
        var seen = await CheckAsync(static (sessions, url, cancellation) => sessions.SubAgentAsync(url, cancellation));

        var agent = Assert.Single(seen.Lane.Upstream.MessageRequests.Select(static request => request.AgentId).Where(static id => id.Length > 0).Distinct());
        Assert.Equal([string.Empty, agent, agent, string.Empty], seen.Rows.Select(static row => row.AgentId));
        Assert.Equal(["main", "subagent", "subagent", "main"], seen.Rows.Select(static row => row.RequestClass));
    }

    [Fact]
    public async Task A_compaction_is_in_the_ledger_though_the_transcript_leaves_it_out()
    {
        var seen = await CheckAsync(static (sessions, url, cancellation) => sessions.CompactionAsync(url, cancellation));

        var transcript = RequestIdsOf(seen.Session.Result);
        Assert.Equal(3, transcript.Count);
        var missing = seen.Rows.Where(row => !transcript.Contains(row.UpstreamRequestId)).ToList();
        Assert.Equal(2, missing.Count);
        Assert.Contains("compaction", missing.Select(static row => row.RequestClass));
    }

    [Fact]
    public Task Web_searches_cost_what_the_cli_says() => CheckAsync(static (sessions, url, cancellation) => sessions.WebSearchAsync(url, cancellation));

    [Fact]
    public Task Inference_in_the_us_costs_what_the_cli_says() => CheckAsync(static (sessions, url, cancellation) => sessions.GeoAsync(url, cancellation));

    [Fact]
    public Task Fast_mode_costs_what_the_cli_says() => CheckAsync(static (sessions, url, cancellation) => sessions.FastAsync(url, cancellation));

    [Fact]
    public Task A_long_prompt_costs_what_the_cli_says() => CheckAsync(static (sessions, url, cancellation) => sessions.LongPromptAsync(url, cancellation));

    [Fact]
    public Task A_prompt_at_the_band_costs_what_the_cli_says() => CheckAsync(static (sessions, url, cancellation) => sessions.PromptAtTheBandAsync(url, cancellation));

    [Fact]
    public async Task A_compaction_by_the_server_is_paid_for_though_the_cli_leaves_it_out()
    {
        var (rows, result) = await RunAsync(Opus48, Reply.Text("ok") with
        {
            Usage = static figures => figures with { Iterations = [Step("compaction", null, 100_000, 1_000), Step("message", null, figures)] },
        });

        Assert.Equal(0.0755925m, result.TotalCostUsd);
        Assert.Equal(0.6005925m, Assert.Single(rows).Cost);

        // 100,000 tokens of input at $5 and 1,000 of output at $25 per million: what the CLI forgets.
        Assert.Equal(0.525m, rows[0].Cost - result.TotalCostUsd);
    }

    [Fact]
    public async Task An_advisor_is_paid_for_at_its_own_models_rate_as_the_cli_says()
    {
        var (rows, result) = await RunAsync(Opus48, Reply.Text("ok") with
        {
            Usage = static figures => figures with { Iterations = [Step("message", null, figures), Step("advisor_message", "claude-fable-5-1", 10_000, 1_000)] },
        });

        Assert.Equal(0.2255925m, Assert.Single(rows).Cost);
        Assert.Equal(0.2255925m, result.TotalCostUsd);
    }

    [Fact]
    public async Task A_model_without_a_known_price_has_tokens_and_a_flag_where_the_cli_guesses()
    {
        var (rows, result) = await RunAsync("gw-house-model", Reply.Text("ok"));

        var row = Assert.Single(rows);
        Assert.Equal((false, 0m, "gw-house-model"), (row.Priced, row.Cost, row.Model));
        Assert.Equal((1001L, 501L), (row.Input, row.Output));

        // The CLI takes the rate of its default model.
        Assert.Equal(0.058674m, result.TotalCostUsd);
    }

    [Theory]
    [InlineData(ClaudeCredential.AuthToken)]
    [InlineData(ClaudeCredential.OAuthToken)]
    internal async Task A_session_with_a_credential_of_another_kind_costs_what_the_cli_says(ClaudeCredential credential)
    {
        var seen = await CheckAsync(static (sessions, url, cancellation) => sessions.PlainAsync(url, cancellation), run => run with { Credential = credential, Secret = "secret" });

        Assert.Equal("Bearer secret", seen.Lane.Upstream.MessageRequests.Single().Header("authorization"));
    }

    /// <summary>Runs a session and holds its rows to the CLI's total and to what the upstream served.</summary>
    private async Task<Seen> CheckAsync(Func<ClaudeCodeSessions, string, CancellationToken, Task<ClaudeSession>> recipe, Func<ClaudeRun, ClaudeRun>? adjust = null)
    {
        var lane = gateway.NextLane();
        var sessions = new ClaudeCodeSessions(lane.Upstream, run =>
        {
            var inProject = run with { Environment = new Dictionary<string, string> { ["ANTHROPIC_CUSTOM_HEADERS"] = "X-Project: acme-api" } };
            return adjust?.Invoke(inProject) ?? inProject;
        });
        var session = await recipe(sessions, lane.BaseUrl, Cancellation);
        Assert.False(session.Result.IsError, session.Result.Error);

        var rows = await gateway.Process.RowsAsync(lane.Name, lane.Upstream.Requests.Count, Cancellation);
        Assert.Equal(session.Calls, rows.Count);
        Assert.Equal(session.Calls, rows.Select(static row => row.AttemptId).Distinct().Count());
        var total = await gateway.Process.NumberAsync($"SELECT sum(cost) FROM tollgate.requests FINAL WHERE session_id = '{session.Result.SessionId}'", Cancellation);
        Assert.Equal(session.ExpectedUsd, total);
        Assert.Equal(session.Result.TotalCostUsd, total);

        foreach (var reply in lane.Upstream.Replies)
        {
            var row = Assert.Single(rows, row => row.UpstreamRequestId == reply.RequestId);
            var figures = reply.Figures!;
            Assert.Equal(("completed", "final", 200, true), (row.Outcome, row.UsageSource, row.HttpStatus, row.IsStream));
            Assert.Equal((figures.Input, figures.Output, figures.CacheRead), (row.Input, row.Output, row.CacheRead));
            Assert.Equal((figures.CacheWrite5m, figures.CacheWrite1h), (row.CacheWrite5m, row.CacheWrite1h));
            Assert.Equal((reply.MessageId, reply.Model), (row.MessageId, row.Model));
            Assert.Equal((session.Result.SessionId, "acme-api"), (row.SessionId, row.Project));
            Assert.StartsWith("claude-cli/", row.Client, StringComparison.Ordinal);
            Assert.Equal(reply.Request.Header("user-agent").Split(' ')[0], row.Client);
            Assert.Equal((reply.Request.Body.Length, reply.Request.Body.Length), (row.RequestBytes, int.Parse(reply.Request.Header("content-length"), System.Globalization.CultureInfo.InvariantCulture)));
        }

        Assert.Subset(rows.Select(static row => row.UpstreamRequestId).ToHashSet(), RequestIdsOf(session.Result));
        return new Seen(lane, session, rows);
    }

    private async Task<(IReadOnlyList<LedgerRow> Rows, ClaudeResult Result)> RunAsync(string model, Reply reply)
    {
        var lane = gateway.NextLane();
        lane.Upstream.Script.Next(reply);
        var result = await ClaudeCode.RunAsync(new ClaudeRun { BaseUrl = lane.BaseUrl, Prompts = ["say hi"], Model = model }, Cancellation);
        Assert.False(result.IsError, result.Error);
        return (await gateway.Process.RowsAsync(lane.Name, lane.Upstream.Requests.Count, Cancellation), result);
    }

    private static HashSet<string> RequestIdsOf(ClaudeResult result) =>
        [.. result.Transcript.Select(static line => line["type"]?.GetValue<string>() == "assistant" ? line["requestId"]?.GetValue<string>() : null).OfType<string>()];

    private static JsonObject Step(string type, string? model, TokenFigures figures)
    {
        var step = Step(type, model, figures.Input, figures.Output);
        step["cache_read_input_tokens"] = figures.CacheRead;
        step["cache_creation_input_tokens"] = figures.CacheWrite5m + figures.CacheWrite1h;
        step["cache_creation"] = new JsonObject { ["ephemeral_5m_input_tokens"] = figures.CacheWrite5m, ["ephemeral_1h_input_tokens"] = figures.CacheWrite1h };
        return step;
    }

    private static JsonObject Step(string type, string? model, long input, long output)
    {
        var step = new JsonObject
        {
            ["type"] = type,
            ["input_tokens"] = input,
            ["output_tokens"] = output,
            ["cache_read_input_tokens"] = 0,
            ["cache_creation_input_tokens"] = 0,
            ["cache_creation"] = new JsonObject { ["ephemeral_5m_input_tokens"] = 0, ["ephemeral_1h_input_tokens"] = 0 },
        };
        if (model is not null)
        {
            step["model"] = model;
        }

        return step;
    }

    private sealed record Seen(Lane Lane, ClaudeSession Session, IReadOnlyList<LedgerRow> Rows);
}
