using System.Buffers;
using BenchmarkDotNet.Attributes;
using Tollgate.Benchmarks.Gate;
using Tollgate.Benchmarks.Ingress;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Ingress;

namespace Tollgate.Benchmarks.Accounting;

/// <summary>What saying before a request how much of a budget to hold for it takes; its body has been read.</summary>
[MemoryDiagnoser]
public class CostBoundBenchmarks
{
    private static readonly DateTimeOffset Now = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);
    private readonly RequestFacts _facts = new();

    [GlobalSetup]
    public void Read()
    {
        var result = RequestFactsReader.Read(new ReadOnlySequence<byte>(SampleBodies.Make(BodySize.Turn)), _facts);
        if (result != RequestFactsResult.Complete || !Most().IsKnown)
        {
            throw new InvalidOperationException("The request has a bound.");
        }
    }

    [Benchmark(Baseline = true)]
    [Allocates(0)]
    public ExpectedCost Expected() => CostBound.Expected(PriceList.Embedded, _facts.Model, _facts.BodyBytes, _facts.MaxTokens, 700, string.Empty, Now);

    [Benchmark]
    [Allocates(0)]
    public MostCost Most() => CostBound.Most(PriceList.Embedded, _facts, string.Empty, Now);
}
