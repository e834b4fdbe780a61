using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Accounting;

/// <summary>What the price depends on beside the answer.</summary>
/// <param name="RequestedModel">The model named in the request; null when it could not be read.</param>
/// <param name="At">When the request came in: the moment whose prices hold.</param>
/// <param name="Region">The upstream's configured region; empty or <c>global</c> for none.</param>
public readonly record struct PricingRequest(string? RequestedModel, DateTimeOffset At, string Region);

/// <summary>The money side of a ledger row.</summary>
/// <remarks>
/// Shape: <see cref="Tokens"/> are all tokens that <see cref="Cost"/> is made of: the top-level figures and what ran beside them
/// (compaction, advisors, billed hops before a fallback). Where one model at one rate served everything, tokens × price is
/// the cost; an advisor's tokens have their own model's price, which the one model column can't tell.
/// </remarks>
public readonly record struct Costed
{
    /// <summary>Cost by class; all zero when not <see cref="Priced"/>.</summary>
    public Cost Cost { get; init; }

    /// <summary>The cost is known. False means tokens without dollars, never a guess and never a part of the cost.</summary>
    public bool Priced { get; init; }

    /// <summary>A sum over several prompts chose a long-prompt band; no single prompt is known to have crossed it.</summary>
    public bool BandAmbiguous { get; init; }

    /// <summary>The price list's revision.</summary>
    public uint PriceRevision { get; init; }

    /// <summary>Tokens by class.</summary>
    public TokenUsage Tokens { get; init; }

    /// <summary>Priced as part of a batch.</summary>
    public bool IsBatch { get; init; }

    /// <summary>Served in fast mode, as the answer says; what the request asked for does not count.</summary>
    public bool IsFast { get; init; }

    /// <summary>The model that served, else the one requested; empty when neither is known.</summary>
    public string Model { get; init; }

    /// <summary>The model a fallback moved away from; empty without one.</summary>
    public string FallbackFrom { get; init; }
}
