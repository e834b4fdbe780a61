using System.Text.Json.Nodes;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd.Clients;

/// <summary>One finished session and what it should have cost.</summary>
/// <param name="Result">What the CLI says.</param>
/// <param name="Calls">Inference calls of the session.</param>
/// <param name="ExpectedUsd">Price of the session when its upstream was fresh: reckoned by hand from the public rates, and measured with this CLI.</param>
internal sealed record ClaudeSession(ClaudeResult Result, int Calls, decimal ExpectedUsd);

/// <summary>Recipes that bring the real CLI to make each kind of session against scripted replies.</summary>
/// <remarks>
/// Each method scripts <paramref name="upstream"/> and sends the CLI to a base URL, which is the upstream's own or that of a gateway before
/// it. The expected price holds for a fresh upstream, whose replies count from 1.
/// </remarks>
/// <param name="upstream">Answers in the end, however the calls get there.</param>
/// <param name="adjust">Changes each run: another credential, more environment.</param>
internal sealed class ClaudeCodeSessions(FakeUpstream upstream, Func<ClaudeRun, ClaudeRun>? adjust = null)
{
    private const string Opus48 = "claude-opus-4-8";

    /// <summary>One prompt, one answer.</summary>
    public async Task<ClaudeSession> PlainAsync(string baseUrl, CancellationToken cancellationToken) =>
        new(await RunAsync(baseUrl, Opus48, cancellationToken, "say hi"), 1, 0.0755925m);

    /// <summary>One prompt to a model whose cache reads cost a twentieth of input.</summary>
    public async Task<ClaudeSession> PlainOpus55Async(string baseUrl, CancellationToken cancellationToken) =>
        new(await RunAsync(baseUrl, "claude-opus-5-5", cancellationToken, "say hi"), 1, 0.058674m);

    /// <summary>The model asks for <c>echo</c>, the CLI runs it and brings the result.</summary>
    public async Task<ClaudeSession> ToolAsync(string baseUrl, CancellationToken cancellationToken)
    {
        upstream.Script.Next(Echo("round trip"));
        return new ClaudeSession(await RunAsync(baseUrl, Opus48, cancellationToken, "run it"), 2, 0.1527775m);
    }

    /// <summary>The main agent delegates, the sub-agent runs a tool and answers, the main agent concludes.</summary>
    /// <remarks>Without <c>run_in_background: false</c> the CLI starts the agent in the background: five calls, in an order that varies.</remarks>
    public async Task<ClaudeSession> SubAgentAsync(string baseUrl, CancellationToken cancellationToken)
    {
        upstream.Script
            .When(static request => request.AgentId.Length > 0, Echo("inner"), Reply.Text("seen"))
            .When(static request => request.AgentId.Length == 0, Reply.ToolUse("Agent", new JsonObject
            {
                ["description"] = "Look around",
                ["prompt"] = "Say what you see",
                ["subagent_type"] = "general-purpose",
                ["run_in_background"] = false,
            }));
        return new ClaudeSession(await RunAsync(baseUrl, Opus48, cancellationToken, "delegate it"), 4, 0.311925m);
    }

    /// <summary>Two turns, <c>/compact</c> (which is two calls that the transcript leaves out), one more turn.</summary>
    /// <remarks>Four messages on the standard input of one process; a slash command is a message like any other.</remarks>
    public async Task<ClaudeSession> CompactionAsync(string baseUrl, CancellationToken cancellationToken) =>
        new(await RunAsync(baseUrl, Opus48, cancellationToken, "say hi", "say hi again", "/compact", "say bye"), 5, 0.3938875m);

    /// <summary>Three searches by the server; the input total grows after <c>message_start</c>.</summary>
    public async Task<ClaudeSession> WebSearchAsync(string baseUrl, CancellationToken cancellationToken)
    {
        upstream.Script.Next(Reply.WebSearch("found", searches: 3));
        return new ClaudeSession(await RunAsync(baseUrl, Opus48, cancellationToken, "search"), 1, 0.1055925m);
    }

    /// <summary>Inference kept in the United States: every token class costs a tenth more.</summary>
    public async Task<ClaudeSession> GeoAsync(string baseUrl, CancellationToken cancellationToken)
    {
        upstream.Script.Next(Reply.Text("ok") with { Usage = static figures => figures with { Geo = "us" } });
        return new ClaudeSession(await RunAsync(baseUrl, Opus48, cancellationToken, "say hi"), 1, 0.08315175m);
    }

    /// <summary>Served in fast mode, which has rates of its own.</summary>
    public async Task<ClaudeSession> FastAsync(string baseUrl, CancellationToken cancellationToken)
    {
        upstream.Script.Next(Reply.Text("ok") with { Usage = static figures => figures with { Speed = "fast" } });
        return new ClaudeSession(await RunAsync(baseUrl, "claude-opus-5", cancellationToken, "say hi"), 1, 0.151185m);
    }

    /// <summary>A prompt of 105,110 tokens to a model that charges five times as much above 100,000.</summary>
    public async Task<ClaudeSession> LongPromptAsync(string baseUrl, CancellationToken cancellationToken)
    {
        upstream.Script.Next(Reply.Text("ok") with { Usage = static figures => figures with { Input = 90_000 } });
        return new ClaudeSession(await RunAsync(baseUrl, "claude-haiku-5-5", cancellationToken, "say hi"), 1, 0.05205875m);
    }

    /// <summary>A prompt of exactly 100,000 tokens, the last one at the lower rate.</summary>
    public async Task<ClaudeSession> PromptAtTheBandAsync(string baseUrl, CancellationToken cancellationToken)
    {
        upstream.Script.Next(Reply.Text("ok") with { Usage = static figures => figures with { Input = figures.Input + 100_000 - figures.Prompt } });
        return new ClaudeSession(await RunAsync(baseUrl, "claude-haiku-5-5", cancellationToken, "say hi"), 1, 0.00990075m);
    }

    private Task<ClaudeResult> RunAsync(string baseUrl, string model, CancellationToken cancellationToken, params string[] prompts)
    {
        var run = new ClaudeRun { BaseUrl = baseUrl, Prompts = prompts, Model = model, AllowedTools = ["Bash", "Agent"] };
        return ClaudeCode.RunAsync(adjust?.Invoke(run) ?? run, cancellationToken);
    }

    private static Reply Echo(string word) => Reply.ToolUse("Bash", new JsonObject { ["command"] = $"echo {word}", ["description"] = "Say a word" });
}
