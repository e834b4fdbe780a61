using BenchmarkDotNet.Attributes;
using Tollgate.Benchmarks.Gate;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Facts;

namespace Tollgate.Benchmarks.Accounting;

/// <summary>What turning an answer's figures into its cost takes, by the shipped price list.</summary>
[MemoryDiagnoser]
public class CostingBenchmarks
{
    private static readonly PricingRequest Request = new("claude-opus-4-8", new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero), string.Empty);
    private readonly UsageReport _turn = Report();
    private readonly UsageReport _withIterations = Report();

    [GlobalSetup]
    public void AddIterations()
    {
        _withIterations.Iterations.Add(new UsageIteration(IterationKind.Compaction, null, Tokens(180_000, 3_500)));
        _withIterations.Iterations.Add(new UsageIteration(IterationKind.AdvisorMessage, "claude-fable-5-2", Tokens(823, 1_612)));
        _withIterations.Iterations.Add(new UsageIteration(IterationKind.Message, null, _turn.Tokens));
    }

    [Benchmark(Baseline = true)]
    [Allocates(0)]
    public Nanodollars Settle() => Settle(_turn);

    /// <summary>An answer with a compaction and an advisor beside it, each at its own price.</summary>
    [Benchmark]
    [Allocates(0)]
    public Nanodollars SettleIterations() => Settle(_withIterations);

    private static Nanodollars Settle(UsageReport report)
    {
        var usage = SettledUsage.From(report, ForwardOutcome.Completed, 200, Operation.Messages, 90_000, requestFullySent: true);
        return Costing.Settle(PriceList.Embedded, Request, report, usage).Cost.Total;
    }

    private static ReportedTokens Tokens(long input, long output) => new() { Input = input, CacheRead = 0, CacheWrite = 0, CacheWrite5m = 0, CacheWrite1h = 0, Output = output };

    private static UsageReport Report() => new()
    {
        ServedModel = "claude-opus-4-8",
        Tokens = new() { Input = 12, CacheRead = 81_234, CacheWrite = 1_201, CacheWrite5m = 1_201, CacheWrite1h = 0, Output = 512 },
        MessageStarted = true,
        FinalUsageSeen = true,
        MessageStopped = true,
        ContentSeen = true,
        StopReason = "end_turn",
    };
}
