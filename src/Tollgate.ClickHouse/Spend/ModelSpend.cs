using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Spend;

/// <summary>What was used of one model.</summary>
/// <param name="Model">Its name, as served; empty when an attempt never got that far.</param>
/// <param name="Requests">Attempts upstream.</param>
/// <param name="Tokens">Tokens by class; thinking is not told apart.</param>
/// <param name="Cost">Their price, exact.</param>
public sealed record ModelSpend(string Model, long Requests, TokenUsage Tokens, Nanodollars Cost)
{
    /// <summary>Several as one, under the name of the first.</summary>
    internal static ModelSpend Join(IEnumerable<ModelSpend> parts) => parts.Aggregate(static (left, right) =>
        left with { Requests = left.Requests + right.Requests, Tokens = left.Tokens + right.Tokens, Cost = left.Cost + right.Cost });

    /// <summary>The dearest first.</summary>
    internal static ModelSpend[] Ranked(IEnumerable<ModelSpend> parts) =>
        [.. parts.OrderByDescending(static part => part.Cost).ThenBy(static part => part.Model, StringComparer.Ordinal)];
}
