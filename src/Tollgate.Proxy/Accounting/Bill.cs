using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Accounting;

/// <summary>The lines of one attempt while they are added up: each has a model, tokens and a band of its own.</summary>
/// <remarks>A line whose price is unknown makes the whole bill unknown: half a cost would pass for a whole one.</remarks>
internal ref struct Bill(PriceList prices, DateTimeOffset at, bool isUs, bool isRegional, bool isBatch)
{
    private CostSum _sum;

    /// <summary>Whether every line so far has a price.</summary>
    public bool IsPriced { get; private set; } = true;

    /// <summary>All tokens so far.</summary>
    public TokenUsage Tokens { get; set; }

    /// <summary>Adds one prompt and its answer.</summary>
    /// <param name="model">The model that is paid for; null when the report names none.</param>
    /// <param name="tokens">What it used.</param>
    /// <param name="fast">Whether it was served fast.</param>
    public void Add(string? model, in TokenUsage tokens, bool fast) => Add(model, tokens, fast, tokens.Prompt);

    /// <summary>Adds several prompts in one, in the band of a prompt of <paramref name="bandPrompt"/> tokens.</summary>
    public void Add(string? model, in TokenUsage tokens, bool fast, long bandPrompt)
    {
        Tokens += tokens;
        if (tokens.IsEmpty)
        {
            return; // Costs nothing at any price, also at an unknown one.
        }

        if (prices.TryFind(model, out Price price) && price.TryRates(at, fast, bandPrompt, out var rates))
        {
            _sum.Add(tokens, rates, PlaceFactor(price), isBatch ? price.Batch : Factor.One);
        }
        else
        {
            IsPriced = false;
        }
    }

    /// <summary>Adds web searches, which cost the same wherever and however the model ran.</summary>
    public void AddSearches(string model, long searches)
    {
        if (prices.TryFind(model, out Price price) && price.WebSearch is { } each)
        {
            _sum.AddUses(searches, each);
        }
        else
        {
            IsPriced = false;
        }
    }

    /// <summary>The cost; false when it is not known.</summary>
    public readonly bool TryTotal(out Cost cost)
    {
        cost = default;
        return IsPriced && _sum.TryRound(out cost);
    }

    // Two names for one premium: "us" is how Anthropic's own API sells the place of inference, a region how the clouds do. An
    // answer that somehow carries both pays the higher one, not both.
    private readonly Factor PlaceFactor(Price price) => (isUs, isRegional) switch
    {
        (false, false) => Factor.One,
        (true, false) => price.GeoUs,
        (false, true) => price.Regional,
        (true, true) => price.GeoUs.Thousandths > price.Regional.Thousandths ? price.GeoUs : price.Regional,
    };
}
