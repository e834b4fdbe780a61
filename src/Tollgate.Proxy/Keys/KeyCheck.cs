using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Http;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Keys;

/// <summary>What a key that was proved may do: when, from where, which paths, which models.</summary>
public static class KeyCheck
{
    /// <summary>Why a request with this key is refused before its body is looked at; null when it is not.</summary>
    /// <param name="key">The key.</param>
    /// <param name="path">The upstream's path that is asked for, without the query.</param>
    /// <param name="client">The client's address; null when there is none.</param>
    /// <param name="now">The time.</param>
    public static Refusal? Check(VirtualKey key, ReadOnlySpan<char> path, IPAddress? client, DateTimeOffset now)
    {
        if (key.Disabled)
        {
            return Unauthorized($"The virtual key \"{key.Id}\" is disabled. Ask whoever issued it.");
        }

        if (key.ExpiresAt <= now)
        {
            return Unauthorized(string.Create(CultureInfo.InvariantCulture, $"The virtual key \"{key.Id}\" expired on {key.ExpiresAt:yyyy-MM-dd HH:mm} UTC. Ask whoever issued it for a new one."));
        }

        if (key.SourceNetworks.Count > 0 && !IsInside(key.SourceNetworks, client))
        {
            return Forbidden($"The virtual key \"{key.Id}\" can't be used from {client?.ToString() ?? "this address"}; its networks are {string.Join(", ", key.SourceNetworks)}.");
        }

        return key.Paths.Allow(path) ? null : Forbidden($"The virtual key \"{key.Id}\" can't ask for {path}; its paths are {key.Paths}.");
    }

    /// <summary>Why a request for this model is refused; null when it is not.</summary>
    public static Refusal? CheckModel(VirtualKey key, string model) =>
        key.Models.Allow(model) ? null : Forbidden($"The virtual key \"{key.Id}\" can't ask for the model \"{model}\"; its models are {key.Models}.");

    /// <summary>The refusal of a request whose models can't be seen, to a key that is held to some.</summary>
    public static Refusal UnmeteredForbidden(VirtualKey key) => Forbidden(
        $"The virtual key \"{key.Id}\" can ask only for the models {key.Models}, and which ones this request asks for can't be seen. Send single messages instead.");

    private static bool IsInside(IReadOnlyList<IPNetwork> networks, IPAddress? client)
    {
        if (client is null)
        {
            return false;
        }

        var address = client.IsIPv4MappedToIPv6 ? client.MapToIPv4() : client;
        foreach (var network in networks)
        {
            if (network.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    private static Refusal Unauthorized(string message) => new(StatusCodes.Status401Unauthorized, RefusalReason.KeyInvalid, "authentication_error", message);

    private static Refusal Forbidden(string message) => new(StatusCodes.Status403Forbidden, RefusalReason.KeyNotAllowed, "permission_error", message);
}
