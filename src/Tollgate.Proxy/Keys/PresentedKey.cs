using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Tollgate.Proxy.Keys;

/// <summary>Finds the virtual key that a request presents.</summary>
/// <remarks>
/// Order: <c>x-tollgate-key</c>, <c>x-bf-vk</c> (so that a team can come from Bifrost by changing one URL), then <c>x-api-key</c> and the bearer
/// token, the last two only when they begin with <c>tg_</c>: anything else there is the provider's own credential.
/// </remarks>
public static class PresentedKey
{
    /// <summary>Tollgate's own header for a virtual key.</summary>
    public const string TollgateHeader = "x-tollgate-key";

    /// <summary>Bifrost's header for a virtual key.</summary>
    public const string BifrostHeader = "x-bf-vk";

    private const string BearerScheme = "Bearer ";

    /// <summary>The key presented; empty when there is none.</summary>
    public static ReadOnlySpan<char> In(IHeaderDictionary headers)
    {
        if (headers.TryGetValue(TollgateHeader, out var own) && own.Count > 0)
        {
            return Token(own[0]);
        }

        if (headers.TryGetValue(BifrostHeader, out var bifrost) && bifrost.Count > 0)
        {
            return Token(bifrost[0]);
        }

        if (headers.TryGetValue("x-api-key", out var apiKey) && IsVirtual(apiKey))
        {
            return Token(apiKey[0]);
        }

        return IsVirtual(headers.Authorization) ? Token(headers.Authorization[0]) : default;
    }

    /// <summary>Whether some value of a credential header is a virtual key, bare or behind <c>Bearer</c>.</summary>
    public static bool IsVirtual(StringValues values)
    {
        foreach (var value in values)
        {
            if (Token(value).StartsWith(VirtualKeyFormat.Prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private static ReadOnlySpan<char> Token(string? value)
    {
        var token = value.AsSpan().Trim();
        return token.StartsWith(BearerScheme, StringComparison.OrdinalIgnoreCase) ? token[BearerScheme.Length..].Trim() : token;
    }
}
