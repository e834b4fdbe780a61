using System.Buffers;
using System.Text;
using Microsoft.Extensions.Primitives;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Forwarding.Http1;

namespace Tollgate.Proxy.Tests.Forwarding.Http1;

/// <summary>Gives a head to its reader piece by piece, the way a connection does: what was not consumed is given again.</summary>
internal static class HeadReading
{
    /// <summary>Reads <paramref name="pieces"/> into <paramref name="head"/>.</summary>
    /// <returns>How it went, and what is left over behind the head.</returns>
    public static (OperationStatus Status, string Surplus) Read(ResponseHead head, IEnumerable<ReadOnlyMemory<byte>> pieces, bool isForHead = false)
    {
        head.Reset(isForHead);
        byte[] unread = [];
        var status = OperationStatus.NeedMoreData;
        foreach (var piece in pieces)
        {
            unread = [.. unread, .. piece.Span];
            if (status == OperationStatus.NeedMoreData)
            {
                status = head.Read(unread, out var consumed);
                unread = unread[consumed..];
            }
        }

        return (status, Encoding.Latin1.GetString(unread));
    }

    /// <summary>Everything that a head says, as text to compare.</summary>
    public static string Describe(ResponseHead head)
    {
        var sink = new Lines(new StringBuilder($"{head.Status} {head.ReasonPhrase} {head.Framing} {head.ContentLength} {head.KeepsConnection}\n"));
        head.CopyTo(ref sink);
        return sink.ToString();
    }

    private readonly struct Lines(StringBuilder text) : IHeaderSink
    {
        public void Add(string name, StringValues values) => text.Append(name).Append(": ").AppendJoin(" | ", values.ToArray()).Append('\n');

        public override string ToString() => text.ToString();
    }
}
