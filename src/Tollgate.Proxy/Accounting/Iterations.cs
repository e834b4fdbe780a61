using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Accounting;

/// <summary>The server-side steps of one answer, and which of them are paid for beside its top-level figures.</summary>
/// <remarks>
/// Source: Anthropic's Messages API. Compactions and advisors are not in the top-level figures. With a fallback the top level is
/// the serving attempt alone, and every declined hop is a <c>message</c> of its own, billed unless it produced no output.
/// Without one the <c>message</c> entries are the top level, step by step, which tells the length of each prompt.
/// </remarks>
internal readonly ref struct Iterations
{
    private readonly List<UsageIteration> _steps;

    /// <summary>The steps of an answer whose message names <paramref name="served"/>.</summary>
    public Iterations(List<UsageIteration> steps, string served)
    {
        _steps = steps;
        ServingModel = served;
        foreach (var step in steps)
        {
            if (step.Kind == IterationKind.FallbackMessage)
            {
                HasFallback = true;
                // A stream's message_start may name the model first asked; the step that served knows better.
                ServingModel = string.IsNullOrEmpty(step.Model) ? ServingModel : step.Model;
            }
        }

        foreach (var step in steps)
        {
            if (HasFallback && step.Kind == IterationKind.Message && step.Model is { Length: > 0 } declined && declined != ServingModel)
            {
                DeclinedModel = declined;
                break;
            }
        }
    }

    /// <summary>Whether another model than the first served.</summary>
    public bool HasFallback { get; }

    /// <summary>The model of the top-level figures.</summary>
    public string ServingModel { get; }

    /// <summary>The first model that declined; null when none is named.</summary>
    public string? DeclinedModel { get; }

    private IterationKind ServingKind => HasFallback ? IterationKind.FallbackMessage : IterationKind.Message;

    /// <summary>Puts every paid step on the bill.</summary>
    /// <returns>Whether the band of the top level is a guess.</returns>
    public bool AddTo(ref Bill bill, PriceList prices, DateTimeOffset at, in SettledUsage usage, bool fast, bool serverToolsRan)
    {
        foreach (var step in _steps)
        {
            var tokens = step.Tokens.ToUsage();
            switch (step.Kind)
            {
                case IterationKind.Compaction:
                    bill.Add(step.Model ?? ServingModel, tokens, fast);
                    break;
                case IterationKind.AdvisorMessage:
                    // The answer's speed is the executor's; an advisor has none of its own to report.
                    bill.Add(step.Model, tokens, fast: false);
                    break;
                case IterationKind.Message when HasFallback && tokens.Output > 0:
                    bill.Add(step.Model ?? DeclinedModel, tokens, fast);
                    break;
                default:
                    break; // In the top level, or declined for free, or of a kind not known.
            }
        }

        return AddServing(ref bill, prices, at, usage.Tokens, fast, serverToolsRan);
    }

    private bool AddServing(ref Bill bill, PriceList prices, DateTimeOffset at, in TokenUsage top, bool fast, bool serverToolsRan)
    {
        var hasBand = prices.TryFind(ServingModel, out Price price) && price.CrossedThreshold(at, fast, top.Prompt) > 0;
        var parts = Parts(hasBand ? price : null, at, fast);
        if (!parts.AddUpTo(top))
        {
            bill.Add(ServingModel, top, fast);
            return hasBand && (serverToolsRan || parts.Count > 1);
        }

        if (parts.SplitIsKnown || parts.HasSplitOf(top))
        {
            foreach (var step in _steps)
            {
                if (step.Kind == ServingKind)
                {
                    bill.Add(ServingModel, step.Tokens.ToUsage() with { Thinking = 0 }, fast);
                }
            }

            bill.Tokens = bill.Tokens with { Thinking = bill.Tokens.Thinking + top.Thinking };
            return false;
        }

        // The steps tell the bands but not which writes lived how long: one line, in the band they share.
        bill.Add(ServingModel, top, fast, parts.SameBand ? parts.LongestPrompt : top.Prompt);
        return hasBand && !parts.SameBand;
    }

    private ServingParts Parts(Price? price, DateTimeOffset at, bool fast)
    {
        var parts = new ServingParts { SplitIsKnown = true, SameBand = true };
        var band = 0L;
        foreach (var step in _steps)
        {
            if (step.Kind != ServingKind)
            {
                continue;
            }

            var tokens = step.Tokens.ToUsage();
            var crossed = price?.CrossedThreshold(at, fast, tokens.Prompt) ?? 0;
            parts.SameBand &= parts.Count == 0 || crossed == band;
            band = crossed;
            parts.Count++;
            parts.Sum += tokens;
            parts.LongestPrompt = Math.Max(parts.LongestPrompt, tokens.Prompt);
            parts.SplitIsKnown &= Math.Max(0, step.Tokens.CacheWrite5m) + Math.Max(0, step.Tokens.CacheWrite1h) == tokens.CacheWrite5m + tokens.CacheWrite1h;
        }

        return parts;
    }

    /// <summary>What the steps of the serving model add up to.</summary>
    private struct ServingParts
    {
        public int Count;
        public TokenUsage Sum;
        public long LongestPrompt;
        public bool SplitIsKnown;
        public bool SameBand;

        public readonly bool AddUpTo(in TokenUsage top) =>
            Count > 0
            && Sum.Input == top.Input
            && Sum.CacheRead == top.CacheRead
            && Sum.CacheWrite5m + Sum.CacheWrite1h == top.CacheWrite5m + top.CacheWrite1h
            && Sum.Output == top.Output;

        public readonly bool HasSplitOf(in TokenUsage top) => Sum.CacheWrite5m == top.CacheWrite5m && Sum.CacheWrite1h == top.CacheWrite1h;
    }
}
