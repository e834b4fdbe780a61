using BenchmarkDotNet.Attributes;
using Tollgate.Benchmarks.Gate;

namespace Tollgate.Benchmarks.Scanning;

/// <summary>What reading the usage out of a whole answer costs, tap and all.</summary>
/// <remarks>A read brings 4 KiB, as the forwarder's do. The baseline is a long answer of Claude Code: 2,000 pieces of 20 bytes of text.</remarks>
[MemoryDiagnoser]
public class ResponseTapBenchmarks
{
    private const int ReadBytes = 4096;
    private const int Deltas = 2_000;

    private ReadOnlyMemory<byte>[] _longAnswer = [];
    private ReadOnlyMemory<byte>[] _tinyChunks = [];
    private ReadOnlyMemory<byte>[] _cutInsideUtf8 = [];
    private ReadOnlyMemory<byte>[] _shortAnswer = [];

    [GlobalSetup]
    public void Make()
    {
        var answer = SampleAnswers.Answer(Deltas, "twenty bytes of text");
        _longAnswer = SampleAnswers.Cut(answer, ReadBytes);
        _tinyChunks = SampleAnswers.Cut(answer, 97);
        _cutInsideUtf8 = SampleAnswers.CutInsideUtf8(SampleAnswers.Answer(Deltas, "zwanzig Zeichen für €"));
        _shortAnswer = SampleAnswers.Cut(SampleAnswers.Answer(40, "twenty bytes of text"), ReadBytes);
    }

    [Benchmark]
    [Allocates(0)]
    public long ShortAnswer() => SampleAnswers.Read(_shortAnswer);

    [Benchmark(Baseline = true)]
    [Allocates(0)]
    public long LongAnswer() => SampleAnswers.Read(_longAnswer);

    /// <summary>The long answer in pieces of 97 bytes: no event lies in one piece.</summary>
    [Benchmark]
    [Allocates(0)]
    public long ManyTinyChunks() => SampleAnswers.Read(_tinyChunks);

    /// <summary>Every character of more than one byte is cut.</summary>
    [Benchmark]
    [Allocates(0)]
    public long CutInsideUtf8() => SampleAnswers.Read(_cutInsideUtf8);
}
