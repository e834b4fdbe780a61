using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Ingress;

namespace Tollgate.Proxy.Accounting;

/// <summary>The most that a request can cost.</summary>
/// <param name="Cost">Nano-dollars; zero when not known.</param>
/// <param name="InputTokens">Tokens of all prompts that are read for it, of every class; zero when not known.</param>
/// <param name="OutputTokens">Tokens written, thinking included; zero when not known.</param>
/// <param name="Unknown">Why there is no bound, as a whole sentence to show to people; null when there is one.</param>
public readonly record struct MostCost(Nanodollars Cost, long InputTokens, long OutputTokens, string? Unknown)
{
    /// <summary>Whether there is a bound.</summary>
    public bool IsKnown => Unknown is null;

    /// <summary>Tokens of all classes together.</summary>
    public long Tokens => InputTokens + OutputTokens;
}

/// <summary>What a request is likely to cost.</summary>
/// <param name="Cost">Nano-dollars; zero for a model without a price.</param>
/// <param name="InputTokens">Tokens of its prompt.</param>
/// <param name="OutputTokens">Tokens written.</param>
public readonly record struct ExpectedCost(Nanodollars Cost, long InputTokens, long OutputTokens)
{
    /// <summary>Tokens of all classes together.</summary>
    public long Tokens => InputTokens + OutputTokens;
}

/// <summary>Says before a request is sent how much of a budget to hold for it.</summary>
/// <remarks>
/// Source: docs/prices.md, "Before a request is sent". The figures of the provider are those that it publishes; where it publishes none, the
/// constant says so.
/// Assumes that the upstream serves the model that was asked for, and that what it sealed in an earlier answer (signatures, encrypted search
/// results) comes back as no more tokens than bytes.
/// Hot path: whole numbers, no allocation.
/// </remarks>
public static class CostBound
{
    /// <summary>Bytes of a body that are one token, as a rule: see <see cref="SettledUsage"/>, which estimates by the same.</summary>
    public const int ExpectedBytesPerToken = 4;

    /// <summary>Output that is expected while nothing is known of the key and model.</summary>
    public const long ExpectedOutput = 1_000;

    // Source: Anthropic, "Images and vision": 2,576 pixels on the long edge and 4,784 tokens for models from 4.7 on, 1,568 before; larger ones are
    // scaled down.
    internal const long ImageTokens = 4_784;

    // Source: Anthropic, "PDF support" and the models' table: 600 pages in one request, and no window beyond a million tokens; what does not fit
    // the window is refused. A page has no published limit, so the window is the limit, once for all documents of a request.
    internal const long PdfTokens = 1_000_000;

    // What the provider adds to a prompt by itself. Source: "Tool use pricing": 159 to 530 tokens for the models that are listed; twice that.
    internal const long PromptOverhead = 1_060;

    // The definition of a tool that the provider brings. Source: "Tool use pricing" lists 245 to 735; newer ones are not listed.
    internal const long ProviderToolTokens = 5_000;

    // The same for a set of tools; the largest known has 31. Not published.
    internal const long ProviderToolsetTokens = 31 * 1_000;

    // One search. Not published; the example in "Web search tool" has 5,324.
    internal const long SearchTokens = 20_000;

    // Source: Anthropic, "Server tools": the provider samples at most ten times for one request, then answers pause_turn.
    internal const long MostSamples = 10;

    // Each of the five classes is rounded by at most half a nano-dollar when the real cost is settled.
    private const long ClassRounding = 3;

    // The most that Costing prices at all: a billion dollars for one class.
    private const long Highest = 1_000_000_000L * Nanodollars.PerDollar;

    // More tokens than any request has; keeps every product below within 128 bits and every sum within 64.
    private const long HighestTokens = 1L << 50;

    /// <summary>The most that a request can cost.</summary>
    /// <param name="prices">The price list in force.</param>
    /// <param name="facts">What its body says.</param>
    /// <param name="region">The upstream's configured region; empty or <c>global</c> for none.</param>
    /// <param name="at">When it came in.</param>
    /// <returns>A bound that holds for every answer the provider can give, or the reason why there is none.</returns>
    public static MostCost Most(PriceList prices, RequestFacts facts, string region, DateTimeOffset at)
    {
        if (WhyUnknown(facts) is { } reason)
        {
            return Unknown(reason);
        }

        if (!prices.TryFind(facts.Model, out NamedPrice named))
        {
            return Unknown("The model has no price in the price list, so nothing bounds what it costs; add it to prices.file or ask for a listed one.");
        }

        if (facts.WebSearches > 0 && named.Price.WebSearch is null)
        {
            return Unknown("The model has no price for a web search in the price list, so nothing bounds what it costs; add webSearch to it.");
        }

        var output = Math.Min(facts.MaxTokens.GetValueOrDefault(), HighestTokens);
        var input = MostInput(facts, output);
        if (!TryDearest(named.Price, at, facts, input, out var inputRate, out var outputRate))
        {
            return Unknown("The model has no price at this time in the price list, so nothing bounds what it costs; ask for a model that is still sold.");
        }

        Int128 factor = DearestPlace(named, facts, region);
        var cost = Nano(input, inputRate, factor) + Nano(output, outputRate, factor) + ClassRounding
            + (facts.WebSearches * (Int128)named.Price.WebSearch.GetValueOrDefault().Value);
        return new MostCost(new Nanodollars(cost > Highest ? Highest : (long)cost), input, output, Unknown: null);
    }

    /// <summary>What a request is likely to cost: a token for every four bytes at the price of fresh input, and the output that is usual.</summary>
    /// <param name="prices">The price list in force.</param>
    /// <param name="model">The model that is asked for; null or empty when it is not known.</param>
    /// <param name="bodyBytes">Bytes of the body, as announced or as read.</param>
    /// <param name="maxTokens"><c>max_tokens</c>; null when it is not known yet.</param>
    /// <param name="usualOutput">Output tokens of an answer to this key and model, on average; 0 or less when not known, which stands for <see cref="ExpectedOutput"/>.</param>
    /// <param name="region">The upstream's configured region; empty or <c>global</c> for none.</param>
    /// <param name="at">When the request came in.</param>
    /// <remarks>Cache reads make it cheaper, writes dearer; over a session of Claude Code the rule is high, because nearly all is read.</remarks>
    public static ExpectedCost Expected(
        PriceList prices, string? model, long bodyBytes, long? maxTokens, long usualOutput, string region, DateTimeOffset at)
    {
        var input = (Math.Clamp(bodyBytes, 0, HighestTokens) + ExpectedBytesPerToken - 1) / ExpectedBytesPerToken;
        var usual = usualOutput > 0 ? usualOutput : ExpectedOutput;
        var output = Math.Min(maxTokens is { } limit ? Math.Min(Math.Max(0, limit), usual) : usual, HighestTokens);
        if (!prices.TryFind(model, out NamedPrice named) || !named.Price.TryRates(at, fast: false, input, out var rates))
        {
            return new ExpectedCost(default, input, output);
        }

        Int128 factor = IsRegional(named, region) ? named.Price.Regional.Thousandths : Factor.Whole;
        var cost = Nano(input, rates.Input, factor) + Nano(output, rates.Output, factor);
        return new ExpectedCost(new Nanodollars(cost > Highest ? Highest : (long)cost), input, output);
    }

    private static MostCost Unknown(string reason) => new(default, 0, 0, reason);

    // Text: each token covers at least one byte, and JSON never writes a byte of text in less than one.
    private static long MostInput(RequestFacts facts, long output)
    {
        var text = facts.BodyBytes - facts.ImageBase64Bytes - facts.PdfBase64Bytes;
        Int128 prompt = text
            + PromptOverhead
            + (facts.Images * (Int128)ImageTokens)
            + (facts.Pdfs > 0 ? PdfTokens : 0)
            + (facts.ProviderTools * (Int128)ProviderToolTokens)
            + (facts.ProviderToolsets * (Int128)ProviderToolsetTokens)
            + (facts.ToolReferences * (Int128)facts.LargestToolBytes);
        if (facts.SamplesAgain)
        {
            // Every sample reads the prompt again, with all that was found and written before; max_tokens holds for all of them together.
            prompt += (facts.WebSearches * (Int128)SearchTokens) + output;
            prompt *= Math.Max(MostSamples, facts.WebSearches + 1);
        }

        return prompt > HighestTokens ? HighestTokens : (long)prompt;
    }

    // The dearest rate of each side, over all that may turn out: standard, fast, and each band that the prompt can reach.
    private static bool TryDearest(Price price, DateTimeOffset at, RequestFacts facts, long prompt, out long input, out long output)
    {
        (input, output) = (0, 0);
        var found = AddPeriods(price.Standard, at, facts.Cache, ref input, ref output);
        if (facts.IsFast)
        {
            found |= AddPeriods(price.Fast, at, facts.Cache, ref input, ref output);
        }

        foreach (ref readonly var band in price.LongPrompt)
        {
            if (prompt > band.Over && band.Period.Contains(at))
            {
                Add(band.Period.Rates, facts.Cache, ref input, ref output);
                found = true;
            }
        }

        return found;
    }

    private static bool AddPeriods(ReadOnlySpan<RatePeriod> periods, DateTimeOffset at, CacheLifetime cache, ref long input, ref long output)
    {
        foreach (ref readonly var period in periods)
        {
            if (period.Contains(at))
            {
                Add(period.Rates, cache, ref input, ref output);
                return true;
            }
        }

        return false;
    }

    private static void Add(in Rates rates, CacheLifetime cache, ref long input, ref long output)
    {
        input = Math.Max(input, Math.Max(rates.Input, rates.CacheRead));
        if (cache != CacheLifetime.None)
        {
            input = Math.Max(input, rates.CacheWrite5m);
        }

        if (cache == CacheLifetime.OneHour)
        {
            input = Math.Max(input, rates.CacheWrite1h);
        }

        output = Math.Max(output, rates.Output);
    }

    // Without inference_geo the workspace's default decides, which may be "us".
    private static int DearestPlace(in NamedPrice named, RequestFacts facts, string region)
    {
        var factor = Factor.Whole;
        if (facts.InferenceGeo != "global")
        {
            factor = Math.Max(factor, named.Price.GeoUs.Thousandths);
        }

        return IsRegional(named, region) ? Math.Max(factor, named.Price.Regional.Thousandths) : factor;
    }

    private static bool IsRegional(in NamedPrice named, string region) => named.Place == ServingPlace.Unstated
        ? !string.IsNullOrEmpty(region) && !region.Equals("global", StringComparison.OrdinalIgnoreCase)
        : named.Place == ServingPlace.Regional;

    // Rounded up.
    private static Int128 Nano(long tokens, long ratePerMillion, Int128 factor)
    {
        const long Denominator = 1_000_000L * Factor.Whole;
        return ((tokens * (Int128)ratePerMillion * factor) + (Denominator - 1)) / Denominator;
    }

    private static string? WhyUnknown(RequestFacts facts)
    {
        if (!facts.IsComplete)
        {
            return "The request was not read to its end, so nothing bounds what it costs.";
        }

        if (facts.Beyond != BeyondBody.None)
        {
            return WhyBeyond(facts.Beyond);
        }

        if (facts.Model.Length == 0)
        {
            return "The request names no model, so nothing bounds what it costs; set model.";
        }

        return facts.MaxTokens is null ? "The request has no max_tokens, so nothing bounds what it costs; set max_tokens." : null;
    }

    // The first that applies; a client that mends it is told the next.
    private static string WhyBeyond(BeyondBody beyond) => beyond switch
    {
        _ when (beyond & BeyondBody.UrlSource) != 0 => "An image or document by address has no bound on its size; send it as base64.",
        _ when (beyond & BeyondBody.FileSource) != 0 => "A file that the provider keeps has no bound on its size; send it as base64.",
        _ when (beyond & BeyondBody.WebFetch) != 0 => "web_fetch has no bound on what it reads; leave the tool out.",
        _ when (beyond & BeyondBody.EndlessWebSearch) != 0 => "web_search without max_uses has no bound on how often it searches; set max_uses.",
        _ when (beyond & BeyondBody.FilteredWebSearch) != 0 => "This version of web_search runs code over what it finds, which has no bound; use web_search_20250305 with max_uses.",
        _ when (beyond & BeyondBody.CodeExecution) != 0 => "code_execution has no bound on what it writes and how long it runs; leave the tool out.",
        _ when (beyond & BeyondBody.Advisor) != 0 => "An advisor is a second model whose prompt has no bound; leave the tool out.",
        _ when (beyond & BeyondBody.McpServers) != 0 => "Tools of MCP servers that the provider calls have no bound on what they return; leave mcp_servers out.",
        _ when (beyond & BeyondBody.Container) != 0 => "A container has no bound on what it brings into the prompt; leave container out.",
        _ when (beyond & BeyondBody.Compaction) != 0 => "Compaction by the provider is billed beside the answer and has no bound; leave it out.",
        _ when (beyond & BeyondBody.Fallbacks) != 0 => "Each model that a request falls back to is billed as well, with no bound known before; leave fallbacks out.",
        _ when (beyond & BeyondBody.Thread) != 0 => "A conversation that the provider keeps has no bound on its length; send the messages and leave thread out.",
        _ when (beyond & BeyondBody.Citations) != 0 => "Citations mark up what may be cited, which has no bound; turn them off.",
        _ => "A tool of a type that Tollgate does not know has no bound; leave it out.",
    };
}
