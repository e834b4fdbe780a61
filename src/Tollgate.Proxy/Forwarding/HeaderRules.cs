using System.Buffers;
using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Tollgate.Proxy.Forwarding;

/// <summary>Which headers pass, in either direction: all of them but those that belong to one connection, and the credentials that stay here.</summary>
/// <remarks>
/// Source: RFC 9110 §7.6.1: a proxy removes <c>Connection</c>, every field that it names, and the connection's own fields.
/// Framing (<c>Content-Length</c>, <c>Transfer-Encoding</c>) is written anew by whoever writes the message, from what it knows of the body.
/// </remarks>
public static class HeaderRules
{
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    // Headers that carry labels for the ledger are read here and not sent on; Bifrost's spellings too.
    private static readonly string[] LabelPrefixes = ["x-tg-dim-", "x-bf-dim-", "x-bf-prom-"];

    private static readonly FrozenSet<string> OfOneConnection = new[]
    {
        "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    // Expect is answered by Tollgate itself when it begins to read the body; Host is the upstream's own name.
    private static readonly FrozenSet<string> RequestOnly = new[]
    {
        "Host", "Expect", "Content-Length", Keys.PresentedKey.TollgateHeader, Keys.PresentedKey.BifrostHeader,
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Gives <paramref name="sink"/> what the upstream shall see of the client's headers, and the credential.</summary>
    public static void CopyRequest<TSink>(IHeaderDictionary headers, UpstreamCredential credential, ref TSink sink)
        where TSink : struct, IHeaderSink, allows ref struct
    {
        var nominated = headers.Connection;
        foreach (var (name, values) in headers)
        {
            // HTTP/2's pseudo-headers reach us as ":method" and the like.
            if (name.StartsWith(':') || OfOneConnection.Contains(name) || RequestOnly.Contains(name) || TryReadLabelName(name, out _) || IsNominated(nominated, name))
            {
                continue;
            }

            if (IsCredential(name) && (!credential.PassesThrough || Keys.PresentedKey.IsVirtual(values)))
            {
                continue;
            }

            sink.Add(name, values);
        }

        if (!credential.PassesThrough)
        {
            if (credential.IsBearer)
            {
                sink.Add("Authorization", "Bearer " + credential.InjectedKey);
            }
            else
            {
                sink.Add("x-api-key", credential.InjectedKey);
            }
        }
    }

    /// <summary>The header that says whether the provider, or Tollgate in its place, goes on serving.</summary>
    public const string UnifiedLimitStatus = UnifiedLimitPrefix + "status";

    private const string UnifiedLimitPrefix = "anthropic-ratelimit-unified-";

    /// <summary>Whether an answer's header tells of a limit on spend or use as a whole.</summary>
    public static bool IsUnifiedLimit(string name) => name.StartsWith(UnifiedLimitPrefix, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether an answer's header passes to the client. <paramref name="connection"/> is the answer's own <c>Connection</c> header.</summary>
    public static bool PassesToClient(string name, StringValues connection) =>
        !OfOneConnection.Contains(name) && !IsNominated(connection, name);

    /// <summary>Whether some header holds what can't be relayed as it is: a control character, or a name that is no token.</summary>
    public static bool TryFindMalformed(IHeaderDictionary headers, out string name)
    {
        foreach (var (candidate, values) in headers)
        {
            if (!candidate.StartsWith(':') && !IsToken(candidate))
            {
                name = candidate;
                return true;
            }

            foreach (var value in values)
            {
                if (HasControl(value))
                {
                    name = candidate;
                    return true;
                }
            }
        }

        name = string.Empty;
        return false;

        static bool HasControl(ReadOnlySpan<char> value)
        {
            for (var at = value.IndexOfAnyInRange('\0', '\u001f'); at >= 0; at = value.IndexOfAnyInRange('\0', '\u001f'))
            {
                if (value[at] != '\t')
                {
                    return true;
                }

                value = value[(at + 1)..];
            }

            return value.Contains('\u007f');
        }

        // RFC 9110 §5.6.2, tchar.
        static bool IsToken(ReadOnlySpan<char> text) => !text.IsEmpty && !text.ContainsAnyExcept(TokenCharacters);
    }

    private static bool IsCredential(string name) =>
        name.Equals("x-api-key", StringComparison.OrdinalIgnoreCase) || name.Equals("Authorization", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a header carries a label, and the label's name if it does.</summary>
    public static bool TryReadLabelName(string header, out ReadOnlySpan<char> label)
    {
        if (header.Length > 2 && (header[0] | 0x20) == 'x' && header[1] == '-')
        {
            foreach (var prefix in LabelPrefixes)
            {
                if (header.Length > prefix.Length && header.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
                {
                    label = header.AsSpan(prefix.Length);
                    return true;
                }
            }
        }

        label = default;
        return false;
    }

    private static bool IsNominated(StringValues connection, string name)
    {
        foreach (var value in connection)
        {
            var options = value.AsSpan();
            foreach (var range in options.Split(','))
            {
                if (options[range].Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
