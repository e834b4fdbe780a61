using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Spend;

/// <summary>What one line of a report cost on one local day.</summary>
/// <param name="Key">The line's key.</param>
/// <param name="Day">The day.</param>
/// <param name="Cost">What it cost.</param>
public sealed record DaySpend(string Key, DateOnly Day, Nanodollars Cost);
