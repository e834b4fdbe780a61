using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using Tollgate.Proxy.Forwarding.Http1;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Forwarding.Http1;

public sealed partial class ChunkedDecoderTests
{
    [Theory]
    [InlineData("0\r\n\r\n", "")]
    [InlineData("5\r\nhello\r\n0\r\n\r\n", "hello")]
    [InlineData("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world")]
    [InlineData("00A\r\n0123456789\r\n000\r\n\r\n", "0123456789")]
    [InlineData("a\r\n\r\n0\r\n\r\nxyz\r\n0\r\n\r\n", "\r\n0\r\n\r\nxyz")]
    [InlineData("1;a\r\nx\r\n0\r\n\r\n", "x")]
    [InlineData("1;a=b;c\r\nx\r\n0;last\r\n\r\n", "x")]
    [InlineData("1 ; a = b ;c=\"q\\\"; \\\\\"\r\nx\r\n0\r\n\r\n", "x")]
    [InlineData("1;a=\"\"\r\nx\r\n0\r\n\r\n", "x")]
    [InlineData("1\r\nx\r\n0\r\nTrailer: yes\r\nx-sum: \t1\r\n\r\n", "x")]
    [InlineData("1\r\nx\r\n0\r\nempty:\r\n\r\n", "x")]
    public void A_chunked_body_is_decoded_alike_however_it_is_cut_and_into_whatever_room(string text, string expected)
    {
        var bytes = Encoding.Latin1.GetBytes(text + "HTTP/1.1");
        foreach (var pieces in EverySplit.InTwo(bytes).Concat(EverySplit.InThree(bytes, 500, seed: 2)).Append(EverySplit.IntoBytes(bytes)))
        {
            Assert.Equal((OperationStatus.Done, expected, "HTTP/1.1"), Decode(pieces, room: 100));
            Assert.Equal((OperationStatus.Done, expected, "HTTP/1.1"), Decode(pieces, room: 1));
            Assert.Equal((OperationStatus.Done, expected, "HTTP/1.1"), Decode(pieces, room: 3));
        }
    }

    [Theory]
    [InlineData("\r\n")]
    [InlineData(" 5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5 \r\nhello\r\n0\r\n\r\n")]
    [InlineData("+5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("0x5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("g\r\n")]
    [InlineData("5\nhello\r\n0\r\n\r\n")]
    [InlineData("5\rhello\r\n0\r\n\r\n")]
    [InlineData("5\r\nhello\n0\r\n\r\n")]
    [InlineData("5\r\nhello0\r\n\r\n")]
    [InlineData("5\r\nhello!\r\n0\r\n\r\n")]
    [InlineData("5\r\nhell\r\n0\r\n\r\n")]
    [InlineData("5;\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a\rb\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a=\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;=b\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a=b c\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a=\"b\r\n\"\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a=\"b\"c\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a=\"\\\n\"\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;\u00e4\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5,a\r\nhello\r\n0\r\n\r\n")]
    [InlineData("0\r\n\n")]
    [InlineData("0\r\n\rx")]
    [InlineData("0\r\ntrailer\r\n\r\n")]
    [InlineData("0\r\n: x\r\n\r\n")]
    [InlineData("0\r\nx : y\r\n\r\n")]
    [InlineData("0\r\nx: y\n\r\n")]
    [InlineData("0\r\nx: a\0\r\n\r\n")]
    [InlineData("0\r\nx: a\r\n folded\r\n\r\n")]
    [InlineData("1000000000000000\r\n")]
    [InlineData("0000000000000005\r\nhello\r\n0\r\n\r\n")]
    public void Chunks_that_two_readers_could_read_in_two_ways_are_refused_however_they_are_cut(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        foreach (var pieces in EverySplit.InTwo(bytes).Append(EverySplit.IntoBytes(bytes)))
        {
            Assert.Equal(OperationStatus.InvalidData, Decode(pieces, room: 100).Status);
        }
    }

    [Fact]
    public void Extensions_and_trailers_have_an_end()
    {
        Assert.Equal(OperationStatus.InvalidData, Decode([Encoding.Latin1.GetBytes("1;" + new string('a', 5000))], 10).Status);
        Assert.Equal(OperationStatus.InvalidData, Decode([Encoding.Latin1.GetBytes("0\r\nx: " + new string('a', 5000))], 10).Status);
        var trailers = string.Concat(Enumerable.Repeat("x: " + new string('a', 1000) + "\r\n", 20));
        Assert.Equal(OperationStatus.InvalidData, Decode([Encoding.Latin1.GetBytes("0\r\n" + trailers + "\r\n")], 10).Status);
    }

    [Fact]
    public void Whatever_the_bytes_the_decoder_agrees_with_a_simple_one()
    {
        var piece = Gen.OneOf(
            "0\r\n\r\n", "0\r\n", "3\r\nabc\r\n", "3;x\r\nabc\r\n", "3;x=\"\\\"\"\r\nabc\r\n", "3 ;x = y\r\nabc\r\n", "a\r\n", "abcdefghij", "\r\n", "\r", "\n", ";", "=", "\"", " ", "x: y\r\n", "0", "3", "\\");
        Gen.Select(piece.Array[0, 7], Gen.Int[0, 1000], Gen.Int[1, 5]).Sample(
            static (pieces, seed, room) =>
            {
                var text = string.Concat(pieces);
                var expected = Simple(text);
                foreach (var cut in EverySplit.AtRandom(Encoding.Latin1.GetBytes(text), 3, 0, 4, seed))
                {
                    var (status, data, surplus) = Decode(cut, room);
                    if ((status == OperationStatus.Done ? data + "+" + surplus : null) != expected || DecodeInPlace(cut) != (status, data))
                    {
                        return false;
                    }
                }

                return true;
            },
            iter: 20_000);
    }

    /// <summary>The body that <paramref name="text"/> begins with, a plus and the rest; null when there is no whole and well-formed one.</summary>
    private static string? Simple(string text)
    {
        var data = new StringBuilder();
        while (true)
        {
            var line = SizeLine().Match(text);
            if (!line.Success)
            {
                return null;
            }

            var size = long.Parse(line.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            text = text[line.Length..];
            if (size == 0)
            {
                var trailers = Trailers().Match(text);
                return trailers.Success ? $"{data}+{text[trailers.Length..]}" : null;
            }

            if (size > text.Length || !text[(int)size..].StartsWith("\r\n", StringComparison.Ordinal))
            {
                return null;
            }

            data.Append(text, 0, (int)size);
            text = text[((int)size + 2)..];
        }
    }

    private static (OperationStatus Status, string Data, string Surplus) Decode(IEnumerable<ReadOnlyMemory<byte>> pieces, int room)
    {
        var decoder = default(ChunkedDecoder);
        var data = new StringBuilder();
        var surplus = new StringBuilder();
        var status = OperationStatus.NeedMoreData;
        var destination = new byte[room];
        foreach (var piece in pieces)
        {
            var unread = piece.Span;
            while (status is OperationStatus.NeedMoreData or OperationStatus.DestinationTooSmall)
            {
                status = decoder.Decode(unread, destination, out var consumed, out var written);
                data.Append(Encoding.Latin1.GetString(destination, 0, written));
                unread = unread[consumed..];
                if (status == OperationStatus.NeedMoreData)
                {
                    break;
                }
            }

            surplus.Append(Encoding.Latin1.GetString(unread));
        }

        return (status, data.ToString(), surplus.ToString());
    }

    /// <summary>Each piece decoded to where it lies.</summary>
    private static (OperationStatus Status, string Data) DecodeInPlace(IEnumerable<ReadOnlyMemory<byte>> pieces)
    {
        var decoder = default(ChunkedDecoder);
        var data = new StringBuilder();
        var status = OperationStatus.NeedMoreData;
        foreach (var piece in pieces)
        {
            var bytes = piece.ToArray();
            status = decoder.Decode(bytes, bytes, out _, out var written);
            data.Append(Encoding.Latin1.GetString(bytes, 0, written));
            if (status != OperationStatus.NeedMoreData)
            {
                break;
            }
        }

        return (status, data.ToString());
    }

    [GeneratedRegex(@"\A([0-9a-fA-F]{1,15})(?:[ \t]*;[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*=[ \t]*(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|""(?:[\t\x20-\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*""))?)*\r\n")]
    private static partial Regex SizeLine();

    [GeneratedRegex(@"\A(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n")]
    private static partial Regex Trailers();
}
