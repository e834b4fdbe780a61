using System.Buffers;
using BenchmarkDotNet.Attributes;
using Tollgate.Benchmarks.Gate;
using Tollgate.Proxy.Ingress;

namespace Tollgate.Benchmarks.Ingress;

/// <summary>What reading a whole body costs, which strict budgets and keys with rules for models ask for.</summary>
[MemoryDiagnoser]
public class RequestFactsReaderBenchmarks
{
    private ReadOnlySequence<byte> _body;

    [Params(BodySize.Small, BodySize.Turn, BodySize.Large)]
    public BodySize Size { get; set; }

    [GlobalSetup]
    public void Make() => _body = new ReadOnlySequence<byte>(SampleBodies.Make(Size));

    [Benchmark]
    [Allocates(256)]
    public long WholeBody()
    {
        var facts = new RequestFacts();
        return RequestFactsReader.Read(_body, facts) == RequestFactsResult.Complete
            ? facts.BodyBytes
            : throw new InvalidOperationException("The body was not read.");
    }
}
