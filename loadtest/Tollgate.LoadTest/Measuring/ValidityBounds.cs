using System.Globalization;
using Tollgate.LoadTest.Generator;

namespace Tollgate.LoadTest.Measuring;

/// <summary>When a window's figures say more of the machine than of the peer.</summary>
/// <param name="OtherCpuPercent">Most CPU that others may use, percent of the machine.</param>
/// <param name="Lag">Most that the generator itself may be late, at its 99th percentile.</param>
internal sealed record ValidityBounds(double OtherCpuPercent, TimeSpan Lag)
{
    /// <summary>What a result that is committed is held to.</summary>
    public static ValidityBounds Usual { get; } = new(5, TimeSpan.FromMilliseconds(1));

    // A store takes the cores in bursts, as it merges. What the generator is late by then stands in the gateway's own latencies, as a request's clock runs from when it was due.
    private const int LeewayWithStore = 5;

    /// <summary>Every reason why a window is void, with the value and the bound.</summary>
    /// <param name="otherCpuPercent">What others used.</param>
    /// <param name="figures">What the generator saw.</param>
    /// <param name="hasStore">Whether the peer has a store on this machine.</param>
    public IReadOnlyList<string> Reasons(double otherCpuPercent, WindowFigures figures, bool hasStore)
    {
        var mostLag = hasStore ? LeewayWithStore * Lag : Lag;
        var reasons = new List<string>();
        if (otherCpuPercent > OtherCpuPercent)
        {
            reasons.Add(string.Create(CultureInfo.InvariantCulture, $"others used {otherCpuPercent:F0} % of the machine (bound {OtherCpuPercent:F0} %)"));
        }

        var lag = TimeSpan.FromMicroseconds(Percentiles.Of(figures.Lag).P99);
        if (lag > mostLag)
        {
            reasons.Add(string.Create(CultureInfo.InvariantCulture, $"the generator was late by {lag.TotalMilliseconds:F1} ms at p99 (bound {mostLag.TotalMilliseconds:F1} ms)"));
        }

        return reasons;
    }
}
