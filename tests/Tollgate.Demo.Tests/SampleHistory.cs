using Tollgate.Demo.History;
using Tollgate.Proxy.Accounting;

namespace Tollgate.Demo.Tests;

/// <summary>The history of a month that has passed, made once.</summary>
internal static class SampleHistory
{
    private static readonly Lazy<DemoHistory> Made = new(static () => Make());

    /// <summary>A Friday evening.</summary>
    public static DateTimeOffset End { get; } = new(2026, 11, 20, 17, 0, 0, TimeSpan.Zero);

    public static DemoHistory Month => Made.Value;

    public static DemoHistory Make(ulong seed = DemoHistory.DefaultSeed, int days = DemoHistory.DefaultDays) =>
        DemoHistory.Make(seed, End, days, HistoryVerb.GatewayId, PriceList.Embedded);
}
