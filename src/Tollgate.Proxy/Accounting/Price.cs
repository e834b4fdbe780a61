using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Accounting;

/// <summary>What one model costs, as its provider publishes it, at every moment the list knows of.</summary>
/// <remarks>
/// Source: docs/prices.md says where the figures come from and how they are kept.
/// Fast rates stand alone: no source gives a long-prompt band for fast mode, so none is applied on top of it.
/// </remarks>
public sealed class Price
{
    private readonly RatePeriod[] _standard;
    private readonly RatePeriod[] _fast;
    private readonly LongPromptBand[] _longPrompt;

    internal Price(string model, RatePeriod[] standard, RatePeriod[] fast, LongPromptBand[] longPrompt)
    {
        Model = model;
        _standard = standard;
        _fast = fast;
        _longPrompt = longPrompt;
    }

    /// <summary>The model's canonical id; its aliases and cloud names all lead to this one price.</summary>
    public string Model { get; }

    /// <summary>Multiplies token prices in a batch.</summary>
    public Factor Batch { get; internal init; } = Factor.One;

    /// <summary>Multiplies token prices when inference was pinned to the United States; one for models without that choice.</summary>
    public Factor GeoUs { get; internal init; } = Factor.One;

    /// <summary>Multiplies token prices on a regional endpoint of Bedrock or Vertex; one for models without that premium.</summary>
    public Factor Regional { get; internal init; } = Factor.One;

    /// <summary>One web search; null when the list has no price for it.</summary>
    public Nanodollars? WebSearch { get; internal init; }

    /// <summary>The model's standard rates in order of time.</summary>
    public ReadOnlySpan<RatePeriod> Standard => _standard;

    /// <summary>The model's fast-mode rates in order of time; none when it has no fast mode.</summary>
    public ReadOnlySpan<RatePeriod> Fast => _fast;

    /// <summary>The model's long-prompt bands; none when one price fits every length.</summary>
    public ReadOnlySpan<LongPromptBand> LongPrompt => _longPrompt;

    /// <summary>The rates of one prompt.</summary>
    /// <param name="at">When the request came in.</param>
    /// <param name="fast">Whether the answer said it was served fast; standard rates apply when no fast rate holds at that time.</param>
    /// <param name="prompt">Tokens of the whole prompt: fresh input, cache reads and cache writes.</param>
    /// <param name="rates">The rates for every token of the request.</param>
    /// <returns>False when the model had no price at that time.</returns>
    public bool TryRates(DateTimeOffset at, bool fast, long prompt, out Rates rates)
    {
        if (fast && TryPeriod(_fast, at, out rates))
        {
            return true;
        }

        if (TryBand(at, prompt, out var band))
        {
            rates = band.Period.Rates;
            return true;
        }

        return TryPeriod(_standard, at, out rates);
    }

    /// <summary>The threshold in tokens that <paramref name="prompt"/> crosses; 0 when it crosses none, or in fast mode.</summary>
    public long CrossedThreshold(DateTimeOffset at, bool fast, long prompt) =>
        (fast && TryPeriod(_fast, at, out _)) || !TryBand(at, prompt, out var band) ? 0 : band.Over;

    private static bool TryPeriod(RatePeriod[] periods, DateTimeOffset at, out Rates rates)
    {
        foreach (ref readonly var period in periods.AsSpan())
        {
            if (period.Contains(at))
            {
                rates = period.Rates;
                return true;
            }
        }

        rates = default;
        return false;
    }

    private bool TryBand(DateTimeOffset at, long prompt, out LongPromptBand highest)
    {
        highest = default;
        foreach (ref readonly var band in _longPrompt.AsSpan())
        {
            if (prompt > band.Over && band.Over > highest.Over && band.Period.Contains(at))
            {
                highest = band;
            }
        }

        return highest.Over > 0;
    }
}
