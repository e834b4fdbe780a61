using Tollgate.ClickHouse.Spend;

namespace Tollgate.Cli.Report;

/// <summary>How fast the active block is being used up, and where it would end at that rate; ccusage's sums, in decimals.</summary>
/// <param name="TokensPerMinute">Tokens of all classes, from the block's first use to its last.</param>
/// <param name="UncachedTokensPerMinute">The same without what was read from or written to the cache.</param>
/// <param name="CostPerHour">US dollars.</param>
internal sealed record BlockRate(decimal TokensPerMinute, decimal UncachedTokensPerMinute, decimal CostPerHour)
{
    private const int Decimals = 9;

    /// <summary>The rate; null for a block that is over, a gap, and a block with a single use.</summary>
    public static BlockRate? Of(UsageBlock block)
    {
        if (!block.IsActive || block.Last is not { } last || last <= block.First)
        {
            return null;
        }

        var minutes = (decimal)(last - block.First).Ticks / TimeSpan.TicksPerMinute;
        return new BlockRate(
            decimal.Round(block.Tokens.Total() / minutes, Decimals),
            decimal.Round((block.Tokens.Input + block.Tokens.Output) / minutes, Decimals),
            decimal.Round(block.Cost.ToDollars() * 60 / minutes, Decimals));
    }

    /// <summary>Whole minutes to the block's end.</summary>
    public static long MinutesLeft(UsageBlock block, DateTimeOffset now) =>
        (long)decimal.Round((decimal)(block.End - now).Ticks / TimeSpan.TicksPerMinute, MidpointRounding.AwayFromZero);

    /// <summary>Tokens by its end.</summary>
    public long ProjectedTokens(UsageBlock block, DateTimeOffset now) =>
        (long)decimal.Round(block.Tokens.Total() + (TokensPerMinute * MinutesLeft(block, now)), MidpointRounding.AwayFromZero);

    /// <summary>US dollars by its end, to the cent: it is a guess.</summary>
    public decimal ProjectedCost(UsageBlock block, DateTimeOffset now) =>
        decimal.Round(block.Cost.ToDollars() + (CostPerHour / 60 * MinutesLeft(block, now)), 2, MidpointRounding.AwayFromZero);
}
