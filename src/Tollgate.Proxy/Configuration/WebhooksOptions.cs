namespace Tollgate.Proxy.Configuration;

/// <summary>What webhooks may reach.</summary>
public sealed record WebhooksOptions
{
    /// <summary>Private networks that webhooks may reach, such as <c>10.1.0.0/16</c>. Default none: public addresses only.</summary>
    [ItemCount(0, 64)]
    public IReadOnlyList<string> AllowNetworks { get; init; } = [];
}
