using Tollgate.Testing.Upstream;

namespace Tollgate.Testing.Gateway;

/// <summary>What a reply costs by the provider's price page, reckoned apart from the gateway's price list.</summary>
public static class UpstreamPrice
{
    /// <summary>Dollars of one reply of Opus 4.8: $5, $6.25, $10, $0.50 and $25 per million tokens.</summary>
    public static decimal OfOpus48(TokenFigures figures) =>
        ((figures.Input * 5m) + (figures.CacheWrite5m * 6.25m) + (figures.CacheWrite1h * 10m) + (figures.CacheRead * 0.5m) + (figures.Output * 25m)) / 1_000_000m;
}
