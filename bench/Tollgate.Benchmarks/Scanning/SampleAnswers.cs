using System.Text;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Scanning;

namespace Tollgate.Benchmarks.Scanning;

/// <summary>Streams in the shape that Anthropic's Messages API gives them; texts and figures are made up.</summary>
internal static class SampleAnswers
{
    /// <summary>A keep-alive: the smallest event that metering has no use for.</summary>
    public const string Ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n";

    /// <summary>The first event.</summary>
    public const string Start =
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_014p7gG3wDgGV9EUtLvnow3U\",\"type\":\"message\",\"role\":\"assistant\","
        + "\"model\":\"claude-opus-4-8\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":6,\"cache_creation_input_tokens\":1201,\"cache_read_input_tokens\":81234,"
        + "\"cache_creation\":{\"ephemeral_5m_input_tokens\":1201,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":1,\"service_tier\":\"standard\"},"
        + "\"content\":[],\"stop_reason\":null}}\n\n"
        + "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";

    /// <summary>The last events.</summary>
    public const string End =
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        + "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":512}}\n\n"
        + "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

    /// <summary>A piece of text; <paramref name="text"/> as inside a JSON string.</summary>
    public static string Delta(string text) =>
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" + text + "\"}}\n\n";

    /// <summary>A whole answer with <paramref name="deltas"/> pieces of text.</summary>
    public static byte[] Answer(int deltas, string text) => Encoding.UTF8.GetBytes(Start + string.Concat(Enumerable.Repeat(Delta(text), deltas)) + End);

    /// <summary><paramref name="bytes"/> in pieces of <paramref name="length"/>, as reads from the upstream bring them.</summary>
    public static ReadOnlyMemory<byte>[] Cut(byte[] bytes, int length) =>
        [.. Enumerable.Range(0, (bytes.Length + length - 1) / length).Select(i => bytes.AsMemory(i * length, Math.Min(length, bytes.Length - (i * length))))];

    /// <summary><paramref name="bytes"/> cut behind the first byte of every multi-byte character.</summary>
    public static ReadOnlyMemory<byte>[] CutInsideUtf8(byte[] bytes)
    {
        var pieces = new List<ReadOnlyMemory<byte>>();
        var start = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] >= 0xC0)
            {
                pieces.Add(bytes.AsMemory(start, i + 1 - start));
                start = i + 1;
            }
        }

        pieces.Add(bytes.AsMemory(start));
        return [.. pieces];
    }

    /// <summary>Reads an answer as the forwarder does, piece by piece; returns the output tokens that it told of.</summary>
    /// <exception cref="InvalidOperationException">It was not read to its end.</exception>
    public static long Read(ReadOnlyMemory<byte>[] pieces, string? contentEncoding = null)
    {
        var tap = ResponseTap.Rent(Operation.Messages);
        tap.OnHead(200, "text/event-stream; charset=utf-8", contentEncoding);
        foreach (var piece in pieces)
        {
            tap.OnBytes(piece.Span, 1);
        }

        tap.OnEnd();
        var output = tap.Report.Tokens.Output;
        ResponseTap.Return(tap);
        return output == 512 ? output : throw new InvalidOperationException("The answer was not read.");
    }
}
