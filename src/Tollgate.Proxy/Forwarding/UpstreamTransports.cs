using System.Net;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Forwarding.Http1;

namespace Tollgate.Proxy.Forwarding;

/// <summary>Chooses what carries requests to an upstream.</summary>
public static class UpstreamTransports
{
    /// <summary>
    /// Connections of our own for HTTP/1.1 where the options choose them; .NET's client else, always for HTTP/2, and where the environment (<c>HTTPS_PROXY</c>, <c>HTTP_PROXY</c>, <c>ALL_PROXY</c>, <c>NO_PROXY</c>) names
    /// a proxy for the upstream's address; never for this host's own.
    /// </summary>
#pragma warning disable RS0030 // Not to send anything with: it is where .NET has what the environment says of proxies.
    public static IUpstreamTransport For(UpstreamOptions options) => For(options, HttpClient.DefaultProxy);
#pragma warning restore RS0030

    /// <summary>As above, with <paramref name="environment"/> in place of the environment.</summary>
    internal static IUpstreamTransport For(UpstreamOptions options, IWebProxy environment)
    {
        var address = new Uri(options.BaseUrl, UriKind.Absolute);
        var isProxied = !address.IsLoopback && !environment.IsBypassed(address) && environment.GetProxy(address) is { } proxy && proxy != address;
        return isProxied ? new SocketsHttpTransport(options, environment)
            : options.HttpVersion == "2" || options.Transport == UpstreamTransport.Client ? new SocketsHttpTransport(options)
            : new Http1Transport(options);
    }
}
