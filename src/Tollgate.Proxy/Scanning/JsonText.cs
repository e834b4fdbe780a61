using System.Globalization;
using System.Text.Json;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Scanning;

/// <summary>Reads the strings and figures of a JSON answer without allocating.</summary>
internal static class JsonText
{
    /// <summary>The longest string with escapes that is read as a name, in bytes as written; a longer one counts as not given.</summary>
    public const int MaxEscapedBytes = 1024;

    /// <summary>What <see cref="Figure"/> gives for anything but a whole number from 0 to 2^32-1 or null.</summary>
    public const long Invalid = -2;

    /// <summary>The property name that the reader stands on.</summary>
    public static JsonName Name(ref Utf8JsonReader json)
    {
        Span<byte> unescaped = stackalloc byte[MaxEscapedBytes];
        return TryText(in json, unescaped, out var text) ? JsonNames.Find(text) : JsonName.Unknown;
    }

    /// <summary>The interned string that the reader stands on; null for anything else, and for text that is no text.</summary>
    public static string? Interned(ref Utf8JsonReader json)
    {
        Span<byte> unescaped = stackalloc byte[MaxEscapedBytes];
        return json.TokenType == JsonTokenType.String && TryText(in json, unescaped, out var text) ? NameTable.Intern(text) : null;
    }

    /// <summary>Copies the string that the reader stands on; clears <paramref name="target"/> for anything else.</summary>
    public static void Copy(ref Utf8JsonReader json, ref Utf8Text target)
    {
        Span<byte> unescaped = stackalloc byte[MaxEscapedBytes];
        target.Clear();
        if (json.TokenType == JsonTokenType.String && TryText(in json, unescaped, out var text))
        {
            target.Set(text);
        }
    }

    /// <summary>The kind of event that the string the reader stands on names.</summary>
    public static EventKind Kind(ref Utf8JsonReader json)
    {
        Span<byte> unescaped = stackalloc byte[MaxEscapedBytes];
        return json.TokenType == JsonTokenType.String && TryText(in json, unescaped, out var text) && !text.IsEmpty
            ? EventNames.Find(text)
            : EventKind.Other;
    }

    /// <summary>The figure that the reader stands on: tokens, or <see cref="ReportedTokens.NotReported"/> for null, or <see cref="Invalid"/>.</summary>
    public static long Figure(ref Utf8JsonReader json) => json.TokenType switch
    {
        JsonTokenType.Null => ReportedTokens.NotReported,
        JsonTokenType.Number when json.TryGetInt64(out var figure) && figure is >= 0 and <= uint.MaxValue => figure,
        _ => Invalid,
    };

    /// <summary>The length in UTF-8 of the string that the reader stands on, its escapes resolved; half a surrogate pair counts 2.</summary>
    public static long DecodedLength(ref Utf8JsonReader json)
    {
        if (json.TokenType != JsonTokenType.String)
        {
            return 0;
        }

        return json.ValueIsEscaped ? DecodedLength(json.ValueSpan) : json.ValueSpan.Length;
    }

    private static long DecodedLength(ReadOnlySpan<byte> written)
    {
        long length = 0;
        while (true)
        {
            var escape = written.IndexOf((byte)'\\');
            if (escape < 0)
            {
                return length + written.Length;
            }

            length += escape;
            if (written[escape + 1] != (byte)'u')
            {
                length++;
                written = written[(escape + 2)..];
                continue;
            }

            length += Utf8Length(written.Slice(escape + 2, 4));
            written = written[(escape + 6)..];
        }
    }

    private static int Utf8Length(ReadOnlySpan<byte> hex)
    {
        _ = ushort.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit);
        return unit < 0x80 ? 1 : unit < 0x800 || char.IsSurrogate((char)unit) ? 2 : 3;
    }

    private static bool TryText(in Utf8JsonReader json, Span<byte> unescaped, out ReadOnlySpan<byte> text)
    {
        text = json.ValueSpan;
        return !json.ValueIsEscaped || TryUnescape(in json, unescaped, out text);
    }

    private static bool TryUnescape(in Utf8JsonReader json, Span<byte> unescaped, out ReadOnlySpan<byte> text)
    {
        text = default;
        if (json.ValueSpan.Length > unescaped.Length)
        {
            return false;
        }

        try
        {
            text = unescaped[..json.CopyString(unescaped)];
            return true;
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair, or bytes that are not UTF-8.
            return false;
        }
    }
}
