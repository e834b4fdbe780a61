using BenchmarkDotNet.Attributes;
using Tollgate.Benchmarks.Gate;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Keys;

namespace Tollgate.Benchmarks.Keys;

/// <summary>What proving a virtual key costs; most of it is its SHA-256. With many keys they take turns.</summary>
[MemoryDiagnoser]
public class KeyRingBenchmarks
{
    private const int Presented = 1_000;
    private static readonly DateTimeOffset Now = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);
    private string[] _presented = [];
    private string _unknown = string.Empty;
    private KeyRing _ring = null!;

    [Params(1, 10_000)]
    public int Keys { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        var keys = Enumerable.Range(0, Keys).Select(static i => VirtualKeyFormat.Create($"key{i:D5}")).ToArray();
        _presented = [.. Enumerable.Range(0, Presented).Select(i => keys[i * 7919 % keys.Length])];
        _unknown = VirtualKeyFormat.Create("stranger");
        _ring = new KeyRing([.. keys.Select(static (key, i) => new KeyOptions { Id = $"key{i:D5}", Hash = VirtualKeyFormat.HashText(key) })], []);
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Presented)]
    [Allocates(0)]
    public void Known()
    {
        foreach (var presented in _presented)
        {
            if (!_ring.TryFind(presented, Now, out _))
            {
                throw new InvalidOperationException("The key is known.");
            }
        }
    }

    [Benchmark]
    [Allocates(0)]
    public bool Unknown() => _ring.TryFind(_unknown, Now, out _);
}
