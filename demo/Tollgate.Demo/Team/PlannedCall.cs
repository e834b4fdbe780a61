using Tollgate.Proxy.Facts;

namespace Tollgate.Demo.Team;

/// <summary>One attempt of a session: what is asked, what the provider will answer, and how it ends.</summary>
/// <remarks>Units: tokens, bytes. The tokens are those that the provider reports; an attempt that fails at once reports none.</remarks>
internal sealed record PlannedCall
{
    /// <summary>When it is sent, from the session's start.</summary>
    public required TimeSpan At { get; init; }

    /// <summary>From sending it to the end of its answer.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>From sending it to the first content; zero without any.</summary>
    public TimeSpan FirstToken { get; init; }

    /// <summary>The model asked for.</summary>
    public required string Model { get; init; }

    /// <summary><c>main</c>, <c>subagent</c>, <c>compaction</c> or <c>auxiliary</c>, as Claude Code's hint headers say.</summary>
    public required string RequestClass { get; init; }

    /// <summary>The sub-agent, if it is one's.</summary>
    public Agent? Agent { get; init; }

    /// <summary>The user's prompt that it is for; empty for side calls.</summary>
    public string PromptId { get; init; } = string.Empty;

    /// <summary>What was asked.</summary>
    public Operation Operation { get; init; } = Operation.Messages;

    /// <summary>As a stream of events.</summary>
    public bool IsStream { get; init; } = true;

    /// <summary>In fast mode.</summary>
    public bool IsFast { get; init; }

    /// <summary>What the provider reports to have counted.</summary>
    public ReportedTokens Tokens { get; init; } = new();

    /// <summary>Why the model stopped.</summary>
    public string StopReason { get; init; } = "tool_use";

    /// <summary>How it ends.</summary>
    public CallEnding Ending { get; init; }

    /// <summary>Size of the request's body.</summary>
    public long RequestBytes { get; init; }
}

/// <summary>A sub-agent.</summary>
/// <param name="Id"><c>a</c> and sixteen hex digits.</param>
/// <param name="ParentId">The agent that started it; empty for the session's own.</param>
/// <param name="Kind"><c>Explore</c>, <c>Plan</c>, …</param>
internal sealed record Agent(string Id, string ParentId, string Kind);
