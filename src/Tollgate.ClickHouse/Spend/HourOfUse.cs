namespace Tollgate.ClickHouse.Spend;

/// <summary>What was used of one model within one hour of UTC; what is on the very stroke of the hour is told apart.</summary>
/// <param name="First">The first use.</param>
/// <param name="Last">The last one.</param>
/// <param name="Spend">What was used.</param>
internal sealed record HourOfUse(DateTimeOffset First, DateTimeOffset Last, ModelSpend Spend);
