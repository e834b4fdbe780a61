using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Accounting;

/// <summary>Adds up what several prompts of one attempt cost, exactly, and rounds once.</summary>
/// <remarks>
/// Units: each sum counts trillionths of a nano-dollar: tokens × (nano-dollars per 10^6 tokens) × two factors in thousandths.
/// A common denominator means that nothing is rounded before the end, whatever modifiers the lines have.
/// Bound: one line is at most 2^32 tokens × 10^14 × 10^8, below 2^106; two million such lines fit.
/// </remarks>
internal struct CostSum
{
    // 10^6 tokens of the price × 1000 of the place factor × 1000 of the batch factor.
    private const long Denominator = 1_000_000L * Factor.Whole * Factor.Whole;

    // A billion dollars for one class of one attempt: no bill but a damaged figure. Six such amounts also fit a Nanodollars.
    private const long Highest = 1_000_000_000L * Nanodollars.PerDollar;

    private Int128 _input;
    private Int128 _output;
    private Int128 _cacheRead;
    private Int128 _cacheWrite;
    private Int128 _promptAsInput;
    private Int128 _other;

    /// <summary>Adds the tokens of one prompt and its answer.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="rates">The rates of all of them.</param>
    /// <param name="place">The factor for where inference ran.</param>
    /// <param name="batch">The factor for a batch.</param>
    public void Add(in TokenUsage tokens, in Rates rates, Factor place, Factor batch)
    {
        Int128 factor = (long)place.Thousandths * batch.Thousandths;
        checked
        {
            _input += tokens.Input * (rates.Input * factor);
            _output += tokens.Output * (rates.Output * factor);
            _cacheRead += tokens.CacheRead * (rates.CacheRead * factor);
            _cacheWrite += ((tokens.CacheWrite5m * (Int128)rates.CacheWrite5m) + (tokens.CacheWrite1h * (Int128)rates.CacheWrite1h)) * factor;
            _promptAsInput += tokens.Prompt * (rates.Input * factor);
        }
    }

    /// <summary>Adds what is paid by use and not by token; no factor applies to it.</summary>
    public void AddUses(long uses, Nanodollars each) => _other += uses * (Int128)each.Value;

    /// <summary>The cost by class, each rounded once, half to even.</summary>
    /// <param name="cost">The cost.</param>
    /// <returns>False when some class is beyond a billion dollars, which no attempt costs.</returns>
    public readonly bool TryRound(out Cost cost)
    {
        if (TryRound(_input, out var input) && TryRound(_output, out var output) && TryRound(_cacheRead, out var read)
            && TryRound(_cacheWrite, out var write) && TryRound(_promptAsInput, out var prompt) && _other <= Highest)
        {
            var other = new Nanodollars((long)_other);
            cost = new Cost(input, output, read, write, other, Uncached: prompt + output + other);
            return true;
        }

        cost = default;
        return false;
    }

    private static bool TryRound(Int128 sum, out Nanodollars amount)
    {
        var (whole, rest) = Int128.DivRem(sum, Denominator);
        var twice = rest * 2;
        if (twice > Denominator || (twice == Denominator && Int128.IsOddInteger(whole)))
        {
            whole++;
        }

        amount = whole <= Highest ? new Nanodollars((long)whole) : default;
        return whole <= Highest;
    }
}
