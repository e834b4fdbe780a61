using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Metrics;

/// <summary>One of the dearest sessions.</summary>
/// <param name="SessionId">The client's word for it.</param>
/// <param name="KeyId">The virtual key it was under; empty without one.</param>
/// <param name="KeyName">The key's name.</param>
/// <param name="Team">The key's team.</param>
/// <param name="Customer">The key's customer.</param>
/// <param name="Spent">What it spent in the window.</param>
public readonly record struct DearSession(string SessionId, string KeyId, string KeyName, string Team, string Customer, Nanodollars Spent);
