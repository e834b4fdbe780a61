namespace Tollgate.Proxy.Ingress;

/// <summary>How far the body of a request could be read.</summary>
public enum RequestFactsResult
{
    /// <summary>One whole JSON object, with nothing but white space behind it.</summary>
    Complete,

    /// <summary>Valid so far, but not at its end. Of a body that has ended this means that it was cut off.</summary>
    NeedMore,

    /// <summary>Not one JSON object, or one that two readers may understand differently; <see cref="RequestFacts.Problem"/> says why.</summary>
    Malformed,
}

/// <summary>Parts of a request that make the provider read, write or run what the body does not show.</summary>
[Flags]
public enum BeyondBody
{
    /// <summary>Nothing: the body bounds what the provider reads.</summary>
    None = 0,

    /// <summary>An image or document fetched from an address.</summary>
    UrlSource = 1 << 0,

    /// <summary>An image, document or container upload kept by the provider, or a source of a kind not known.</summary>
    FileSource = 1 << 1,

    /// <summary>The web fetch tool.</summary>
    WebFetch = 1 << 2,

    /// <summary>The web search tool without <c>max_uses</c>.</summary>
    EndlessWebSearch = 1 << 3,

    /// <summary>A web search tool newer than <c>web_search_20250305</c>, which runs code over what it finds.</summary>
    FilteredWebSearch = 1 << 4,

    /// <summary>The code execution tool.</summary>
    CodeExecution = 1 << 5,

    /// <summary>The advisor tool.</summary>
    Advisor = 1 << 6,

    /// <summary>Tools of an MCP server that the provider calls itself.</summary>
    McpServers = 1 << 7,

    /// <summary>A container, with or without skills.</summary>
    Container = 1 << 8,

    /// <summary>Compaction, or an edit of the context of a kind not known.</summary>
    Compaction = 1 << 9,

    /// <summary>Other models to fall back to.</summary>
    Fallbacks = 1 << 10,

    /// <summary>A conversation that the provider keeps.</summary>
    Thread = 1 << 11,

    /// <summary>Citations: the provider marks up what may be cited.</summary>
    Citations = 1 << 12,

    /// <summary>A tool whose type is not known.</summary>
    UnknownTool = 1 << 13,
}

/// <summary>The longest time to live that a request asks of the prompt cache.</summary>
public enum CacheLifetime
{
    /// <summary>No <c>cache_control</c> anywhere: nothing is written to the cache.</summary>
    None,

    /// <summary>Only the default of five minutes.</summary>
    FiveMinutes,

    /// <summary>One hour, or a time to live that is not known.</summary>
    OneHour,
}

/// <summary>What the body of a <c>POST /v1/messages</c> says about what it may cost.</summary>
/// <remarks>
/// Owner: one request at a time; pooled, filled by <see cref="RequestFactsReader"/>, which resets it first.
/// Units: bytes as they came, escapes included; tokens.
/// Shape: after <see cref="RequestFactsResult.NeedMore"/> the facts are those of the beginning: true, but not all.
/// Where the body can be understood in two ways, the facts say the dearer one. Top-level fields that are not known count as text.
/// </remarks>
public sealed class RequestFacts
{
    /// <summary>Whether the whole body was read: only then may a bound be drawn from what is absent.</summary>
    public bool IsComplete { get; internal set; }

    /// <summary>Why the body is malformed, as the end of a sentence that begins with "The request body"; null when it is not.</summary>
    public string? Problem { get; internal set; }

    /// <summary>Bytes that were given to the reader.</summary>
    public long BodyBytes { get; internal set; }

    /// <summary><c>model</c>; empty when it has not been seen.</summary>
    public string Model { get; internal set; } = string.Empty;

    /// <summary><c>max_tokens</c>; null when absent.</summary>
    public long? MaxTokens { get; internal set; }

    /// <summary><c>stream</c>.</summary>
    public bool IsStream { get; internal set; }

    /// <summary><c>thinking.budget_tokens</c>; null when absent. Part of <see cref="MaxTokens"/>, never beside it.</summary>
    public long? ThinkingBudget { get; internal set; }

    /// <summary><c>speed</c>; null when absent.</summary>
    public string? Speed { get; internal set; }

    /// <summary>Whether the request asks for anything but the standard speed.</summary>
    public bool IsFast => Speed is not (null or "standard");

    /// <summary><c>inference_geo</c>; null when absent, and then the provider's default decides.</summary>
    public string? InferenceGeo { get; internal set; }

    /// <summary><c>service_tier</c>; null when absent.</summary>
    public string? ServiceTier { get; internal set; }

    /// <summary>What <c>cache_control</c> asks for, wherever it stands.</summary>
    public CacheLifetime Cache { get; internal set; }

    /// <summary>Image blocks.</summary>
    public long Images { get; internal set; }

    /// <summary>Base64 of images that is certain to be nothing else, so that it is no text.</summary>
    public long ImageBase64Bytes { get; internal set; }

    /// <summary>Document blocks, whatever their source.</summary>
    public long Documents { get; internal set; }

    /// <summary>Those document blocks that are, or may be, a PDF.</summary>
    public long Pdfs { get; internal set; }

    /// <summary>Base64 of documents that is certain to be nothing else.</summary>
    public long PdfBase64Bytes { get; internal set; }

    /// <summary>Tools that the provider defines: their text is not in the body.</summary>
    public long ProviderTools { get; internal set; }

    /// <summary>Sets of tools that the provider defines, such as <c>browser_toolset</c>.</summary>
    public long ProviderToolsets { get; internal set; }

    /// <summary>Whether the provider runs some tool itself and samples again, so that one request reads its prompt several times.</summary>
    public bool SamplesAgain { get; internal set; }

    /// <summary>The most web searches that the tools allow: the sum of their <c>max_uses</c>.</summary>
    public long WebSearches { get; internal set; }

    /// <summary>Blocks that stand for the definition of a tool, which the provider puts in their place.</summary>
    public long ToolReferences { get; internal set; }

    /// <summary>Bytes of the longest definition of a tool.</summary>
    public long LargestToolBytes { get; internal set; }

    /// <summary>What has no bound in the body.</summary>
    public BeyondBody Beyond { get; internal set; }

    /// <summary>Makes the facts as new.</summary>
    public void Reset()
    {
        IsComplete = IsStream = SamplesAgain = false;
        Problem = Speed = InferenceGeo = ServiceTier = null;
        Model = string.Empty;
        MaxTokens = ThinkingBudget = null;
        Cache = CacheLifetime.None;
        Beyond = BeyondBody.None;
        BodyBytes = Images = ImageBase64Bytes = Documents = Pdfs = PdfBase64Bytes = 0;
        ProviderTools = ProviderToolsets = WebSearches = ToolReferences = LargestToolBytes = 0;
    }
}
