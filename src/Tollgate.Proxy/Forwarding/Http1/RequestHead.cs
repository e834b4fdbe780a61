using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>Writes the head of a request. RFC 9112 §3 and §5.</summary>
/// <remarks>
/// A request line of the method, the target as the client escaped it; <c>Host</c>; what <see cref="HeaderRules"/> lets pass, a line for each value in the order they
/// came; and the framing, which is this connection's own matter.
/// </remarks>
internal static class RequestHead
{
    // Visible ASCII: what a target may consist of; a space or a line's end in it would be another request line.
    private static readonly SearchValues<char> TargetCharacters = SearchValues.Create(
        "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~");

    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>Writes the head of <paramref name="request"/>.</summary>
    /// <exception cref="UpstreamException">Something in it can't be sent. Nothing was.</exception>
    public static void Write(UpstreamRequest request, ReadOnlySpan<byte> host, SendBuffer buffer)
    {
        var target = request.Address.PathAndQuery;
        if (target.AsSpan().ContainsAnyExcept(TargetCharacters) || request.Method.AsSpan().ContainsAnyExcept(NameCharacters) || request.Method.Length == 0)
        {
            throw Unsendable("method or target");
        }

        WriteLatin1(buffer, request.Method);
        buffer.Write(" "u8);
        WriteLatin1(buffer, target);
        buffer.Write(" HTTP/1.1\r\nHost: "u8);
        buffer.Write(host);
        buffer.Write("\r\n"u8);
        var sink = new Fields(buffer);
        HeaderRules.CopyRequest(request.Headers, request.Credential, ref sink);
        WriteFraming(request, buffer);
    }

    private static void WriteFraming(UpstreamRequest request, SendBuffer buffer)
    {
        if (request.Body is null)
        {
            // RFC 9110 §8.6: a method that expects content says that there is none.
            buffer.Write(request.Method is "GET" or "HEAD" or "OPTIONS" or "DELETE" or "CONNECT" or "TRACE" ? "\r\n"u8 : "Content-Length: 0\r\n\r\n"u8);
        }
        else if (request.Body.Length is { } length)
        {
            Span<byte> digits = stackalloc byte[20];
            length.TryFormat(digits, out var count, default, CultureInfo.InvariantCulture);
            buffer.Write("Content-Length: "u8);
            buffer.Write(digits[..count]);
            buffer.Write("\r\n\r\n"u8);
        }
        else
        {
            buffer.Write("Transfer-Encoding: chunked\r\n\r\n"u8);
        }
    }

    private static void WriteLatin1(SendBuffer buffer, string text) => buffer.Advance(Encoding.Latin1.GetBytes(text, buffer.Room(text.Length)));

    private static UpstreamException Unsendable(string what) => new($"The request's {what} can't be sent over HTTP/1.1.", nothingSent: true);

    private readonly struct Fields(SendBuffer buffer) : IHeaderSink
    {
        public void Add(string name, StringValues values)
        {
            if (values.Count > 1 && name.Equals("Cookie", StringComparison.OrdinalIgnoreCase))
            {
                // RFC 9113 §8.2.3: HTTP/2 may cut it in pieces, HTTP/1.1 may not.
                Line(name, string.Join("; ", values.ToArray()));
                return;
            }

            foreach (var value in values)
            {
                Line(name, value ?? string.Empty);
            }
        }

        private void Line(string name, string value)
        {
            if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(NameCharacters) || !IsSendable(value))
            {
                throw Unsendable("headers");
            }

            WriteLatin1(buffer, name);
            buffer.Write(": "u8);
            WriteLatin1(buffer, value);
            buffer.Write("\r\n"u8);
        }

        // The head was checked when it came; a second look costs little, and what it keeps out is a request smuggled past every budget.
        private static bool IsSendable(ReadOnlySpan<char> value)
        {
            foreach (var c in value)
            {
                if (c is (< ' ' and not '\t') or '\u007f' or > '\u00ff')
                {
                    return false;
                }
            }

            return true;
        }
    }
}
