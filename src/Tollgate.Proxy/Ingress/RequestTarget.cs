using System.Buffers;
using System.Globalization;

namespace Tollgate.Proxy.Ingress;

/// <summary>Reads a request's target as it came, before any server decoded it, so that the upstream gets the very bytes.</summary>
internal static class RequestTarget
{
    // What a path may hold: visible ASCII without the characters that a server may read as another (\ as /) or that end a path.
    private static readonly SearchValues<char> Unsafe = SearchValues.Create(ControlCharacters() + " \\#\"<>^`{|}\u007f");

    /// <summary>The path and query of <paramref name="rawTarget"/>: itself in origin form, what follows the authority in absolute form.</summary>
    public static ReadOnlySpan<char> PathAndQuery(string rawTarget)
    {
        if (rawTarget.StartsWith('/'))
        {
            return rawTarget;
        }

        var scheme = rawTarget.IndexOf("://", StringComparison.Ordinal);
        var slash = scheme < 0 ? -1 : rawTarget.IndexOf('/', scheme + 3);
        return slash < 0 ? default : rawTarget.AsSpan(slash);
    }

    /// <summary>
    /// Whether <paramref name="path"/> means the same to every server: no dot segments, plain or escaped, no empty ones but the last, no escape of a
    /// character that needs none, and no odd characters.
    /// </summary>
    public static bool IsUnambiguous(ReadOnlySpan<char> path)
    {
        if (path.ContainsAny(Unsafe) || path.ContainsAnyInRange('\u0080', '\uffff'))
        {
            return false;
        }

        foreach (var range in path.Split('/'))
        {
            var isInside = range.Start.Value > 0 && range.End.Value < path.Length;
            if (IsDotSegment(path[range]) || (isInside && path[range].IsEmpty))
            {
                return false;
            }
        }

        return !HasNeedlessEscape(path);
    }

    // RFC 3986 §2.3: a server may take the escape of an unreserved character for the character; %5C and %00 are taken for more by some. %2F stays: names of
    // models at Bedrock have it.
    private static bool HasNeedlessEscape(ReadOnlySpan<char> path)
    {
        for (var at = path.IndexOf('%'); at >= 0; at = path.IndexOf('%'))
        {
            if (at + 2 >= path.Length || !byte.TryParse(path.Slice(at + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            {
                return true;
            }

            if (char.IsAsciiLetterOrDigit((char)code) || (char)code is '-' or '.' or '_' or '~' or '\\' or '\0')
            {
                return true;
            }

            path = path[(at + 3)..];
        }

        return false;
    }

    private static bool IsDotSegment(ReadOnlySpan<char> segment)
    {
        var dots = 0;
        while (!segment.IsEmpty)
        {
            if (segment[0] == '.')
            {
                segment = segment[1..];
            }
            else if (segment.StartsWith("%2e", StringComparison.OrdinalIgnoreCase))
            {
                segment = segment[3..];
            }
            else
            {
                return false;
            }

            dots++;
        }

        return dots is 1 or 2;
    }

    private static string ControlCharacters() => string.Create(32, 0, static (chars, _) =>
    {
        for (var i = 0; i < chars.Length; i++)
        {
            chars[i] = (char)i;
        }
    });
}
