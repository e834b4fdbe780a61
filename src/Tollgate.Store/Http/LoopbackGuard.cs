using System.Net;

namespace Tollgate.Store.Http;

/// <summary>Keeps browsers out: any page a person opens could otherwise send statements to a port on their own machine.</summary>
internal static class LoopbackGuard
{
    /// <summary>Why a request is refused, or null.</summary>
    public static string? Refusal(HttpRequest request)
    {
        if (request.Headers.ContainsKey("Origin"))
        {
            return "tollgate-store does not serve browsers: the request has an Origin header.";
        }

        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site is not ("" or "none" or "same-origin"))
        {
            return $"tollgate-store does not serve browsers: Sec-Fetch-Site is {site}.";
        }

        // A page may reach 127.0.0.1 under a name of its own (DNS rebinding); then Host is that name.
        return IsLoopback(request.Host.Host) ? null : $"tollgate-store answers on loopback only: Host is {request.Host.Host}.";
    }

    /// <summary>Whether a host name or address is this machine's loopback.</summary>
    public static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
