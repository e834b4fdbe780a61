using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Rollup;

/// <summary>What one refresh of the rollup did.</summary>
/// <param name="Slots">Slots computed anew.</param>
/// <param name="OldestSlot">The oldest of them; null when there was nothing to do.</param>
/// <param name="IsFirst">Every slot of the store was looked at, not only those that got rows since the refresh before.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record RollupReport(int Slots, DateTimeOffset? OldestSlot, bool IsFirst, TimeSpan Elapsed);

/// <summary>One day of a rebuild, done.</summary>
/// <param name="From">The first slot rebuilt of the day.</param>
/// <param name="To">Where the rebuild of the day ends.</param>
/// <param name="Attempts">Attempts the rollup now has there.</param>
/// <param name="Cost">Money the rollup now has there.</param>
/// <param name="MinutesTo">Before which minute <c>usage_1m</c> was rebuilt; at or before <paramref name="From"/> when none was.</param>
/// <param name="Sessions">Sessions rebuilt.</param>
/// <param name="BusySessions">Sessions left as they are because rows came for them a moment ago.</param>
/// <param name="IsSettled">False when rows came in so fast that <c>usage_1m</c> or some session still differs from the ledger; rebuild once more.</param>
public sealed record RebuiltDay(
    DateTimeOffset From, DateTimeOffset To, long Attempts, Nanodollars Cost, DateTimeOffset MinutesTo, int Sessions, int BusySessions, bool IsSettled);

/// <summary>What a rebuild did.</summary>
/// <param name="From">The first slot, at or before the time asked for.</param>
/// <param name="To">The end, at or after the time asked for.</param>
/// <param name="Days">Its days, in order.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record RebuildReport(DateTimeOffset From, DateTimeOffset To, IReadOnlyList<RebuiltDay> Days, TimeSpan Elapsed);
