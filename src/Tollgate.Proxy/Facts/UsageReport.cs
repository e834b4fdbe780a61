namespace Tollgate.Proxy.Facts;

/// <summary>Which kind of server-side step an entry of <c>usage.iterations</c> reports.</summary>
public enum IterationKind
{
    /// <summary>A kind this version does not know; it is kept out of the price and the report is marked invalid.</summary>
    Unknown,

    /// <summary>A sampling step of the executing model; already part of the top-level figures, or a declined hop before a fallback.</summary>
    Message,

    /// <summary>A server-side compaction; <b>not</b> part of the top-level figures.</summary>
    Compaction,

    /// <summary>A question to an advisor model; <b>not</b> part of the top-level figures.</summary>
    AdvisorMessage,

    /// <summary>The serving attempt after a fallback; it is the top-level figures.</summary>
    FallbackMessage,
}

/// <summary>One entry of <c>usage.iterations</c>.</summary>
/// <param name="Kind">What the step was.</param>
/// <param name="Model">The step's own model; null when the entry names none.</param>
/// <param name="Tokens">What it used, field by field as reported.</param>
public readonly record struct UsageIteration(IterationKind Kind, string? Model, ReportedTokens Tokens);

/// <summary>Everything that scanning learned about one answer; filled while bytes pass, read once they have ended.</summary>
/// <remarks>
/// Owner: one request at a time; pooled with its tap, so <see cref="Reset"/> comes before every use.
/// Times are <see cref="TimeProvider.GetTimestamp"/> values; 0 means it did not happen.
/// Strings of few values (models, tiers, reasons) are interned by <see cref="NameTable"/>; ids stay bytes.
/// </remarks>
public sealed class UsageReport
{
    /// <summary>The upstream's <c>message.id</c>.</summary>
    public Utf8Text MessageId;

    /// <summary>The top-level figures, merged over every frame that carried usage.</summary>
    public ReportedTokens Tokens = new();

    /// <summary>The last <c>usage.iterations</c> seen, replaced as a whole by each later one.</summary>
    public List<UsageIteration> Iterations { get; } = new(4);

    /// <summary>The model that served: <c>message.model</c>, or the target of a fallback that followed it.</summary>
    public string? ServedModel { get; set; }

    /// <summary><c>stop_reason</c>.</summary>
    public string? StopReason { get; set; }

    /// <summary><c>usage.service_tier</c>.</summary>
    public string? ServiceTier { get; set; }

    /// <summary><c>usage.inference_geo</c>.</summary>
    public string? InferenceGeo { get; set; }

    /// <summary><c>usage.speed</c>: what was served, which may not be what was asked.</summary>
    public string? Speed { get; set; }

    /// <summary><c>error.type</c> of an error event or of an error answer.</summary>
    public string? ErrorType { get; set; }

    /// <summary>A <c>message_start</c> (or a whole message) was read.</summary>
    public bool MessageStarted { get; set; }

    /// <summary>A figure that is not the placeholder of <c>message_start</c> was read: a <c>message_delta</c>'s usage or a whole message's.</summary>
    public bool FinalUsageSeen { get; set; }

    /// <summary>A <c>message_stop</c> (or the end of a whole message) was read.</summary>
    public bool MessageStopped { get; set; }

    /// <summary>An <c>error</c> event was read.</summary>
    public bool ErrorSeen { get; set; }

    /// <summary>Some content block was started, or a whole message's <c>content</c> is not empty.</summary>
    public bool ContentSeen { get; set; }

    /// <summary><c>usage.fallback_credit.status.type</c> is <c>redeemed</c>.</summary>
    public bool FallbackCreditRedeemed { get; set; }

    /// <summary>Some usage figure was not a whole number from 0 to 2^32-1 and was left out, or an iteration was of an unknown kind.</summary>
    public bool UsageInvalid { get; set; }

    /// <summary>An event larger than the scanner keeps was passed over; figures in it are missing.</summary>
    public bool EventOversize { get; set; }

    /// <summary>The answer's encoding could not be read, or its bytes were damaged; figures after that are missing.</summary>
    public bool Unreadable { get; set; }

    /// <summary>UTF-8 bytes of text, thinking and tool input in content deltas: what an estimate of the output stands on.</summary>
    public long DeltaBytes { get; set; }

    /// <summary>When the first <c>content_block_delta</c> was complete: the end of TTFT.</summary>
    public long FirstContentAt { get; set; }

    /// <summary>When the answer's last bytes came; the running end of the gap being measured.</summary>
    public long LastBytesAt { get; set; }

    /// <summary>The longest time between two reads that brought bytes, in timestamp ticks.</summary>
    public long LargestGap { get; set; }

    /// <summary>Makes the report as new.</summary>
    public void Reset()
    {
        MessageId.Clear();
        Tokens = new ReportedTokens();
        Iterations.Clear();
        ServedModel = StopReason = ServiceTier = InferenceGeo = Speed = ErrorType = null;
        MessageStarted = FinalUsageSeen = MessageStopped = ErrorSeen = ContentSeen = false;
        FallbackCreditRedeemed = UsageInvalid = EventOversize = Unreadable = false;
        DeltaBytes = FirstContentAt = LastBytesAt = LargestGap = 0;
    }
}
