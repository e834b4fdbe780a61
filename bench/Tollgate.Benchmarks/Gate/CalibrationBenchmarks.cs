using System.Runtime.CompilerServices;
using BenchmarkDotNet.Attributes;

namespace Tollgate.Benchmarks.Gate;

/// <summary>How fast this machine is: fixed work that no change of Tollgate changes. Other times are compared as multiples of it.</summary>
/// <remarks>
/// A walk through 256 KiB in an order the processor can't foresee, with a branch at each step: the mix that the hot path is made of. No hash from the
/// library, because a processor that has instructions for it would look many times faster than it is for anything else.
/// </remarks>
[MemoryDiagnoser]
public class CalibrationBenchmarks
{
    private const int Steps = 4096;
    private readonly ulong[] _table = new ulong[32 * 1024];

    [GlobalSetup]
    public void Fill()
    {
        var state = 1UL;
        for (var i = 0; i < _table.Length; i++)
        {
            _table[i] = state = Next(state);
        }
    }

    [Benchmark]
    [Allocates(0)]
    public ulong Walk()
    {
        var table = _table;
        var (state, sum) = (1UL, 0UL);
        for (var i = 0; i < Steps; i++)
        {
            state = Next(state);
            var found = table[(int)(state >> 49)];
            sum = (found & 3) == 0 ? sum ^ found : sum + found;
            state ^= sum & 1;
        }

        return sum;
    }

    // Source: Knuth, MMIX: multiplier and increment of a linear congruential generator.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Next(ulong state) => (state * 6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
}
