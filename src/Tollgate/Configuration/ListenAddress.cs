using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Tollgate.Configuration;

/// <summary>What is spoken on a listener.</summary>
public enum ListenScheme
{
    /// <summary>HTTP/1.1.</summary>
    Http,

    /// <summary>HTTP/1.1 and HTTP/2 over TLS.</summary>
    Https,

    /// <summary>HTTP/2 without TLS.</summary>
    H2c,
}

/// <summary>An address to listen on, as <c>http://127.0.0.1:8080</c>; or a socket that a service manager hands over, as <c>http://fd:proxy</c>.</summary>
/// <param name="Scheme">What is spoken there.</param>
/// <param name="Address">The interface; null for <c>localhost</c>, which is the loopback of IPv4 and of IPv6.</param>
/// <param name="Port">The port; 0 lets the system choose.</param>
/// <param name="SocketName">The name of the socket handed over, which has an address of its own; null when there is an address here.</param>
public sealed partial record ListenAddress(ListenScheme Scheme, IPAddress? Address, int Port, string? SocketName = null)
{
    private const string SocketPrefix = "fd:";

    /// <summary>What a right one looks like, for messages.</summary>
    public const string Example = "http://127.0.0.1:8080";

    /// <summary>Whether only this machine can reach it. A socket handed over may lead anywhere, so it counts as reachable.</summary>
    public bool IsLoopback => SocketName is null && (Address is null || IPAddress.IsLoopback(Address));

    /// <summary>Reads an address; or false with what is wrong, to follow the value.</summary>
    public static bool TryParse(string text, out ListenAddress? address, out string problem)
    {
        address = null;
        var schemeEnd = text.IndexOf("://", StringComparison.Ordinal);
        ListenScheme? scheme = schemeEnd < 0 ? null : text[..schemeEnd] switch
        {
            "http" => ListenScheme.Http,
            "https" => ListenScheme.Https,
            "h2c" => ListenScheme.H2c,
            _ => null,
        };
        if (scheme is null)
        {
            problem = $"must begin with http://, https:// or h2c://, such as {Example}";
            return false;
        }

        var authority = text[(schemeEnd + 3)..];
        authority = authority.EndsWith('/') ? authority[..^1] : authority;
        if (authority.StartsWith(SocketPrefix, StringComparison.Ordinal))
        {
            return TryParseSocket(scheme.Value, authority[SocketPrefix.Length..], out address, out problem);
        }

        var colon = authority.LastIndexOf(':');
        if (colon < 0
            || authority.EndsWith(']')
            || !int.TryParse(authority[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port > IPEndPoint.MaxPort)
        {
            problem = $"must end with a port of 0 to 65535 and nothing after it, such as {Example}";
            return false;
        }

        var host = authority[..colon];
        IPAddress? ip = null;
        if (host is "*" or "+")
        {
            ip = IPAddress.IPv6Any;
        }
        else if (!host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            && !((host.StartsWith('[') && host.EndsWith(']')) == host.Contains(':') && IPAddress.TryParse(host, out ip)))
        {
            problem = $"must name an IP address (IPv6 in brackets), localhost, or * for every interface, such as {Example}";
            return false;
        }

        problem = string.Empty;
        address = new ListenAddress(scheme.Value, ip, port);
        return true;
    }

    /// <summary>Whether the two can't be listened on together.</summary>
    public bool ClashesWith(ListenAddress other)
    {
        if (SocketName is not null || other.SocketName is not null)
        {
            return SocketName == other.SocketName;
        }

        if (Port != other.Port || Port == 0)
        {
            return false;
        }

        return Covers(this, other) || Covers(other, this);

        // IPv6Any also takes IPv4: Kestrel listens on both through one socket.
        static bool Covers(ListenAddress wide, ListenAddress narrow) =>
            Equals(wide.Address, narrow.Address)
            || IPAddress.IPv6Any.Equals(wide.Address)
            || (IPAddress.Any.Equals(wide.Address) && narrow.Address?.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6)
            || (wide.Address is null && narrow.IsLoopback);
    }

    private static bool TryParseSocket(ListenScheme scheme, string name, out ListenAddress? address, out string problem)
    {
        address = null;
        if (!IsSocketName.IsMatch(name))
        {
            problem = "must name the socket after fd: with 1 to 255 letters, digits, dots, hyphens, underscores and @, starting with a letter, such as http://fd:proxy";
            return false;
        }

        problem = string.Empty;
        address = new ListenAddress(scheme, null, 0, name);
        return true;
    }

    // Part of what systemd's FileDescriptorName= allows; a letter first, so that no port is taken for a name.
    [GeneratedRegex(@"^[a-zA-Z][a-zA-Z0-9._@-]{0,254}\z")]
    private static partial Regex IsSocketName { get; }
}
