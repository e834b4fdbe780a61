namespace Tollgate.Testing.Upstream;

/// <summary>Which plan answers which inference call: the first rule that matches and still has a plan, else the plan for the rest.</summary>
public sealed class Script
{
    private readonly Lock _gate = new();
    private readonly List<Rule> _rules = [];
    private readonly List<Rule> _early = [];
    private Func<RecordedRequest, Reply> _otherwise = static _ => Reply.Text("ok");

    /// <summary>Answers the next inference calls, one plan each, in order.</summary>
    public Script Next(params Reply[] replies) => When(static _ => true, replies);

    /// <summary>Answers the next matching calls, one plan each, in order.</summary>
    public Script When(Func<RecordedRequest, bool> matches, params Reply[] replies)
    {
        lock (_gate)
        {
            _rules.Add(new Rule(matches, new Queue<Reply>(replies), null));
        }

        return this;
    }

    /// <summary>Answers every matching call.</summary>
    public Script Always(Func<RecordedRequest, bool> matches, Func<RecordedRequest, Reply> plan)
    {
        lock (_gate)
        {
            _rules.Add(new Rule(matches, null, plan));
        }

        return this;
    }

    /// <summary>Answers what no rule does.</summary>
    public Script Otherwise(Func<RecordedRequest, Reply> plan)
    {
        lock (_gate)
        {
            _otherwise = plan;
        }

        return this;
    }

    /// <summary>Answers what no rule does.</summary>
    public Script Otherwise(Reply reply) => Otherwise(_ => reply);

    /// <summary>Answers the next calls whose head matches before their bodies are read.</summary>
    public Script BeforeUpload(Func<RecordedRequest, bool> matchesHead, params Reply[] replies)
    {
        lock (_gate)
        {
            _early.Add(new Rule(matchesHead, new Queue<Reply>(replies), null));
        }

        return this;
    }

    internal Reply? TakeEarly(RecordedRequest request)
    {
        lock (_gate)
        {
            return _early.FirstOrDefault(rule => rule.Replies!.Count > 0 && rule.Matches(request))?.Replies!.Dequeue();
        }
    }

    internal Reply Take(RecordedRequest request)
    {
        lock (_gate)
        {
            foreach (var rule in _rules)
            {
                if (rule.Replies is { Count: 0 } || !rule.Matches(request))
                {
                    continue;
                }

                return rule.Replies?.Dequeue() ?? rule.Plan!(request);
            }

            return _otherwise(request);
        }
    }

    private sealed record Rule(Func<RecordedRequest, bool> Matches, Queue<Reply>? Replies, Func<RecordedRequest, Reply>? Plan);
}
