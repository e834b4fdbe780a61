using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Scanning;

/// <summary>One <c>usage</c> object while it is read; figures may be <see cref="JsonText.Invalid"/>.</summary>
/// <remarks>Why apart from the report: a key that comes twice must forget its first value, and a damaged event must change nothing.</remarks>
internal sealed class UsageFacts
{
    /// <summary>The figures outside <see cref="Iterations"/>.</summary>
    public ReportedTokens Tokens = new();

    /// <summary>The iteration being read.</summary>
    public ReportedTokens StepTokens = new();

    /// <summary>Entries of <c>iterations</c>; their figures may be invalid.</summary>
    public List<UsageIteration> Iterations { get; } = new(4);

    /// <summary><c>iterations</c> is an array.</summary>
    public bool HasIterations { get; set; }

    /// <summary>Something that should be an object or an array is not.</summary>
    public bool Misshapen { get; set; }

    /// <summary><c>service_tier</c>.</summary>
    public string? ServiceTier { get; set; }

    /// <summary><c>inference_geo</c>.</summary>
    public string? InferenceGeo { get; set; }

    /// <summary><c>speed</c>.</summary>
    public string? Speed { get; set; }

    /// <summary><c>fallback_credit.status.type</c>.</summary>
    public string? CreditStatus { get; set; }

    /// <summary><c>type</c> of the iteration being read.</summary>
    public string? StepType { get; set; }

    /// <summary><c>model</c> of the iteration being read.</summary>
    public string? StepModel { get; set; }

    /// <summary>Makes the object as new.</summary>
    public void Reset()
    {
        Tokens = new ReportedTokens();
        ServiceTier = InferenceGeo = Speed = CreditStatus = null;
        Misshapen = false;
        ForgetIterations();
    }

    /// <summary>Forgets an earlier <c>iterations</c> of the same object.</summary>
    public void ForgetIterations()
    {
        Iterations.Clear();
        HasIterations = false;
    }

    /// <summary>Begins an entry of <c>iterations</c>.</summary>
    public void BeginStep()
    {
        StepTokens = new ReportedTokens();
        StepType = StepModel = null;
    }

    /// <summary>Ends an entry of <c>iterations</c>.</summary>
    public void EndStep() => Iterations.Add(new UsageIteration(KindOf(StepType), StepModel, StepTokens));

    /// <summary>Merges the object into <paramref name="report"/>: what was reported replaces, the rest stays.</summary>
    public void MergeInto(UsageReport report)
    {
        var invalid = Misshapen | DropInvalid(ref Tokens);
        report.Tokens.Overwrite(Tokens);
        report.ServiceTier = ServiceTier ?? report.ServiceTier;
        report.InferenceGeo = InferenceGeo ?? report.InferenceGeo;
        report.Speed = Speed ?? report.Speed;
        if (CreditStatus is not null)
        {
            report.FallbackCreditRedeemed = CreditStatus == "redeemed";
        }

        if (HasIterations)
        {
            report.Iterations.Clear();
        }

        foreach (var step in Iterations)
        {
            var tokens = step.Tokens;
            invalid |= DropInvalid(ref tokens) | step.Kind == IterationKind.Unknown;
            report.Iterations.Add(step with { Tokens = tokens });
            if (step.Kind == IterationKind.FallbackMessage)
            {
                report.ServedModel = step.Model ?? report.ServedModel;
            }
        }

        report.UsageInvalid |= invalid;
    }

    private static IterationKind KindOf(string? type) => type switch
    {
        "message" => IterationKind.Message,
        "compaction" => IterationKind.Compaction,
        "advisor_message" => IterationKind.AdvisorMessage,
        "fallback_message" => IterationKind.FallbackMessage,
        _ => IterationKind.Unknown,
    };

    private static bool DropInvalid(ref ReportedTokens tokens) =>
        Drop(ref tokens.Input) | Drop(ref tokens.CacheRead) | Drop(ref tokens.CacheWrite) | Drop(ref tokens.CacheWrite5m)
        | Drop(ref tokens.CacheWrite1h) | Drop(ref tokens.Output) | Drop(ref tokens.Thinking) | Drop(ref tokens.WebSearches)
        | Drop(ref tokens.WebFetches);

    private static bool Drop(ref long figure)
    {
        var invalid = figure == JsonText.Invalid;
        figure = invalid ? ReportedTokens.NotReported : figure;
        return invalid;
    }
}

/// <summary>One message while it is read: the value of <c>message</c> in an event, or a whole answer.</summary>
internal sealed class MessageFacts
{
    /// <summary><c>id</c>.</summary>
    public Utf8Text Id;

    /// <summary><c>model</c>.</summary>
    public string? Model { get; set; }

    /// <summary><c>stop_reason</c>.</summary>
    public string? StopReason { get; set; }

    /// <summary><c>content</c> has an element.</summary>
    public bool HasContent { get; set; }

    /// <summary><c>usage</c>.</summary>
    public UsageFacts Usage { get; } = new();

    /// <summary>Makes the message as new.</summary>
    public void Reset()
    {
        Id.Clear();
        Model = StopReason = null;
        HasContent = false;
        Usage.Reset();
    }

    /// <summary>Merges the message into <paramref name="report"/>.</summary>
    public void MergeInto(UsageReport report)
    {
        if (!Id.IsEmpty)
        {
            report.MessageId = Id;
        }

        report.ServedModel = Model ?? report.ServedModel;
        report.StopReason = StopReason ?? report.StopReason;
        report.ContentSeen |= HasContent;
        Usage.MergeInto(report);
    }
}
