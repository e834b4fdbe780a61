using System.Globalization;
using System.Text;
using Tollgate.Testing.Gateway;
using Tollgate.Testing.Upstream;

namespace Tollgate.Testing.Soak;

/// <summary>A reply whose id, figures and bytes follow from its number, so that a soak of a million calls need keep none of them.</summary>
public static class NumberedReply
{
    /// <summary>The model of every call; <see cref="UpstreamPrice"/> knows its rates.</summary>
    public const string Model = "claude-opus-4-8";

    private const string IdPrefix = "req_soak";
    private const string Stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

    // Figures repeat after a million replies, to stay within the columns' 32 bits.
    private const int Distinct = 1_000_000;

    /// <summary>What a whole stream ends with.</summary>
    public static ReadOnlySpan<byte> StreamEnd => "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"u8;

    /// <summary>The <c>request-id</c> header of a number, from 1.</summary>
    public static string IdOf(int number) => string.Create(CultureInfo.InvariantCulture, $"{IdPrefix}{number:D16}");

    /// <summary>The number of an id.</summary>
    public static bool TryNumberOf(ReadOnlySpan<char> id, out int number)
    {
        number = 0;
        return id.StartsWith(IdPrefix) && int.TryParse(id[IdPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    /// <summary>What the reply says it used; nothing for an error.</summary>
    public static TokenFigures FiguresOf(int number, CallKind kind) =>
        kind == CallKind.Overloaded ? new TokenFigures(0, 0, 0, 0, 0) : TokenFigures.OfReply(number % Distinct);

    /// <summary>The answer: its first piece begins with the head, and each piece is one write.</summary>
    internal static IReadOnlyList<byte[]> Pieces(int number, CallKind kind)
    {
        var figures = FiguresOf(number, kind);
        return kind switch
        {
            CallKind.Overloaded => [Document(529, number, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}")],
            CallKind.Whole => [Document(200, number, "{" + Message(number, figures, figures.Output) + ",\"content\":[{\"type\":\"text\",\"text\":\"ok\"}]}")],
            CallKind.Brief => [Utf8(StreamHead(number) + Chunk(string.Concat(Events(number, figures))) + "0\r\n\r\n")],
            _ => Slow(number, figures),
        };
    }

    private static byte[][] Slow(int number, TokenFigures figures)
    {
        var pieces = Events(number, figures).Select(static events => Utf8(Chunk(events))).ToArray();
        pieces[0] = [.. Utf8(StreamHead(number)), .. pieces[0]];
        pieces[^1] = [.. pieces[^1], .. "0\r\n\r\n"u8];
        return pieces;
    }

    private static string[] Events(int number, TokenFigures figures) =>
    [
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{" + Message(number, figures, 1) + ",\"content\":[]}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"grüße \"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"ok\"}}\n\n"
            + "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        string.Create(CultureInfo.InvariantCulture, $"event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\"}},\"usage\":{{\"output_tokens\":{figures.Output}}}}}\n\n")
            + Stop,
    ];

    private static string Message(int number, TokenFigures figures, long output) => string.Create(
        CultureInfo.InvariantCulture,
        $"\"id\":\"msg_{number}\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"{Model}\",\"stop_reason\":\"end_turn\",\"usage\":{{\"input_tokens\":{figures.Input},\"cache_creation_input_tokens\":{figures.CacheWrite5m + figures.CacheWrite1h},\"cache_read_input_tokens\":{figures.CacheRead},\"cache_creation\":{{\"ephemeral_5m_input_tokens\":{figures.CacheWrite5m},\"ephemeral_1h_input_tokens\":{figures.CacheWrite1h}}},\"output_tokens\":{output}}}");

    private static byte[] Document(int status, int number, string json) =>
        Utf8($"HTTP/1.1 {status} Said\r\nrequest-id: {IdOf(number)}\r\ncontent-type: application/json\r\ncontent-length: {Encoding.UTF8.GetByteCount(json)}\r\n\r\n{json}");

    private static string StreamHead(int number) =>
        $"HTTP/1.1 200 OK\r\nrequest-id: {IdOf(number)}\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";

    private static string Chunk(string text) => $"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n";

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
