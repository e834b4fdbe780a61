namespace Tollgate.Proxy.Accounting;

/// <summary>The price of each class of tokens.</summary>
/// <remarks>Units: nano-dollars per million tokens; $0.20 per million is 200,000,000. Never negative.</remarks>
/// <param name="Input">Fresh input.</param>
/// <param name="Output">Output.</param>
/// <param name="CacheRead">Input read from the prompt cache.</param>
/// <param name="CacheWrite5m">Input written to the cache for five minutes.</param>
/// <param name="CacheWrite1h">Input written to the cache for one hour.</param>
public readonly record struct Rates(long Input, long Output, long CacheRead, long CacheWrite5m, long CacheWrite1h);

/// <summary>Rates and the time they hold.</summary>
/// <remarks>Shape: half open. A request at <paramref name="From"/> has these rates, one at <paramref name="Until"/> no longer.</remarks>
/// <param name="From">First moment; <see cref="DateTimeOffset.MinValue"/> when open.</param>
/// <param name="Until">First moment after; <see cref="DateTimeOffset.MaxValue"/> when open.</param>
/// <param name="Rates">The rates in between.</param>
public readonly record struct RatePeriod(DateTimeOffset From, DateTimeOffset Until, Rates Rates)
{
    /// <summary>Whether a request at <paramref name="at"/> falls into the period.</summary>
    public bool Contains(DateTimeOffset at) => at >= From && at < Until;
}

/// <summary>Rates that replace the standard ones for every token of a request with a long prompt, output included.</summary>
/// <param name="Over">Tokens of prompt that still are short: the band begins at one more.</param>
/// <param name="Period">Its rates and the time they hold.</param>
public readonly record struct LongPromptBand(long Over, RatePeriod Period);

/// <summary>A multiplier of token prices, exact: a whole number of thousandths.</summary>
/// <remarks>Units: thousandths; 1.1 is 1,100.</remarks>
public readonly record struct Factor(int Thousandths)
{
    /// <summary>Thousandths in one.</summary>
    public const int Whole = 1000;

    /// <summary>The factor that changes nothing.</summary>
    public static Factor One => new(Whole);
}
