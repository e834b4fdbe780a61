using Tollgate.Control;
using Tollgate.Proxy;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Hosting;

/// <summary>Puts in force what <c>tollgate.json</c> and the control store say together, whichever of the two has changed.</summary>
/// <remarks>The store's reading has the file's objects on top already; upstreams take the provider keys that the store has for them beside their own.</remarks>
internal sealed class Configured
{
    private readonly Lock _applying = new();
    private readonly AdmissionBook _book;
    private readonly GatewayEvents _events;
    private TollgateOptions _file;
    private PriceList _prices;

    /// <summary>Begins with what the file alone says.</summary>
    public Configured(TollgateOptions file, PriceList prices, AdmissionBook book, GatewayEvents events)
    {
        (_file, _prices, _book, _events) = (file, prices, book, events);
        Worlds = new WorldHolder(World.Create(file, prices));
        _book.Apply(file.Budgets, file.Limits);
    }

    /// <summary>What requests see.</summary>
    public WorldHolder Worlds { get; }

    /// <summary>The file was read anew; in force with the next <see cref="ApplyAsync"/>.</summary>
    public void Replace(TollgateOptions file, PriceList prices)
    {
        lock (_applying)
        {
            (_file, _prices) = (file, prices);
        }
    }

    /// <summary>Puts the control store's newest reading in force, with the newest file.</summary>
    public Task ApplyAsync(ControlData data, CancellationToken cancellation)
    {
        lock (_applying)
        {
            var together = data.In(_file) with { Upstreams = WithKeys(_file.Upstreams, data.ProviderKeys) };
            var next = World.Create(together, _prices, Worlds.Current);
            _book.Apply(together.Budgets, together.Limits);
            Worlds.Replace(next);
            _events.WorldReplaced(together.Upstreams.Count, together.Keys.Count);
        }

        return Task.CompletedTask;
    }

    private static Dictionary<string, UpstreamOptions> WithKeys(IReadOnlyDictionary<string, UpstreamOptions> upstreams, IReadOnlyList<ProviderKey> keys) =>
        upstreams.ToDictionary(
            static upstream => upstream.Key,
            upstream => keys.Where(key => key.Upstream == upstream.Key && !key.Disabled).ToArray() is { Length: > 0 } own
                ? upstream.Value with { ApiKeys = [.. upstream.Value.ApiKeys, .. own.Select(static key => new ApiKeyOptions { Key = key.Secret, Weight = key.Weight })] }
                : upstream.Value,
            StringComparer.Ordinal);
}
