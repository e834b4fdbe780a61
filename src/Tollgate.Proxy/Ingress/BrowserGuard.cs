using System.Collections.Frozen;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Ingress;

/// <summary>Keeps web pages from spending through a gateway that puts a key of its own into whatever arrives.</summary>
/// <remarks>
/// A page in the developer's browser can reach loopback. It can't know a virtual key or a provider's key, so the guard stands only before
/// requests that need neither. It refuses what a browser can't avoid sending and a command-line client never sends: <c>Origin</c>, a
/// <c>Sec-Fetch-Site</c> other than <c>none</c>, a host name that DNS rebinding would need, and the content types of plain forms.
/// </remarks>
public sealed class BrowserGuard
{
    private readonly FrozenSet<string> _hosts;

    /// <summary>Allows the hosts that <paramref name="proxy"/> listens on or names.</summary>
    public BrowserGuard(ProxyOptions proxy)
    {
        _hosts = proxy.Listen
            .Select(static listen => Uri.TryCreate(listen, UriKind.Absolute, out var uri) ? uri.Host : string.Empty)
            .Concat(proxy.AllowedHosts)
            .Where(static host => host.Length > 0)
            .ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The refusal this request earns; null when nothing speaks against it.</summary>
    public Refusal? Check(HttpRequest request)
    {
        var headers = request.Headers;
        if (headers.Origin.Count > 0)
        {
            return Refuse(StatusCodes.Status403Forbidden, "permission_error", "it has an Origin header, which only web pages send");
        }

        if (headers.TryGetValue("Sec-Fetch-Site", out var site) && site != "none")
        {
            return Refuse(StatusCodes.Status403Forbidden, "permission_error", "its Sec-Fetch-Site header says that a web page sent it");
        }

        var host = request.Host.Host;
        if (!IsLoopback(host) && !_hosts.Contains(host))
        {
            return Refuse(
                StatusCodes.Status403Forbidden,
                "permission_error",
                $"its Host is \"{host}\", which is neither loopback nor an address listened on; add it to proxy.allowedHosts if it is right");
        }

        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || IsJson(request.ContentType))
        {
            return null;
        }

        return Refuse(
            StatusCodes.Status415UnsupportedMediaType,
            "invalid_request_error",
            $"its Content-Type is \"{request.ContentType}\", and only application/json is taken without a key");
    }

    private static Refusal Refuse(int status, string errorType, string what) => new(
        status,
        RefusalReason.WebPage,
        errorType,
        $"Tollgate puts its own key into requests for this upstream, and refused this one because {what}. A virtual key lifts the check.");

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.AsSpan().Trim("[]"), out var address) && IPAddress.IsLoopback(address));

    private static bool IsJson(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var parsed) && parsed.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase);
}
