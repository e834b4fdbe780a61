using BenchmarkDotNet.Attributes;
using Tollgate.Benchmarks.Gate;
using Tollgate.Benchmarks.Scanning;
using Tollgate.Proxy.Ingress;

namespace Tollgate.Benchmarks.Ingress;

/// <summary>What learning the model costs while a body passes, in reads of 4 KiB. The peek itself is made anew for each request.</summary>
[MemoryDiagnoser]
public class BodyPeekBenchmarks
{
    private const int ReadBytes = 4096;
    private ReadOnlyMemory<byte>[] _modelFirst = [];
    private ReadOnlyMemory<byte>[] _modelLast = [];

    [Params(BodySize.Small, BodySize.Turn, BodySize.Large)]
    public BodySize Size { get; set; }

    [GlobalSetup]
    public void Make()
    {
        _modelFirst = SampleAnswers.Cut(SampleBodies.Make(Size), ReadBytes);
        _modelLast = SampleAnswers.Cut(SampleBodies.Make(Size, modelLast: true), ReadBytes);
    }

    [Benchmark(Baseline = true)]
    [Allocates(224)]
    public string ModelFirst() => Peek(_modelFirst);

    /// <summary>The peek has to see the whole body.</summary>
    [Benchmark]
    [Allocates(224)]
    public string ModelLast() => Peek(_modelLast);

    private static string Peek(ReadOnlyMemory<byte>[] pieces)
    {
        var peek = new BodyPeek();
        foreach (var piece in pieces)
        {
            if (peek.IsDone)
            {
                break;
            }

            peek.Feed(piece.Span);
        }

        return peek.Model.Length > 0 ? peek.Model : throw new InvalidOperationException("The model was not found.");
    }
}
