using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Spend;

/// <summary>What requests of one name cost, and what the same tokens would have cost at another model's prices.</summary>
/// <param name="Key">The name; empty for what has none.</param>
/// <param name="Requests">Attempts upstream.</param>
/// <param name="LeftOut">Those of them that have no price, of their own or of the other model: in neither sum.</param>
/// <param name="Cost">What the others cost.</param>
/// <param name="FastCost">What of that was served fast; fast rates are not asked of the other model.</param>
/// <param name="WhatIf">What they would have cost.</param>
public sealed record WhatIfLine(string Key, long Requests, long LeftOut, Nanodollars Cost, Nanodollars FastCost, Nanodollars WhatIf)
{
    /// <summary>What would not have been spent; negative when the other model is dearer.</summary>
    public Nanodollars Saving => Cost - WhatIf;
}
