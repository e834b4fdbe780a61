using System.Buffers;
using System.Text;
using CsCheck;
using Tollgate.Proxy.Forwarding.Http1;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Forwarding.Http1;

public sealed class ResponseHeadTests
{
    private const string Usual =
        "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n" +
        "request-id:req_011CSHoEeqs5C35K2UUqR7Fy\r\nset-cookie: a=1\r\nanthropic-ratelimit-unified-5h-utilization: 0.82\r\nSet-Cookie:   b=2\t\r\nx-latin: Gr\u00fc\u00dfe\r\nx-empty:\r\n\r\n";

    [Fact]
    public void A_head_is_read_alike_however_it_is_cut()
    {
        const string Expected =
            "200 OK Chunked -1 True\nDate: Tue, 24 Nov 2026 12:00:00 GMT\nContent-Type: text/event-stream; charset=utf-8\nTransfer-Encoding: chunked\nConnection: keep-alive\n" +
            "request-id: req_011CSHoEeqs5C35K2UUqR7Fy\nset-cookie: a=1 | b=2\nanthropic-ratelimit-unified-5h-utilization: 0.82\nx-latin: Gr\u00fc\u00dfe\nx-empty: \n";
        var bytes = Encoding.Latin1.GetBytes(Usual + "5\r\nhello");
        var head = new ResponseHead();
        foreach (var pieces in EverySplit.InTwo(bytes).Concat(EverySplit.InThree(bytes, 2_000, seed: 1)).Append(EverySplit.IntoBytes(bytes)))
        {
            Assert.Equal((OperationStatus.Done, "5\r\nhello"), HeadReading.Read(head, pieces));
            Assert.Equal(Expected, HeadReading.Describe(head));
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 OK Length 5 True")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 OK None 0 True")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length:\t007 \r\n\r\n", "200 OK Length 7 True")]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n", "200 OK Chunked -1 True")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", "200 OK UntilClose -1 False")]
    [InlineData("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", "200  Length 5 True")]
    [InlineData("HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n", "200  Length 5 True")]
    [InlineData("HTTP/1.1 529 Quite Overloaded\r\nContent-Length: 5\r\n\r\n", "529 Quite Overloaded Length 5 True")]
    [InlineData("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", "200 OK Length 5 False")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x-hop , CLOSE\r\n\r\n", "200 OK Length 5 False")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: a\r\nConnection: close\r\n\r\n", "200 OK Length 5 False")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", "204 No Content None -1 True")]
    [InlineData("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 Not Modified None 5 True")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\n", "100 Continue None -1 True")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\n\r\n", "200 OK Length 999999999999999999 True")]
    public void The_end_of_the_body_and_of_the_connection_follow_from_the_head(string text, string expected)
    {
        var head = new ResponseHead();
        Assert.Equal((OperationStatus.Done, string.Empty), HeadReading.Read(head, [Encoding.Latin1.GetBytes(text)]));
        Assert.Equal(expected, HeadReading.Describe(head).Split('\n')[0]);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n")]
    public void The_answer_to_a_HEAD_has_no_body_whatever_it_says(string text)
    {
        var head = new ResponseHead();
        Assert.Equal(OperationStatus.Done, HeadReading.Read(head, [Encoding.Latin1.GetBytes(text)], isForHead: true).Status);
        Assert.Equal((BodyFraming.None, true), (head.Framing, head.KeepsConnection));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5,6\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000000\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;q=1\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: \"chunked\"\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nx: a\r\n folded\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nx: a\r\n\tfolded\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n folded: first\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nx y: 5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n: 5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nno colon\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nx\u00e4: 5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nx: 5\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\nx: 5\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nx: 5\r\n\n")]
    [InlineData("HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nx: a\r\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nx: a\u007fb\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nx: a\u0001\r\n\r\n")]
    [InlineData("HTTP/1.1 200 O\0K\r\n\r\n")]
    [InlineData("HTTP/1.1 200 O\rK\r\n\r\n")]
    [InlineData("HTTP/1.1  200 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 20 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 2000 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 099 Low\r\n\r\n")]
    [InlineData("HTTP/1.1 +20 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 200\tOK\r\n\r\n")]
    [InlineData("HTTP/1.2 200 OK\r\n\r\n")]
    [InlineData("HTTP/2.0 200 OK\r\n\r\n")]
    [InlineData("http/1.1 200 OK\r\n\r\n")]
    [InlineData("HTTP/1.1\r\n\r\n")]
    [InlineData("\r\nHTTP/1.1 200 OK\r\n\r\n")]
    [InlineData(" HTTP/1.1 200 OK\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n\r\n")]
    [InlineData("<html>\r\n\r\n")]
    public void A_head_that_two_readers_could_read_in_two_ways_is_refused_however_it_is_cut(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        var head = new ResponseHead();
        foreach (var pieces in EverySplit.InTwo(bytes).Append(EverySplit.IntoBytes(bytes)))
        {
            Assert.Equal(OperationStatus.InvalidData, HeadReading.Read(head, pieces).Status);
            Assert.NotEmpty(head.Fault);
        }
    }

    [Theory]
    [InlineData(200, true)]
    [InlineData(201, false)]
    public void Two_hundred_header_lines_are_the_most(int lines, bool isRead)
    {
        var text = "HTTP/1.1 200 OK\r\n" + string.Concat(Enumerable.Range(0, lines).Select(static line => $"x-{line}: {line}\r\n")) + "\r\n";
        Assert.Equal(isRead ? OperationStatus.Done : OperationStatus.InvalidData, HeadReading.Read(new ResponseHead(), [Encoding.Latin1.GetBytes(text)]).Status);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void A_head_of_64_KiB_is_the_longest(int over, bool isRead)
    {
        const string Start = "HTTP/1.1 200 OK\r\nx: ";
        var text = Start + new string('y', ResponseHead.MostBytes - Start.Length - 4 + over) + "\r\n\r\n";
        var expected = isRead ? OperationStatus.Done : OperationStatus.InvalidData;
        Assert.Equal(expected, HeadReading.Read(new ResponseHead(), [Encoding.Latin1.GetBytes(text)]).Status);
        Assert.Equal(expected, HeadReading.Read(new ResponseHead(), Encoding.Latin1.GetBytes(text).Chunk(1000).Select(static piece => new ReadOnlyMemory<byte>(piece))).Status);
    }

    [Fact]
    public void A_line_that_never_ends_is_refused_at_64_KiB()
    {
        var head = new ResponseHead();
        head.Reset(isForHead: false);
        Assert.Equal(OperationStatus.InvalidData, head.Read(new byte[ResponseHead.MostBytes + 1], out _));
    }

    [Fact]
    public void The_next_head_on_a_connection_has_nothing_of_the_last_one()
    {
        var head = new ResponseHead();
        HeadReading.Read(head, [Encoding.Latin1.GetBytes(Usual)]);
        HeadReading.Read(head, ["HTTP/1.1 404 Not Found\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\nContent-Length: 3\r\n\r\n"u8.ToArray()]);
        Assert.Equal("404 Not Found Length 3 True\nDate: Tue, 24 Nov 2026 12:00:00 GMT\nContent-Length: 3\n", HeadReading.Describe(head));
        Assert.Empty(head.Find("request-id").ToArray());
    }

    [Fact]
    public void The_same_head_again_allocates_nothing()
    {
        var head = new ResponseHead();
        var bytes = Encoding.Latin1.GetBytes(Usual.Replace("set-cookie: a=1\r\n", string.Empty, StringComparison.Ordinal).Replace("x-latin: Gr\u00fc\u00dfe\r\n", string.Empty, StringComparison.Ordinal));
        ReadOnce();
        ReadOnce();
        Assert.Equal(0, Allocations.Least(ReadOnce));

        void ReadOnce()
        {
            head.Reset(isForHead: false);
            head.Read(bytes, out _);
        }
    }

    [Fact]
    public void Whatever_the_bytes_the_reader_agrees_with_a_simple_one()
    {
        // Pieces that make heads good, bad and nearly good, in any order.
        var piece = Gen.OneOf(
            "HTTP/1.1 200 OK\r\n", "HTTP/1.1 204 \r\n", "HTTP/1.0 200 OK\r\n", "HTTP/1.1 200", "Content-Length: 5\r\n", "Content-Length: 5", "Content-Length:", "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: x\r\n", "Connection: close\r\n", "x: y\r\n", "X: z\r\n", "x", ":", " ", "\t", "\r\n", "\r", "\n", "\r\n\r\n", "\0", "\u00e4", "5", ",", "a b: c\r\n");
        Gen.Select(Gen.OneOf("HTTP/1.1 200 OK\r\n", "HTTP/1.1 304 x\r\n", ""), piece.Array[0, 8], Gen.Bool, Gen.Int[0, 1000]).Sample(
            static (start, pieces, isForHead, seed) =>
            {
                var text = start + string.Concat(pieces) + "\r\n\r\n";
                var bytes = Encoding.Latin1.GetBytes(text);
                var expected = SimpleHead.Read(text, isForHead);
                var head = new ResponseHead();
                foreach (var cut in EverySplit.AtRandom(bytes, 3, 0, 4, seed))
                {
                    var (status, surplus) = HeadReading.Read(head, cut, isForHead);
                    var actual = status == OperationStatus.Done ? HeadReading.Describe(head) + "+" + surplus : null;
                    if (actual != expected)
                    {
                        return false;
                    }
                }

                return true;
            },
            iter: 20_000);
    }
}
