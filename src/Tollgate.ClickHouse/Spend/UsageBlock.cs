using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Spend;

/// <summary>Five hours of work as ccusage counts them, or the gap between two of them.</summary>
/// <param name="Start">The hour of UTC in which its first use lies; of a gap, five hours after the last use before it.</param>
/// <param name="End">Five hours later; of a gap, the next use.</param>
/// <param name="Models">What was used, in the order in which models were first used; empty for a gap.</param>
/// <param name="First">Its first use; of a gap, <paramref name="Start"/>.</param>
/// <param name="Last">Its last use; null for a gap.</param>
/// <param name="IsActive">Whether it still runs: it has not ended, and its last use is less than five hours ago.</param>
public sealed record UsageBlock(DateTimeOffset Start, DateTimeOffset End, IReadOnlyList<ModelSpend> Models, DateTimeOffset First, DateTimeOffset? Last, bool IsActive)
{
    /// <summary>Whether nothing was used.</summary>
    public bool IsGap => Last is null;

    /// <summary>Attempts that used something.</summary>
    public long Entries => Models.Sum(static model => model.Requests);

    /// <summary>Tokens of all models.</summary>
    public TokenUsage Tokens => Models.Aggregate(default(TokenUsage), static (sum, model) => sum + model.Tokens);

    /// <summary>What they cost together.</summary>
    public Nanodollars Cost => Models.Aggregate(Nanodollars.Zero, static (sum, model) => sum + model.Cost);
}
