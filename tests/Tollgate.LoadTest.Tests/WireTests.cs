using System.Text;
using Tollgate.LoadTest.Wire;

namespace Tollgate.LoadTest.Tests;

/// <summary>Where a message ends, and what is in it, however its bytes are cut.</summary>
public sealed class WireTests
{
    public static TheoryData<string> Answers => ["json", "turn", "paced"];

    [Theory]
    [MemberData(nameof(Answers))]
    public void An_answer_cut_at_any_byte_is_whole_at_its_last_byte_and_not_before(string kind)
    {
        var answer = Answer(kind);
        var bytes = answer.Pieces.SelectMany(static piece => piece).ToArray();
        for (var cut = 1; cut < bytes.Length; cut++)
        {
            var reader = new MessageReader();
            Assert.Equal(MessageEnd.Open, reader.Read(bytes.AsSpan(0, cut)));
            Assert.Equal(MessageEnd.Whole, reader.Read(bytes.AsSpan(cut)));
            Assert.Equal((200, answer.BodyBytes, answer.Frames), (reader.Head.Status, reader.BodyBytes, reader.Frames));
        }
    }

    [Fact]
    public void An_answer_that_comes_byte_by_byte_is_read_as_well_and_the_next_one_after_it()
    {
        var answer = Answer("turn");
        var bytes = answer.Pieces.SelectMany(static piece => piece).ToArray();
        var reader = new MessageReader();
        for (var round = 0; round < 2; round++)
        {
            reader.Restart();
            for (var i = 0; i < bytes.Length - 1; i++)
            {
                Assert.Equal(MessageEnd.Open, reader.Read(bytes.AsSpan(i, 1)));
            }

            Assert.Equal(MessageEnd.Whole, reader.Read(bytes.AsSpan(bytes.Length - 1)));
            Assert.Equal((answer.BodyBytes, answer.Frames), (reader.BodyBytes, reader.Frames));
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokX")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nX")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n")]
    public void Bytes_that_belong_to_no_message_are_noticed(string text)
    {
        var reader = new MessageReader();
        Assert.Equal(MessageEnd.Broken, reader.Read(Encoding.ASCII.GetBytes(text)));
    }

    [Fact]
    public void Chunk_extensions_and_trailers_are_passed_over()
    {
        var reader = new MessageReader();
        Assert.Equal(MessageEnd.Whole, reader.Read("HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\n\r\nA;x=1\r\n0123456789\r\n0\r\nx: y\r\n\r\n"u8));
        Assert.Equal(10, reader.BodyBytes);
    }

    [Fact]
    public void A_refusal_is_read_to_its_end_with_its_status()
    {
        var reader = new MessageReader();
        Assert.Equal(MessageEnd.Whole, reader.Read("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"u8));
        Assert.Equal(503, reader.Head.Status);
    }

    [Theory]
    [InlineData(256, false)]
    [InlineData(90_000, true)]
    [InlineData(800_000, true)]
    public void A_request_has_the_size_asked_for_and_is_json(int bytes, bool streams)
    {
        var request = RequestBytes.Create(8080, bytes, streams, "key");
        var reader = new MessageReader();
        Assert.Equal(MessageEnd.Whole, reader.Read(request));
        Assert.Equal(bytes, reader.BodyBytes);
        using var body = System.Text.Json.JsonDocument.Parse(request.AsMemory(request.Length - bytes));
        Assert.Equal(RequestBytes.Model, body.RootElement.GetProperty("model").GetString());
        Assert.Equal(streams, body.RootElement.TryGetProperty("stream", out var stream) && stream.GetBoolean());
    }

    private static AnswerBytes Answer(string kind) => kind switch
    {
        "json" => AnswerBytes.Json(),
        "turn" => AnswerBytes.Stream(40, 4, TimeSpan.Zero),
        _ => AnswerBytes.Stream(10, 10, TimeSpan.FromMilliseconds(20)),
    };
}
