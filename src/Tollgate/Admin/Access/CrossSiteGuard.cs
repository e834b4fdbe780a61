using System.Net;
using System.Security.Cryptography;
using System.Text;
using Tollgate.Admin.Wire;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Admin.Access;

/// <summary>Keeps web pages of others from using the API by way of a browser that may.</summary>
/// <param name="hosts">Names that the listener may be called by, beside loopback's: <c>admin.hosts</c>.</param>
internal sealed class CrossSiteGuard(IReadOnlyList<string> hosts)
{
    /// <summary>Refuses a name that is not ours: a page can point its own name at 127.0.0.1 (DNS rebinding) and then counts as the same site.</summary>
    /// <remarks>Checked on loopback, and everywhere once <c>admin.hosts</c> is given. Nothing else is ever decided by the Host header.</remarks>
    /// <exception cref="ApiException">The name is another (403).</exception>
    public void CheckHost(HttpContext context)
    {
        var local = context.Connection.LocalIpAddress;
        var isLoopback = local is null || IPAddress.IsLoopback(local);
        if (!isLoopback && hosts.Count == 0)
        {
            return;
        }

        var host = context.Request.Host.Host;
        var isOurs = host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && (IPAddress.IsLoopback(address) || address.Equals(local)))
            || hosts.Contains(host, StringComparer.OrdinalIgnoreCase);
        if (!isOurs)
        {
            throw new ApiException(
                StatusCodes.Status403Forbidden,
                ProblemKinds.UnknownHost,
                "Unknown host",
                $"The request is for {ConfigurationPath.Quote(host)}, which is not a name of this listener. Use localhost or 127.0.0.1, or add the name to admin.hosts.");
        }
    }

    /// <summary>Refuses what a page of another site could have had sent: without the session's token in a header, or from another origin.</summary>
    /// <exception cref="ApiException">It might come from another site (403).</exception>
    public static void CheckChange(HttpContext context, Caller caller)
    {
        if (caller.Session is not { } session || HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        var headers = context.Request.Headers;
        var given = headers[Sessions.CsrfHeader].ToString();
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(session.Csrf)))
        {
            throw CrossSite($"The header {Sessions.CsrfHeader} is missing or not this session's. Repeat there what GET /api/me answers as csrf.");
        }

        if (headers.TryGetValue("Sec-Fetch-Site", out var site) && site.ToString() is not ("same-origin" or "none"))
        {
            throw CrossSite("The browser says that another site sends this (Sec-Fetch-Site). Use Tollgate's own page.");
        }

        if (headers.TryGetValue("Origin", out var origin) && !origin.ToString().Equals($"{context.Request.Scheme}://{context.Request.Host}", StringComparison.OrdinalIgnoreCase))
        {
            throw CrossSite("The Origin is not this listener's. Use Tollgate's own page.");
        }
    }

    private static ApiException CrossSite(string detail) => new(StatusCodes.Status403Forbidden, ProblemKinds.CrossSite, "From another site", detail);
}
