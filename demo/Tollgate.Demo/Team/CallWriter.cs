using Tollgate.Proxy.Facts;

namespace Tollgate.Demo.Team;

/// <summary>Writes the attempts of one session: each turn is one that ends well, or some that do not and then one that may.</summary>
internal sealed class CallWriter(Chance chance, Developer developer, DateTimeOffset start, Weather weather, bool isFast)
{
    private const int MaxRetries = 6;

    // How long Claude Code waits before the n-th retry.
    private static readonly double[] RetrySeconds = [0.6, 1.1, 2.3, 4.2, 9.6, 19];

    private readonly List<PlannedCall> _calls = [];

    /// <summary>Time since the session's start.</summary>
    public TimeSpan Now { get; set; }

    /// <summary>Nothing is sent for a while.</summary>
    public void Pause(TimeSpan length) => Now += length;

    /// <summary>A turn with its retries.</summary>
    /// <returns>Whether the developer has an answer; false when it was stopped or given up.</returns>
    public bool Turn(
        Conversation conversation, string model, string requestClass, Agent? agent, string promptId, int added, int output, string stopReason = "tool_use", int searches = 0)
    {
        var asked = new PlannedCall
        {
            At = Now,
            Duration = default,
            Model = model,
            RequestClass = requestClass,
            Agent = agent,
            PromptId = promptId,
            IsFast = isFast && agent is null,
            StopReason = stopReason,
            RequestBytes = 4L * (conversation.Context + added),
        };
        if (!Reach(asked))
        {
            return false;
        }

        if (chance.Is(0.006))
        {
            // Stopped by the developer: the provider has read the prompt, and bills what it had written.
            Answer(asked, conversation, added, output, CallEnding.Aborted, "");
            conversation.Forget(0, output);
            return false;
        }

        if (chance.Is(0.004))
        {
            var ending = chance.Is(0.6) ? CallEnding.ErrorEvent : CallEnding.Truncated;
            Answer(asked, conversation, added, output, ending, "");
            conversation.Forget(added, output);
            Pause(TimeSpan.FromSeconds(0.6));

            // An error within a stream is asked again without one.
            asked = asked with { IsStream = ending == CallEnding.Truncated };
        }

        Answer(asked, conversation, added, output, CallEnding.Completed, stopReason, searches);
        return true;
    }

    /// <summary>The history is summarised and replaced by the summary.</summary>
    public void Compact(Conversation conversation, string model, int summary)
    {
        Turn(conversation, model, "compaction", null, string.Empty, 1_100, summary, "end_turn");
        conversation.Compact(summary + chance.Between(4_000, 12_000));
    }

    /// <summary>A small call beside the conversation, not cached.</summary>
    public void Side(string model, int input, int output)
    {
        var asked = new PlannedCall
        {
            At = Now,
            Duration = default,
            Model = model,
            RequestClass = "auxiliary",
            StopReason = "end_turn",
            RequestBytes = 4L * input,
            Tokens = new ReportedTokens { Input = input, CacheRead = 0, CacheWrite = 0, CacheWrite5m = 0, CacheWrite1h = 0, Output = output, Thinking = 0 },
        };
        if (Reach(asked))
        {
            Add(Timed(asked, CallEnding.Completed));
        }
    }

    /// <summary>What <c>/context</c> asks; free.</summary>
    public void CountTokens(string model)
    {
        for (var i = 0; i < 6; i++)
        {
            Add(new PlannedCall
            {
                At = Now,
                Duration = TimeSpan.FromMilliseconds(chance.Between(60, 200)),
                Model = model,
                RequestClass = string.Empty,
                IsStream = false,
                Operation = Operation.CountTokens,
                RequestBytes = chance.Between(2_000, 30_000),
                StopReason = string.Empty,
            });
        }
    }

    /// <summary>What a budget would have let no further.</summary>
    public void Refused(Conversation conversation, string model, string promptId) => Add(new PlannedCall
    {
        At = Now,
        Duration = TimeSpan.FromMilliseconds(1),
        Model = model,
        RequestClass = "main",
        PromptId = promptId,
        IsStream = false,
        Ending = CallEnding.Refused,
        StopReason = string.Empty,
        RequestBytes = 4L * conversation.Context,
    });

    /// <summary>What was written, as a session.</summary>
    public Session ToSession(string project, bool isRunaway) =>
        new(developer, project, chance.Uuid(), start, [.. _calls.OrderBy(static call => call.At)]) { IsRunaway = isRunaway };

    /// <summary>Sends it until the provider takes it. Returns false when Claude Code gives up.</summary>
    private bool Reach(PlannedCall asked)
    {
        for (var retry = 0; ; retry++)
        {
            var ending = chance.Is(weather.Overloaded(start + Now)) ? CallEnding.Overloaded
                : chance.Is(0.004) ? CallEnding.RateLimited
                : chance.Is(0.0008) ? CallEnding.ServerError
                : CallEnding.Completed;
            if (ending == CallEnding.Completed)
            {
                return true;
            }

            Add(asked with { At = Now, Ending = ending, Tokens = new ReportedTokens(), StopReason = string.Empty, Duration = TimeSpan.FromMilliseconds(chance.Between(90, 700)), IsStream = false });
            if (retry == MaxRetries - 1)
            {
                return false;
            }

            Pause(TimeSpan.FromSeconds(RetrySeconds[retry] * (0.9 + (0.3 * chance.Part()))));
        }
    }

    private void Answer(PlannedCall asked, Conversation conversation, int added, int output, CallEnding ending, string stopReason, int searches = 0)
    {
        var tokens = conversation.Turn(Now, added, output);
        tokens.WebSearches = searches;
        Add(Timed(asked with { Tokens = tokens, StopReason = stopReason }, ending));
    }

    /// <summary>How long it takes: reading what is not cached, then writing at the model's pace.</summary>
    private PlannedCall Timed(PlannedCall call, CallEnding ending)
    {
        var pace = call.Model.Contains("haiku", StringComparison.Ordinal) ? 170 : call.Model.Contains("sonnet", StringComparison.Ordinal) ? 85 : 62;
        var read = call.Tokens.Input + call.Tokens.CacheWrite;
        var first = TimeSpan.FromMilliseconds(chance.Around(call.IsFast ? 450 : 800, 0.45, 25_000) + (read / 55));
        var written = ending == CallEnding.Completed ? call.Tokens.Output : (long)(call.Tokens.Output * (0.1 + (0.8 * chance.Part())));
        var writing = TimeSpan.FromSeconds(written / (pace * (call.IsFast ? 2.5 : 1) * (0.7 + (0.6 * chance.Part()))));
        var tokens = call.Tokens;
        tokens.Output = Math.Max(1, written);
        tokens.Thinking = Math.Min(tokens.Thinking, tokens.Output);
        return call with { At = Now, FirstToken = first, Duration = first + writing, Tokens = tokens, Ending = ending };
    }

    private void Add(PlannedCall call)
    {
        _calls.Add(call);
        Now = call.At + call.Duration;
    }
}
