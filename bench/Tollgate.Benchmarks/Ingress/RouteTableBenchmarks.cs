using BenchmarkDotNet.Attributes;
using Tollgate.Benchmarks.Gate;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Ingress;

namespace Tollgate.Benchmarks.Ingress;

/// <summary>What finding the way of a request costs, the check of its target included.</summary>
[MemoryDiagnoser]
public class RouteTableBenchmarks
{
    private readonly RouteTable<string> _routes = new(Enumerable.Range(0, 20)
        .Select(static i => $"upstream-{i}")
        .Append(RouteNames.DefaultUpstream)
        .ToDictionary(static name => name, static name => name, StringComparer.Ordinal));

    [Benchmark(Baseline = true)]
    [Allocates(0)]
    public Operation DefaultUpstream() => Find("/v1/messages?beta=true");

    [Benchmark]
    [Allocates(0)]
    public Operation NamedUpstream() => Find("/upstream-7/v1/messages?beta=true");

    private Operation Find(string rawTarget)
    {
        var target = RequestTarget.PathAndQuery(rawTarget);
        return RequestTarget.IsUnambiguous(target[..target.IndexOf('?')]) && _routes.TryFind("POST", target, out var route)
            ? route.Operation
            : throw new InvalidOperationException("There is a route.");
    }
}
