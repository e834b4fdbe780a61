using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Recording;

/// <summary>One attempt in the ledger: a row of the table <c>tollgate.requests</c>, in its column's words.</summary>
/// <remarks>
/// Owner: rented from the row pool by the request that fills it, and returned by it once it is recorded and counted.
/// Units: tokens, microseconds, bytes, nano-dollars. Text is never null; empty means not known.
/// </remarks>
public sealed class UsageRow
{
    /// <summary>When the request came in, UTC.</summary>
    public DateTimeOffset Timestamp { get; set; }

    /// <summary>Tollgate's id of the client's request, as in <c>x-tollgate-request-id</c>.</summary>
    public Guid RequestId { get; set; }

    /// <summary>The id of this try upstream; the row's identity.</summary>
    public Guid AttemptId { get; set; }

    /// <summary>Which gateway wrote the row.</summary>
    public string GatewayId { get; set; } = string.Empty;

    /// <summary>Dense number of the row within its gateway.</summary>
    public ulong Sequence { get; set; }

    /// <summary>Customer (organisation) of the virtual key.</summary>
    public string Customer { get; set; } = string.Empty;

    /// <summary>Team of the virtual key.</summary>
    public string Team { get; set; } = string.Empty;

    /// <summary>Project: of the virtual key, else the client's <c>x-project</c>.</summary>
    public string Project { get; set; } = string.Empty;

    /// <summary>Developer of the virtual key.</summary>
    public string Developer { get; set; } = string.Empty;

    /// <summary>Id of the virtual key; empty for a credential passed through.</summary>
    public string KeyId { get; set; } = string.Empty;

    /// <summary><c>x-claude-code-session-id</c>.</summary>
    public string SessionId { get; set; } = string.Empty;

    /// <summary><c>x-claude-code-agent-id</c>.</summary>
    public string AgentId { get; set; } = string.Empty;

    /// <summary><c>x-claude-code-parent-agent-id</c>.</summary>
    public string ParentAgentId { get; set; } = string.Empty;

    /// <summary><c>x-claude-code-agent-type</c>.</summary>
    public string AgentKind { get; set; } = string.Empty;

    /// <summary><c>x-claude-code-prompt-id</c>.</summary>
    public string PromptId { get; set; } = string.Empty;

    /// <summary><c>x-claude-code-request-class</c>; <c>subagent</c> when only an agent id says so.</summary>
    public string RequestClass { get; set; } = string.Empty;

    /// <summary>Name and version of the client, from its user agent.</summary>
    public string Client { get; set; } = string.Empty;

    /// <summary>The upstream's name in the configuration.</summary>
    public string Provider { get; set; } = string.Empty;

    /// <summary>What was asked of the provider.</summary>
    public Operation Endpoint { get; set; }

    /// <summary>The model named in the request's body.</summary>
    public string ModelRequested { get; set; } = string.Empty;

    /// <summary>The model that served, else the one requested.</summary>
    public string Model { get; set; } = string.Empty;

    /// <summary>The model a fallback moved away from.</summary>
    public string FallbackFrom { get; set; } = string.Empty;

    /// <summary><c>usage.service_tier</c>.</summary>
    public string ServiceTier { get; set; } = string.Empty;

    /// <summary><c>usage.inference_geo</c>.</summary>
    public string InferenceGeo { get; set; } = string.Empty;

    /// <summary>The answer was a stream of events.</summary>
    public bool IsStream { get; set; }

    /// <summary>Priced as part of a batch.</summary>
    public bool IsBatch { get; set; }

    /// <summary>Served in fast mode.</summary>
    public bool IsFast { get; set; }

    /// <summary>The status the client was sent; 0 when none was.</summary>
    public int HttpStatus { get; set; }

    /// <summary>How the attempt ended.</summary>
    public ForwardOutcome Outcome { get; set; }

    /// <summary><c>error.type</c> of the answer, or of Tollgate's refusal.</summary>
    public string ErrorType { get; set; } = string.Empty;

    /// <summary><c>stop_reason</c>.</summary>
    public string StopReason { get; set; } = string.Empty;

    /// <summary>How good the figures are.</summary>
    public UsageSource UsageSource { get; set; }

    /// <summary>Tokens by class.</summary>
    public TokenUsage Tokens { get; set; }

    /// <summary>Uses of the provider's own tools (web search, web fetch).</summary>
    public int ServerToolUses { get; set; }

    /// <summary>Cost by class; all zero when not <see cref="Priced"/>.</summary>
    public Cost Cost { get; set; }

    /// <summary>The price list knew the model. False with tokens means: cost unknown, not nothing.</summary>
    public bool Priced { get; set; }

    /// <summary>The price band was chosen by a sum over several prompts; see the price list's long-prompt bands.</summary>
    public bool BandAmbiguous { get; set; }

    /// <summary>Revision of the price list used.</summary>
    public uint PriceRevision { get; set; }

    /// <summary>From the request's head to the answer's end.</summary>
    public long LatencyMicroseconds { get; set; }

    /// <summary>From the request's head to the first byte of the answer's body.</summary>
    public long FirstByteMicroseconds { get; set; }

    /// <summary>From the request's head to the first content delta; 0 without one.</summary>
    public long TtftMicroseconds { get; set; }

    /// <summary>The longest silence within the answer.</summary>
    public long MaxGapMicroseconds { get; set; }

    /// <summary>Time spent in Tollgate itself: until the upstream was handed the first bytes, and from each of the answer's reads until the client's connection had them. No waits for either side.</summary>
    public long OverheadMicroseconds { get; set; }

    /// <summary>Bytes of the request's body relayed.</summary>
    public long RequestBytes { get; set; }

    /// <summary>Bytes of the answer's body relayed.</summary>
    public long ResponseBytes { get; set; }

    /// <summary>The upstream's <c>request-id</c> header: the join key to transcripts and telemetry.</summary>
    public string UpstreamRequestId { get; set; } = string.Empty;

    /// <summary>The upstream's <c>message.id</c>.</summary>
    public Utf8Text MessageId;

    /// <summary>Labels from <c>x-tg-dim-*</c> headers, in the order sent.</summary>
    public List<KeyValuePair<string, string>> Labels { get; } = new(4);

    /// <summary>Makes the row as new.</summary>
    public void Reset()
    {
        Timestamp = default;
        RequestId = AttemptId = default;
        Sequence = 0;
        GatewayId = Customer = Team = Project = Developer = KeyId = string.Empty;
        SessionId = AgentId = ParentAgentId = AgentKind = PromptId = RequestClass = Client = string.Empty;
        Provider = ModelRequested = Model = FallbackFrom = ServiceTier = InferenceGeo = string.Empty;
        Endpoint = Operation.Other;
        IsStream = IsBatch = IsFast = Priced = BandAmbiguous = false;
        HttpStatus = ServerToolUses = 0;
        Outcome = default;
        ErrorType = StopReason = UpstreamRequestId = string.Empty;
        UsageSource = UsageSource.None;
        Tokens = default;
        Cost = default;
        PriceRevision = 0;
        LatencyMicroseconds = FirstByteMicroseconds = TtftMicroseconds = MaxGapMicroseconds = OverheadMicroseconds = 0;
        RequestBytes = ResponseBytes = 0;
        MessageId.Clear();
        Labels.Clear();
    }
}
