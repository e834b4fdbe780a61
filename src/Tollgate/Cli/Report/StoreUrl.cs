using System.Data.Common;
using System.Globalization;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Cli.Report;

/// <summary>A store named on the command line: <c>http://user:password@host:8123</c>.</summary>
internal static class StoreUrl
{
    private const int HttpPort = 8123;
    private const int HttpsPort = 8443;

    /// <summary>The options that reach it, or null when it is no such address. Without a port it is ClickHouse's own.</summary>
    public static StorageOptions? Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url is not { Query: "", Fragment: "", AbsolutePath: "/" })
        {
            return null;
        }

        var port = !url.IsDefaultPort || text.TrimEnd('/').EndsWith(string.Create(CultureInfo.InvariantCulture, $":{url.Port}"), StringComparison.Ordinal) ? url.Port
            : url.Scheme == "https" ? HttpsPort : HttpPort;
        var connection = new DbConnectionStringBuilder { ["Protocol"] = url.Scheme, ["Host"] = url.Host, ["Port"] = port };
        if (url.UserInfo.Split(':', 2) is [{ Length: > 0 } user, .. var password])
        {
            connection["Username"] = Uri.UnescapeDataString(user);
            connection["Password"] = Uri.UnescapeDataString(password is [var secret] ? secret : "");
        }

        return new StorageOptions { Mode = StorageMode.ClickHouse, ConnectionString = connection.ConnectionString };
    }
}
