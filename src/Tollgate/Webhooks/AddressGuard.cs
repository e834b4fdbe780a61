using System.Net;
using System.Net.Sockets;

namespace Tollgate.Webhooks;

/// <summary>Says which addresses a webhook may reach: the public ones, and what the configuration names.</summary>
/// <remarks>
/// A webhook's address comes from whoever may edit webhooks, and the gateway stands where they may not: so nothing of its own machine or network, and
/// no cloud's metadata service, whatever way the address is written or resolved.
/// </remarks>
/// <param name="allowed">Private networks that may be reached all the same.</param>
internal sealed class AddressGuard(IReadOnlyList<IPNetwork> allowed)
{
    // Source: IANA's special-purpose address registries (IPv4 and IPv6), what is not globally reachable; multicast; and prefixes that carry an IPv4
    // address within, which are judged by it: 6to4, NAT64, Teredo.
    private static readonly IPNetwork[] NotPublic =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
        }.Select(IPNetwork.Parse),
    ];

    private static readonly IPNetwork Compatible = IPNetwork.Parse("::/96");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");

    /// <summary>Whether a connection to this address may be made.</summary>
    public bool Allows(IPAddress address)
    {
        var plain = Plain(address);
        return Contains(allowed, plain) || !(Contains(NotPublic, plain) || Contains(NotPublic, address));
    }

    /// <summary>The IPv4 address that an IPv6 one carries, or the address itself.</summary>
    private static IPAddress Plain(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return address;
        }

        var bytes = address.GetAddressBytes();
        return address switch
        {
            { IsIPv4MappedToIPv6: true } => address.MapToIPv4(),
            _ when Nat64.Contains(address) || Compatible.Contains(address) => new IPAddress(bytes.AsSpan(12, 4)),
            _ when SixToFour.Contains(address) => new IPAddress(bytes.AsSpan(2, 4)),
            _ => address,
        };
    }

    private static bool Contains(IReadOnlyList<IPNetwork> networks, IPAddress address)
    {
        foreach (var network in networks)
        {
            if (network.Contains(address))
            {
                return true;
            }
        }

        return false;
    }
}
