namespace Tollgate.Proxy.Facts;

/// <summary>What one attempt cost, by class; the classes sum to the total exactly, because the total is their sum.</summary>
/// <param name="Input">Fresh input.</param>
/// <param name="Output">Output.</param>
/// <param name="CacheRead">Cache reads.</param>
/// <param name="CacheWrite">Cache writes of both lifetimes.</param>
/// <param name="Other">What is not counted in tokens: web searches.</param>
/// <param name="Uncached">What the same attempt would have cost without the prompt cache, other costs included.</param>
public readonly record struct Cost(
    Nanodollars Input,
    Nanodollars Output,
    Nanodollars CacheRead,
    Nanodollars CacheWrite,
    Nanodollars Other,
    Nanodollars Uncached)
{
    /// <summary>Everything together.</summary>
    public Nanodollars Total => Input + Output + CacheRead + CacheWrite + Other;
}
