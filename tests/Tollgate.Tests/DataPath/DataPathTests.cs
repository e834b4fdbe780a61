using Tollgate.Proxy.Configuration;

namespace Tollgate.Tests.DataPath;

/// <summary>Promises of the data path that hold whatever carries its bytes: each class of these runs once over event loops and connections of our own, and once over .NET's.</summary>
public abstract class DataPathTests(ProxyTransport transport)
{
    private protected Task<GatewayInProcess> StartAsync(
        string upstream,
        Func<TollgateOptions, TollgateOptions>? change = null,
        Func<UpstreamOptions, UpstreamOptions>? changeUpstream = null,
        string scheme = "http",
        TimeProvider? time = null) =>
        GatewayInProcess.StartAsync(upstream, change, changeUpstream, scheme, time, transport);
}
