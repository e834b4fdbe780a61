using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Ingress;
using Tollgate.Proxy.Keys;

namespace Tollgate.Proxy;

/// <summary>Everything configured that one request sees. Immutable: a request that began in one world ends in it.</summary>
/// <remarks>What is counted (rows, metrics) is not here and outlives every world.</remarks>
public sealed class World
{
    private World(TollgateOptions options, PriceList prices, IReadOnlyDictionary<string, Upstream> upstreams)
    {
        Options = options;
        Prices = prices;
        Upstreams = upstreams;
        Routes = new RouteTable<Upstream>(upstreams);
        Keys = new KeyRing(options.Keys, options.Teams);
        BrowserGuard = new BrowserGuard(options.Proxy);
        Limits = new ForwardLimits(options.Proxy.FirstByteTimeout, options.Proxy.UpstreamIdleTimeout, options.Proxy.ClientStallTimeout);
    }

    /// <summary>What was configured.</summary>
    public TollgateOptions Options { get; }

    /// <summary>The providers, by name.</summary>
    public IReadOnlyDictionary<string, Upstream> Upstreams { get; }

    /// <summary>Where requests go.</summary>
    public RouteTable<Upstream> Routes { get; }

    /// <summary>Who may ask.</summary>
    public KeyRing Keys { get; }

    /// <summary>What models cost.</summary>
    public PriceList Prices { get; }

    /// <summary>What keeps web pages out.</summary>
    public BrowserGuard BrowserGuard { get; }

    /// <summary>How long each side may take.</summary>
    public ForwardLimits Limits { get; }

    /// <summary>Makes the world that <paramref name="options"/> describe, keeping the connections of upstreams that did not change.</summary>
    /// <param name="options">Validated options.</param>
    /// <param name="prices">The price list that they name.</param>
    /// <param name="previous">The world to be replaced; null at the start.</param>
    public static World Create(TollgateOptions options, PriceList prices, World? previous = null)
    {
        var upstreams = options.Upstreams.ToDictionary(
            static configured => configured.Key,
            configured => new Upstream(
                configured.Key,
                configured.Value,
                previous?.Upstreams.GetValueOrDefault(configured.Key) is { } same && WithoutKeys(same.Options) == WithoutKeys(configured.Value)
                    ? same.Transport
                    : UpstreamTransports.For(configured.Value)),
            StringComparer.Ordinal);
        return new World(options, prices, upstreams);

        // Lists are equal only to themselves, and keys are no reason to connect anew.
        static UpstreamOptions WithoutKeys(UpstreamOptions options) => options with { ApiKey = string.Empty, ApiKeys = [] };
    }
}

/// <summary>The one place that says which world is now. Replacing it is one write; nobody waits.</summary>
public sealed class WorldHolder(World first)
{
    private volatile World _current = first;

    /// <summary>The world for a request that begins now.</summary>
    public World Current => _current;

    /// <summary>Puts <paramref name="next"/> in force for requests that begin after this.</summary>
    public void Replace(World next) => _current = next;
}
