namespace Tollgate.Proxy.Forwarding;

/// <summary>Which credential an upstream is shown.</summary>
/// <param name="InjectedKey">The upstream's configured key; empty lets the client's own credential pass.</param>
/// <remarks>
/// Whatever happens, a virtual key stays here: <c>x-tollgate-key</c> and <c>x-bf-vk</c> are never sent on, and neither is an
/// <c>x-api-key</c> or a bearer token that begins with <c>tg_</c>. With an injected key both of the client's credential headers are dropped.
/// </remarks>
public readonly record struct UpstreamCredential(string InjectedKey)
{
    /// <summary>Whether the client's own credential passes.</summary>
    public bool PassesThrough => InjectedKey.Length == 0;

    /// <summary>Whether the injected key is an OAuth access token, which travels as a bearer token instead of an <c>x-api-key</c>.</summary>
    public bool IsBearer => InjectedKey.StartsWith("sk-ant-oat", StringComparison.Ordinal);

    /// <summary>Never the key itself.</summary>
    public override string ToString() => PassesThrough ? "the client's own" : "the upstream's configured key";
}
