using System.Buffers;

namespace Tollgate.Proxy.Scanning;

/// <summary>Measures a content delta in the exact form Anthropic writes it, without reading it as JSON.</summary>
/// <remarks>
/// Why: deltas are nearly all of a stream's events. Anything that is not byte for byte of this form, a text with an escape
/// included, goes the general way and gets the same measure there; see StreamReferenceTests.
/// </remarks>
internal static class ContentDelta
{
    // What ends a JSON string, or makes it more than its bytes: the quote, the backslash and the control characters.
    private static readonly SearchValues<byte> NotPlain = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(control => (byte)control), (byte)'"', (byte)'\\']);

    /// <summary>The UTF-8 length of the delta's text, thinking or tool input, when <paramref name="data"/> is of the usual form.</summary>
    public static bool TryMeasure(ReadOnlySpan<byte> data, out int bytes)
    {
        bytes = 0;
        if (!TrySkip(ref data, "{\"type\":\"content_block_delta\",\"index\":"u8))
        {
            return false;
        }

        var digits = data.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (digits is < 1 or > 9 || (digits > 1 && data[0] == (byte)'0'))
        {
            return false;
        }

        data = data[digits..];
        if (!TrySkip(ref data, ",\"delta\":{\"type\":\""u8)
            || !(TrySkip(ref data, "text_delta\",\"text\":\""u8)
                || TrySkip(ref data, "input_json_delta\",\"partial_json\":\""u8)
                || TrySkip(ref data, "thinking_delta\",\"thinking\":\""u8)))
        {
            return false;
        }

        var end = data.IndexOfAny(NotPlain);
        if (end < 0 || !data[end..].SequenceEqual("\"}}"u8))
        {
            return false;
        }

        bytes = end;
        return true;
    }

    private static bool TrySkip(ref ReadOnlySpan<byte> data, ReadOnlySpan<byte> prefix)
    {
        if (!data.StartsWith(prefix))
        {
            return false;
        }

        data = data[prefix.Length..];
        return true;
    }
}
