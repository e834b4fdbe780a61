using System.Text;
using CsCheck;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Scanning;

public sealed class StreamReferenceTests
{
    private static readonly string[] Insertions =
        ["\n", "\r", "\"", "\\", "{", "}", ":", "0", "-", "\u00ff", "\\u", "data", "event: ", "null", "]"];

    private static readonly string?[] ContentTypes = [null, "text/event-stream", "application/json"];
    private static readonly string?[] Encodings = [null, "gzip", "br", "zstd", "deflate"];

    public static TheoryData<string> Names => [.. RecordedStreams.Streams.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void However_a_stream_is_cut_its_report_is_the_reference_s(string name)
    {
        foreach (var lineEnd in new[] { "\n", "\r\n", "\r" })
        {
            var stream = RecordedStreams.Bytes(RecordedStreams.Streams[name].Replace("\n", lineEnd));
            var expected = Tapped.Describe(ReferenceReader.ReadStream(stream));
            ReadOnlyMemory<byte>[][] bytes = [EverySplit.IntoBytes(stream)];
            foreach (var pieces in EverySplit.InTwo(stream).Concat(bytes).Concat(EverySplit.InThree(stream, 1_000, seed: 1))
                .Concat(EverySplit.AtRandom(stream, 1_000, 3, 40, seed: 2)))
            {
                Assert.Equal(expected, Tapped.Stream(pieces));
            }
        }
    }

    [Theory]
    [InlineData(nameof(RecordedStreams.WholeMessage))]
    [InlineData(nameof(RecordedStreams.WholeError))]
    public void However_a_whole_answer_is_cut_its_report_is_the_reference_s(string name)
    {
        var answer = RecordedStreams.Bytes(name == nameof(RecordedStreams.WholeError) ? RecordedStreams.WholeError : RecordedStreams.WholeMessage);
        var expected = Tapped.Describe(ReferenceReader.ReadWhole(answer));
        ReadOnlyMemory<byte>[][] bytes = [EverySplit.IntoBytes(answer)];
        foreach (var pieces in EverySplit.InTwo(answer).Concat(bytes).Concat(EverySplit.InThree(answer, 1_000, seed: 1)))
        {
            Assert.Equal(expected, Tapped.Whole(pieces));
        }
    }

    [Fact]
    public void Line_ends_of_every_kind_may_mix_and_a_byte_order_mark_may_lead()
    {
        var random = new Random(7);
        foreach (var stream in RecordedStreams.Streams.Values)
        {
            var mixed = new StringBuilder("\uFEFF");
            foreach (var line in stream.Split('\n')[..^1])
            {
                mixed.Append(line).Append(random.Next(3) switch { 0 => "\n", 1 => "\r\n", _ => "\r" });
            }

            mixed.Append('\n');
            var bytes = RecordedStreams.Bytes(mixed.ToString());
            var expected = Tapped.Describe(ReferenceReader.ReadStream(bytes));
            Assert.All(EverySplit.InTwo(bytes), pieces => Assert.Equal(expected, Tapped.Stream(pieces)));
        }
    }

    [Fact]
    public void A_second_byte_order_mark_is_data() =>
        Assert.Contains("started False", Tapped.Stream(RecordedStreams.Bytes("\uFEFF\uFEFFdata: {\"type\":\"message_start\",\"message\":{}}\n\n")), StringComparison.Ordinal);

    [Fact]
    public void A_damaged_stream_reads_as_the_reference_reads_it_wherever_it_is_cut()
    {
        var streams = RecordedStreams.Streams.Values.Select(RecordedStreams.Bytes).ToArray();
        var pieces = Gen.Select(Gen.Int[0, 100_000], Gen.Int[0, Insertions.Length - 1].Select(which => Insertions[which]), Gen.Int[0, 3]);
        Gen.Select(Gen.Int[0, streams.Length - 1], pieces.Array[1, 4], Gen.Int).Sample(
            (which, edits, seed) =>
            {
                var bytes = new List<byte>(streams[which]);
                foreach (var (at, text, removed) in edits)
                {
                    var start = at % bytes.Count;
                    bytes.RemoveRange(start, Math.Min(removed, bytes.Count - start));
                    bytes.InsertRange(start, Encoding.Latin1.GetBytes(text));
                }

                var stream = bytes.ToArray();
                var expected = Tapped.Describe(ReferenceReader.ReadStream(stream));
                Assert.Equal(expected, Tapped.Stream(stream));
                Assert.All(EverySplit.AtRandom(stream, 4, 1, 30, seed), cut => Assert.Equal(expected, Tapped.Stream(cut)));
            },
            iter: 20_000);
    }

    private const string Unreadable = "unreadable True";

    [Fact]
    public void Random_bytes_are_read_without_a_fault_in_every_form() =>
        Gen.Select(Gen.Byte.Array[0, 400], Gen.Int[0, ContentTypes.Length - 1].Select(which => ContentTypes[which]), Gen.Int[0, Encodings.Length - 1].Select(which => Encodings[which]), Gen.Int)
            .Sample(
                (bytes, type, encoding, seed) =>
                {
                    var expected = Known(encoding, Tapped.Run(type, encoding, bytes));
                    Assert.All(EverySplit.AtRandom(bytes, 3, 1, 20, seed), cut => Assert.Equal(expected, Known(encoding, Tapped.Run(type, encoding, cut))));
                },
                iter: 20_000);

    // How much a decoder gives out of damaged data before it notices depends on the pieces; of an unreadable answer only that it is one is known.
    // Of Brotli not even that: what it holds back at the end of data that broke off depends on the pieces too, and no end is no error to it.
    private static string Known(string? encoding, string described) =>
        encoding == "br" ? encoding : described.EndsWith(Unreadable, StringComparison.Ordinal) ? Unreadable : described;
}
