using System.Text;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Tests.Accounting;

/// <summary>Answers to be priced, in few words.</summary>
internal static class Given
{
    public static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    public static ReportedTokens Reported(long input = 0, long write5m = 0, long write1h = 0, long read = 0, long output = 0) => new()
    {
        Input = input,
        CacheWrite = write5m + write1h,
        CacheWrite5m = write5m,
        CacheWrite1h = write1h,
        CacheRead = read,
        Output = output,
    };

    /// <summary>The k-th answer of the recorded sessions that three tools were reconciled on.</summary>
    public static ReportedTokens Reply(int k) => Reported(1000 + k, 2000 + (10 * k), 4000 + (100 * k), 8000 + (1000 * k), 500 + k);

    public static UsageReport Answer(string? model, ReportedTokens tokens) => new()
    {
        ServedModel = model,
        Tokens = tokens,
        MessageStarted = true,
        FinalUsageSeen = true,
        MessageStopped = true,
        ContentSeen = true,
        StopReason = "end_turn",
    };

    public static Costed Settle(UsageReport report, DateTimeOffset? at = null, string? requested = null, string region = "", PriceList? prices = null)
    {
        var usage = SettledUsage.From(report, ForwardOutcome.Completed, 200, Operation.Messages, 4000, requestFullySent: true);
        return Costing.Settle(prices ?? PriceList.Embedded, new PricingRequest(requested, at ?? Now, region), report, usage);
    }

    public static decimal Dollars(UsageReport report, DateTimeOffset? at = null)
    {
        var costed = Settle(report, at);
        Assert.True(costed.Priced);
        return costed.Cost.Total.ToDollars();
    }

    public static Stream File(string json) => new MemoryStream(Encoding.UTF8.GetBytes(json));
}
