using System.IO.Compression;
using System.Text;
using CsCheck;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Scanning;

public sealed class CompressedAnswerTests
{
    private const string Events = "text/event-stream";

    public static TheoryData<string> Encodings => ["gzip", "deflate", "bare deflate", "br", "zstd"];

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Every_stream_reads_the_same_compressed_as_plain(string encoding)
    {
        foreach (var stream in RecordedStreams.Streams.Values.Select(RecordedStreams.Bytes))
        {
            foreach (var level in new[] { CompressionLevel.NoCompression, CompressionLevel.Fastest, CompressionLevel.SmallestSize })
            {
                foreach (var flushEvery in new[] { 0, 120 })
                {
                    Assert.Equal(Tapped.Stream(stream), Tapped.Run(Events, Wire(encoding), Encode(encoding, stream, level, flushEvery)));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void A_compressed_stream_may_be_cut_anywhere(string encoding)
    {
        var stream = RecordedStreams.Bytes(RecordedStreams.PlainText);
        var expected = Tapped.Stream(stream);
        foreach (var flushEvery in new[] { 0, 50 })
        {
            var encoded = Encode(encoding, stream, CompressionLevel.Optimal, flushEvery);
            Assert.All(EverySplit.InTwo(encoded), pieces => Assert.Equal(expected, Tapped.Run(Events, Wire(encoding), pieces)));
            Assert.Equal(expected, Tapped.Run(Events, Wire(encoding), EverySplit.IntoBytes(encoded)));
        }
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void What_a_flush_brought_is_read_although_the_stream_never_ends(string encoding)
    {
        var encoded = Encode(encoding, RecordedStreams.Bytes(RecordedStreams.PlainText), CompressionLevel.Optimal, flushEvery: 100);
        var (started, unreadable) = Tapped.Read(200, Events, Wire(encoding), [encoded.AsMemory(0, encoded.Length * 3 / 4)], report => (report.MessageStarted, report.Unreadable));
        Assert.True(started);
        Assert.True(unreadable);
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void An_answer_broken_off_at_any_byte_is_marked_unreadable(string encoding)
    {
        var encoded = Encode(encoding, RecordedStreams.Bytes(RecordedStreams.Thinking), CompressionLevel.Optimal, 0);
        for (var length = 1; length < encoded.Length; length++)
        {
            Assert.True(Tapped.Read(200, Events, Wire(encoding), [encoded.AsMemory(0, length)], report => report.Unreadable), $"{length} of {encoded.Length}");
        }
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Damage_leaves_no_exception_and_no_hang(string encoding)
    {
        var encoded = Encode(encoding, RecordedStreams.Bytes(RecordedStreams.Iterations), CompressionLevel.Optimal, 200);
        Gen.Select(Gen.Int[0, encoded.Length - 1], Gen.Byte, Gen.Int).Sample(
            (at, value, seed) =>
            {
                var damaged = encoded.ToArray();
                damaged[at] = value;
                foreach (var pieces in EverySplit.AtRandom(damaged, 2, 0, 9, seed))
                {
                    Assert.NotEmpty(Tapped.Run(Events, Wire(encoding), pieces));
                }
            },
            iter: 3_000);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public void A_changed_byte_that_still_decodes_is_found_by_the_check_sum(string encoding)
    {
        var encoded = Encode(encoding, RecordedStreams.Bytes(RecordedStreams.PlainText), CompressionLevel.NoCompression, 0);
        encoded[encoded.Length / 2] ^= 1;
        Assert.True(Tapped.Read(200, Events, Wire(encoding), [encoded], report => report.Unreadable));
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Junk_behind_the_end_is_noted_and_what_came_before_stands(string encoding)
    {
        byte[] encoded = [.. Encode(encoding, RecordedStreams.Bytes(RecordedStreams.PlainText), CompressionLevel.Optimal, 0), .. "junk after it"u8];
        foreach (var pieces in EverySplit.InTwo(encoded))
        {
            var (stopped, unreadable) = Tapped.Read(200, Events, Wire(encoding), pieces, report => (report.MessageStopped, report.Unreadable));
            Assert.True(stopped);
            Assert.True(unreadable);
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public void Members_may_follow_one_another(string encoding)
    {
        var stream = RecordedStreams.Bytes(RecordedStreams.PlainText);
        byte[] encoded = [.. Encode(encoding, stream[..500], CompressionLevel.Optimal, 0), .. Encode(encoding, stream[500..], CompressionLevel.Optimal, 0)];
        Assert.All(EverySplit.InTwo(encoded), pieces => Assert.Equal(Tapped.Stream(stream), Tapped.Run(Events, encoding, pieces)));
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void A_bomb_is_given_up_early(string encoding)
    {
        var bomb = Encode(encoding, new byte[100_000_000], CompressionLevel.SmallestSize, 0);
        Assert.True(Tapped.Read(200, Events, Wire(encoding), [bomb], report => report.Unreadable));
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Text_of_every_kind_comes_out_as_it_went_in(string encoding)
    {
        var random = new Random(5);
        var content = new StringBuilder();
        for (var part = 0; part < 4_000; part++)
        {
            content.Append((char)random.Next(0x20, 0x5B), random.Next(1, 30)).Append(random.Next()).Append("the same words again ");
        }

        var stream = RecordedStreams.Bytes(RecordedStreams.Start("{}") + RecordedStreams.Text(content.Replace("\"", "'").ToString()));
        var encoded = Encode(encoding, stream, CompressionLevel.SmallestSize, 0);
        var expected = Tapped.Stream(stream);
        Assert.All(EverySplit.AtRandom(encoded, 20, 0, 50, seed: 3), pieces => Assert.Equal(expected, Tapped.Run(Events, Wire(encoding), pieces)));
    }

    [Fact]
    public void A_gzip_head_with_every_optional_part_is_read_past()
    {
        var plain = Encode("gzip", RecordedStreams.Bytes(RecordedStreams.Thinking), CompressionLevel.Optimal, 0);
        byte[] encoded = [0x1F, 0x8B, 8, 0x1E, 0, 0, 0, 0, 0, 3, 3, 0, 1, 2, 3, .. "name\0"u8, .. "note\0"u8, 0xAA, 0xBB, .. plain[10..]];
        Assert.All(EverySplit.InTwo(encoded), pieces => Assert.Equal(Tapped.Stream(RecordedStreams.Bytes(RecordedStreams.Thinking)), Tapped.Run(Events, "GZIP", pieces)));
    }

    [Fact]
    public void An_unknown_encoding_is_unreadable() =>
        Assert.True(Tapped.Read(200, Events, "compress", ["data"u8.ToArray()], report => report.Unreadable));

    private static string Wire(string encoding) => encoding == "bare deflate" ? "deflate" : encoding;

    private static byte[] Encode(string encoding, byte[] plain, CompressionLevel level, int flushEvery)
    {
        using var encoded = new MemoryStream();
        using (Stream encoder = encoding switch
        {
            "gzip" => new GZipStream(encoded, level, leaveOpen: true),
            "deflate" => new ZLibStream(encoded, level, leaveOpen: true),
            "bare deflate" => new DeflateStream(encoded, level, leaveOpen: true),
            "br" => new BrotliStream(encoded, level, leaveOpen: true),
            _ => new ZstdSharp.CompressionStream(encoded, leaveOpen: true),
        })
        {
            for (var at = 0; at < plain.Length; at += flushEvery)
            {
                if (flushEvery == 0)
                {
                    encoder.Write(plain);
                    break;
                }

                encoder.Write(plain.AsSpan(at, Math.Min(flushEvery, plain.Length - at)));
                encoder.Flush();
            }
        }

        return encoded.ToArray();
    }
}
