using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Accounting;

/// <summary>Turns what an attempt used into what it cost.</summary>
/// <remarks>Source: the provider's rules as docs/prices.md tells them. Everything is whole numbers; see <see cref="CostSum"/>.</remarks>
public static class Costing
{
    /// <summary>Settles one attempt.</summary>
    /// <param name="prices">The price list in force.</param>
    /// <param name="request">What was asked, when, and through which region.</param>
    /// <param name="report">What was read of the answer.</param>
    /// <param name="usage">The top-level figures, as <see cref="SettledUsage.From"/> decided them.</param>
    /// <remarks>Hot path: allocates nothing.</remarks>
    public static Costed Settle(PriceList prices, in PricingRequest request, UsageReport report, in SettledUsage usage)
    {
        var served = string.IsNullOrEmpty(report.ServedModel) ? request.RequestedModel ?? string.Empty : report.ServedModel;
        var isFast = report.Speed == "fast";
        var costed = new Costed
        {
            Priced = true,
            PriceRevision = prices.Revision,
            IsFast = isFast,
            IsBatch = report.ServiceTier == "batch" && !isFast, // Fast mode is not sold in batches.
            Model = served,
            FallbackFrom = string.Empty,
        };
        if (usage.Source == UsageSource.None)
        {
            return costed; // Nothing was used, so nothing is unknown about its cost.
        }

        var bill = new Bill(prices, request.At, report.InferenceGeo == "us", IsRegional(prices, request, served), costed.IsBatch);
        var isAmbiguous = false;
        var fallbackFrom = string.Empty;
        if (report.Iterations.Count == 0)
        {
            bill.Add(served, usage.Tokens, isFast);
            isAmbiguous = ServerToolsRan(report) && CrossesBand(prices, request.At, served, isFast, usage.Tokens.Prompt);
            fallbackFrom = DifferentModel(prices, request.RequestedModel, served);
        }
        else
        {
            var iterations = new Iterations(report.Iterations, served);
            served = iterations.ServingModel;
            isAmbiguous = iterations.AddTo(ref bill, prices, request.At, usage, isFast, ServerToolsRan(report));
            fallbackFrom = iterations.HasFallback
                ? iterations.DeclinedModel ?? DifferentModel(prices, request.RequestedModel, served)
                : DifferentModel(prices, request.RequestedModel, served);
        }

        if (report.Tokens.WebSearches > 0)
        {
            bill.AddSearches(served, report.Tokens.WebSearches);
        }

        // A refusal before any output shows its tokens and is not billed.
        var isFree = report.StopReason == "refusal" && !report.ContentSeen;
        var cost = default(Cost);
        var isPriced = isFree || bill.TryTotal(out cost);
        return costed with
        {
            Cost = cost,
            Priced = isPriced,
            BandAmbiguous = isAmbiguous && isPriced && !isFree,
            Tokens = bill.Tokens,
            Model = served,
            FallbackFrom = fallbackFrom,
        };
    }

    private static bool ServerToolsRan(UsageReport report) => report.Tokens.WebSearches > 0 || report.Tokens.WebFetches > 0;

    private static bool CrossesBand(PriceList prices, DateTimeOffset at, string model, bool fast, long prompt) =>
        prices.TryFind(model, out Price price) && price.CrossedThreshold(at, fast, prompt) > 0;

    // The requested name comes first: an answer on Bedrock names the bare model, and the prefix that sets the price is lost.
    private static bool IsRegional(PriceList prices, in PricingRequest request, string served)
    {
        if (prices.TryFind(request.RequestedModel, out NamedPrice asked) && asked.Place != ServingPlace.Unstated)
        {
            return asked.Place == ServingPlace.Regional;
        }

        if (prices.TryFind(served, out NamedPrice named) && named.Place != ServingPlace.Unstated)
        {
            return named.Place == ServingPlace.Regional;
        }

        return !string.IsNullOrEmpty(request.Region) && !request.Region.Equals("global", StringComparison.OrdinalIgnoreCase);
    }

    // An alias and its id are one model; only two known, different models are a change of model.
    private static string DifferentModel(PriceList prices, string? requested, string served) =>
        requested is not null
        && !ReferenceEquals(requested, served)
        && prices.TryFind(requested, out Price asked)
        && prices.TryFind(served, out Price answered)
        && asked != answered
            ? requested
            : string.Empty;
}
