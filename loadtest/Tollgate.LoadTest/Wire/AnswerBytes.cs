using System.Globalization;
using System.Text;

namespace Tollgate.LoadTest.Wire;

/// <summary>An answer as the upstream writes it: each piece is one write.</summary>
/// <param name="Pieces">Head and framing included.</param>
/// <param name="Pause">From one piece to the next; zero writes them one after the other.</param>
/// <param name="BodyBytes">What a client must find inside, framing left out.</param>
/// <param name="Frames">Server-sent events in it.</param>
internal sealed record AnswerBytes(IReadOnlyList<byte[]> Pieces, TimeSpan Pause, long BodyBytes, int Frames)
{
    private const string Usage = "\"usage\":{\"input_tokens\":3,\"cache_creation_input_tokens\":412,\"cache_read_input_tokens\":21877,\"output_tokens\":1}";

    /// <summary>A JSON document with its usage.</summary>
    public static AnswerBytes Json()
    {
        var json = $$"""{"id":"msg_load","type":"message","role":"assistant","model":"{{RequestBytes.Model}}","content":[{"type":"text","text":"ok"}],"stop_reason":"end_turn",{{Usage}}}""";
        var head = string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 200 OK\r\nrequest-id: req_load\r\ncontent-type: application/json\r\ncontent-length: {json.Length}\r\n\r\n");
        return new AnswerBytes([Encoding.ASCII.GetBytes(head + json)], TimeSpan.Zero, json.Length, 0);
    }

    /// <summary>A stream of <paramref name="frames"/> events in <paramref name="writes"/> writes.</summary>
    public static AnswerBytes Stream(int frames, int writes, TimeSpan pause)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frames, 6);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(writes, frames);
        var events = Events(frames);
        var pieces = new byte[writes][];
        for (var write = 0; write < writes; write++)
        {
            var (from, to) = (frames * write / writes, frames * (write + 1) / writes);
            var text = string.Concat(events[from..to].Select(static data => string.Create(CultureInfo.InvariantCulture, $"{data.Length:x}\r\n{data}\r\n")));
            pieces[write] = Encoding.ASCII.GetBytes(text);
        }

        pieces[0] = [.. "HTTP/1.1 200 OK\r\nrequest-id: req_load\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"u8, .. pieces[0]];
        pieces[^1] = [.. pieces[^1], .. "0\r\n\r\n"u8];
        return new AnswerBytes(pieces, pause, events.Sum(static data => data.Length), frames);
    }

    private static string[] Events(int frames) =>
    [
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_load\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"" + RequestBytes.Model + "\",\"content\":[],\"stop_reason\":null," + Usage + "}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        .. Enumerable.Repeat("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" the next few words\"}}\n\n", frames - 5),
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":187}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ];
}
