using System.IO.Compression;
using BenchmarkDotNet.Attributes;
using Tollgate.Benchmarks.Gate;

namespace Tollgate.Benchmarks.Scanning;

/// <summary>What a compressed answer costs beside the same answer as it is.</summary>
/// <remarks>An answer of 2,000 pieces of text that do not repeat, so that it compresses about as real ones do.</remarks>
[MemoryDiagnoser]
public class BodyDecoderBenchmarks
{
    private const int ReadBytes = 4096;
    private ReadOnlyMemory<byte>[] _pieces = [];

    /// <summary>The content encoding.</summary>
    [Params("identity", "gzip", "br", "zstd")]
    public string Encoding { get; set; } = string.Empty;

    [GlobalSetup]
    public void Compress()
    {
        var random = new Random(7);
        var deltas = Enumerable.Range(0, 2_000).Select(_ => SampleAnswers.Delta(Convert.ToHexStringLower(BitConverter.GetBytes(random.NextInt64()))));
        var answer = System.Text.Encoding.UTF8.GetBytes(SampleAnswers.Start + string.Concat(deltas) + SampleAnswers.End);
        _pieces = SampleAnswers.Cut(Encode(answer), ReadBytes);
    }

    [Benchmark]
    [Allocates(4_096)]
    public long LongAnswer() => SampleAnswers.Read(_pieces, Encoding);

    private byte[] Encode(byte[] answer)
    {
        if (Encoding == "identity")
        {
            return answer;
        }

        var encoded = new MemoryStream();
        using (Stream encoder = Encoding switch
        {
            "gzip" => new GZipStream(encoded, CompressionLevel.Optimal),
            "br" => new BrotliStream(encoded, CompressionLevel.Optimal),
            _ => new ZstdSharp.CompressionStream(encoded),
        })
        {
            encoder.Write(answer);
        }

        return encoded.ToArray();
    }
}
