using System.Buffers.Text;
using System.Text;

namespace Tollgate.LoadTest.Wire;

/// <summary>The few lines of an HTTP/1.1 head that say where the message ends.</summary>
/// <param name="Length">Bytes of the body by <c>content-length</c>; 0 without one.</param>
/// <param name="IsChunked">Whether the body is chunked.</param>
/// <param name="Status">The status of a response; 0 for a request.</param>
internal readonly record struct MessageHead(long Length, bool IsChunked, int Status)
{
    /// <summary>What ends a head.</summary>
    public static ReadOnlySpan<byte> End => "\r\n\r\n"u8;

    private static ReadOnlySpan<byte> LineEnd => "\r\n"u8;

    private static ReadOnlySpan<byte> ContentLength => "content-length:"u8;

    private static ReadOnlySpan<byte> TransferEncoding => "transfer-encoding:"u8;

    /// <summary>Reads a whole head, <see cref="End"/> included.</summary>
    public static MessageHead Parse(ReadOnlySpan<byte> head)
    {
        var line = head[..head.IndexOf(LineEnd)];
        var status = line.StartsWith("HTTP/1."u8) && Utf8Parser.TryParse(line["HTTP/1.1 ".Length..], out int code, out _) ? code : 0;
        long length = 0;
        var chunked = false;
        for (var rest = head[(line.Length + LineEnd.Length)..]; rest.Length > LineEnd.Length; rest = rest[(line.Length + LineEnd.Length)..])
        {
            line = rest[..rest.IndexOf(LineEnd)];
            if (IsField(line, ContentLength))
            {
                _ = Utf8Parser.TryParse(line[ContentLength.Length..].Trim((byte)' '), out length, out _);
            }
            else if (IsField(line, TransferEncoding))
            {
                chunked = Ascii.EqualsIgnoreCase(line[TransferEncoding.Length..].Trim((byte)' '), "chunked"u8);
            }
        }

        return new MessageHead(length, chunked, status);
    }

    private static bool IsField(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name) => line.Length > name.Length && Ascii.EqualsIgnoreCase(line[..name.Length], name);
}
