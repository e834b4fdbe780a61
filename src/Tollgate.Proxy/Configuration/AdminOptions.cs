namespace Tollgate.Proxy.Configuration;

/// <summary>The listener for operators: metrics and health.</summary>
public sealed record AdminOptions
{
    /// <summary>Addresses to listen on, or <c>http://fd:NAME</c> for a socket that is handed over. Default <c>http://127.0.0.1:8081</c>.</summary>
    [NeedsRestart]
    [ItemCount(1, 64)]
    public IReadOnlyList<string> Listen { get; init; } = ["http://127.0.0.1:8081"];
}
