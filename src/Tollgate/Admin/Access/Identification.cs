using System.Security.Cryptography;
using Tollgate.Control;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Keys;

namespace Tollgate.Admin.Access;

/// <summary>Finds who presents a credential.</summary>
/// <remarks>
/// Order: a bearer token or <c>x-api-key</c> (Anthropic's clients), then <c>x-tollgate-key</c>, then the session's cookie. Nothing is found by a hash, and each
/// comparison takes as long for a wrong credential as for a right one.
/// </remarks>
/// <param name="store">Where tokens, keys, people and sessions are.</param>
/// <param name="sessions">Reads the cookie.</param>
/// <param name="configuredToken">The token of <c>admin.token</c>, or the one made at start.</param>
/// <param name="time">The clock.</param>
internal sealed class Identification(IControlStore store, Sessions sessions, string configuredToken, TimeProvider time)
{
    /// <summary>The id under which the configured token acts.</summary>
    public const string ConfiguredTokenId = "admin.token";

    // What a credential is held to when there is none of its id; nothing has this hash.
    private const string NoHash = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

    private readonly byte[] _configured = AdminTokenFormat.Hash(configuredToken);

    /// <summary>Whether the request presents a token or a key, right or wrong.</summary>
    /// <remarks>A cookie does not count: it ends by itself, and a page that goes on asking must not shut its address out.</remarks>
    public static bool Presents(HttpContext context) => Presented(context.Request) is not null;

    /// <summary>Who presents it; null when it is none, unknown, expired or disabled.</summary>
    public async Task<Caller?> FindAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var address = context.Connection.RemoteIpAddress?.ToString() ?? string.Empty;
        if (Presented(context.Request) is not { } presented)
        {
            return await sessions.FindAsync(context.Request, address, cancellation);
        }

        if (presented.Length > 512)
        {
            return null;
        }

        if (presented.StartsWith(VirtualKeyFormat.Prefix, StringComparison.Ordinal))
        {
            return await FindKeyAsync(presented, address, cancellation);
        }

        if (CryptographicOperations.FixedTimeEquals(AdminTokenFormat.Hash(presented), _configured))
        {
            return new Caller(ConfiguredTokenId, ActorKinds.Token, Role.Administrator, string.Empty, string.Empty, string.Empty, address);
        }

        return AdminTokenFormat.TryParse(presented, out var id) ? await FindTokenAsync(id, presented, address, cancellation) : null;
    }

    private async Task<Caller?> FindTokenAsync(string id, string presented, string address, CancellationToken cancellation)
    {
        var token = (await store.FindAsync<AdminToken>(id, cancellation))?.Value;
        return AdminTokenFormat.Proves(presented, token?.Hash ?? NoHash) && !token!.Disabled && !HasEnded(token.ExpiresAt)
            ? new Caller(token.Id, ActorKinds.Token, token.Role, token.Customer, token.Team, string.Empty, address)
            : null;
    }

    private async Task<Caller?> FindKeyAsync(string presented, string address, CancellationToken cancellation)
    {
        if (!VirtualKeyFormat.TryParse(presented, out var id))
        {
            return null;
        }

        var key = (await store.FindAsync<KeyOptions>(id.ToString(), cancellation))?.Value;
        var isCurrent = AdminTokenFormat.Proves(presented, key?.Hash ?? NoHash);
        var isPrevious = AdminTokenFormat.Proves(presented, key is { PreviousHash.Length: > 0, PreviousHashExpiresAt: { } end } && end > time.GetUtcNow() ? key.PreviousHash : NoHash);
        return (isCurrent || isPrevious) && !key!.Disabled && !HasEnded(key.ExpiresAt)
            ? new Caller(key.Id, ActorKinds.Key, Role.Developer, key.Customer, key.Team, key.Developer, address) { Key = key }
            : null;
    }

    private bool HasEnded(DateTimeOffset? at) => at <= time.GetUtcNow();

    private static string? Presented(HttpRequest request)
    {
        const string bearer = "Bearer ";
        var authorization = request.Headers.Authorization;
        if (authorization.Count > 0)
        {
            var text = authorization.ToString();
            return text.StartsWith(bearer, StringComparison.OrdinalIgnoreCase) ? text[bearer.Length..].Trim() : string.Empty;
        }

        if (request.Headers.TryGetValue("x-api-key", out var apiKey))
        {
            return apiKey.ToString().Trim();
        }

        return request.Headers.TryGetValue(PresentedKey.TollgateHeader, out var key) ? key.ToString().Trim() : null;
    }
}
