using System.Buffers;
using System.Text;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>Turns bytes of heads into strings, without a new one where the text is known.</summary>
internal static class HeadText
{
    /// <summary>RFC 9110 §5.6.2, tchar.</summary>
    public static readonly SearchValues<byte> Token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>RFC 9110 §5.5: what no field value and no reason phrase may hold. Text beyond ASCII (obs-text) passes.</summary>
    public static readonly SearchValues<byte> Forbidden = SearchValues.Create(
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127]);

    // Names and values as Anthropic's API and what commonly stands before it send them. By length: one bucket holds a handful of candidates.
    private static readonly string[][] ByLength = Bucketed(
        "Age", "Date", "Etag", "ETag", "Vary", "Allow", "Server", "Expires", "Location", "Connection", "Keep-Alive", "Set-Cookie", "Retry-After", "Content-Type",
        "Cache-Control", "Last-Modified", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Www-Authenticate", "WWW-Authenticate",
        "date", "etag", "vary", "allow", "server", "expires", "location", "connection", "keep-alive", "set-cookie", "retry-after", "content-type", "cache-control",
        "last-modified", "content-length", "content-encoding", "transfer-encoding", "www-authenticate", "via", "Via", "CF-RAY", "cf-ray", "cf-cache-status",
        "CF-Cache-Status", "request-id", "Request-Id", "x-request-id", "X-Request-Id", "x-should-retry", "x-robots-tag", "X-Robots-Tag", "alt-svc", "Alt-Svc",
        "strict-transport-security", "Strict-Transport-Security", "content-security-policy", "Content-Security-Policy", "server-timing", "anthropic-organization-id",
        "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset",
        "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset",
        "anthropic-ratelimit-input-tokens-limit", "anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset",
        "anthropic-ratelimit-output-tokens-limit", "anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset",
        "anthropic-ratelimit-unified-status", "anthropic-ratelimit-unified-reset", "anthropic-ratelimit-unified-5h-status", "anthropic-ratelimit-unified-5h-reset",
        "anthropic-ratelimit-unified-5h-utilization", "anthropic-ratelimit-unified-7d-status", "anthropic-ratelimit-unified-7d-reset",
        "anthropic-ratelimit-unified-7d-utilization", "anthropic-ratelimit-unified-fallback-percentage", "anthropic-ratelimit-unified-representative-claim",
        "anthropic-ratelimit-unified-overage-status", "anthropic-ratelimit-unified-overage-disabled-reason",
        "OK", "Bad Request", "Unauthorized", "Forbidden", "Not Found", "Too Many Requests", "Internal Server Error", "Bad Gateway", "Service Unavailable",
        "chunked", "close", "gzip", "br", "zstd", "deflate", "none", "true", "false", "no-cache", "no-store", "cloudflare", "allowed", "DYNAMIC",
        "application/json", "application/json; charset=utf-8", "text/event-stream", "text/event-stream; charset=utf-8", "text/plain", "text/html");

    /// <summary>The text of <paramref name="bytes"/>, which are Latin-1: the same string every time where it is a common one.</summary>
    public static string Of(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return string.Empty;
        }

        if (bytes.Length < ByLength.Length)
        {
            foreach (var known in ByLength[bytes.Length])
            {
                if (Equals(bytes, known))
                {
                    return known;
                }
            }
        }

        return Encoding.Latin1.GetString(bytes);
    }

    /// <summary>Whether <paramref name="bytes"/> are <paramref name="text"/>, as Latin-1.</summary>
    public static bool Equals(ReadOnlySpan<byte> bytes, string text)
    {
        // Ascii.Equals is false where either side leaves ASCII; then the text is simply made anew.
        return bytes.Length == text.Length && Ascii.Equals(bytes, text);
    }

    /// <summary>Whether <paramref name="bytes"/> are <paramref name="text"/>, whatever the case of ASCII letters.</summary>
    public static bool EqualsIgnoreCase(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> text) => Ascii.EqualsIgnoreCase(bytes, text);

    /// <summary>Without the spaces and tabs around it.</summary>
    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> bytes) => bytes.Trim(" \t"u8);

    private static string[][] Bucketed(params ReadOnlySpan<string> texts)
    {
        var longest = 0;
        foreach (var text in texts)
        {
            longest = Math.Max(longest, text.Length);
        }

        var buckets = new string[longest + 1][];
        Array.Fill(buckets, []);
        foreach (var text in texts)
        {
            buckets[text.Length] = [.. buckets[text.Length], text];
        }

        return buckets;
    }
}
