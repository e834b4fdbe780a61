using BenchmarkDotNet.Attributes;
using Tollgate.Benchmarks.Gate;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Benchmarks.Admission;

/// <summary>What a request pays for budgets and rate limits.</summary>
/// <remarks>
/// Each request meets five budgets of three scopes (everything, team, key; calendar, rolling and for ever; money and tokens) and two rate limits. Keys take
/// turns, so with 10,000 of them their accounts are not in the processor's first cache. <see cref="Size.Many"/> has 995 budgets for one key each beside
/// those five: one request in ten meets one of them too.
/// </remarks>
[MemoryDiagnoser]
public class AdmissionBenchmarks
{
    private const int Requests = 20_000;
    private const int RequestsOfThread = 400_000;

    private static readonly SpendEstimate Estimate = new(
        new SpendAmount(900_000_000, 90_000, 32_000, 122_000), null, new SpendAmount(120_000_000, 90_000, 900, 90_900), IsStream: true);

    private static readonly SpendAmount Amount = new(95_000_000, 4_000, 700, 91_000);

    private readonly AdmissionBook _book = new(TimeProvider.System, tail: null);
    private SpendSubject[] _subjects = [];

    /// <summary>How many keys and budgets there are.</summary>
    public enum Size
    {
        /// <summary>10 keys, 5 budgets.</summary>
        Few,

        /// <summary>10,000 keys, 1,000 budgets.</summary>
        Many,
    }

    [Params(Size.Few, Size.Many)]
    public Size Keys { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        var keys = Keys == Size.Few ? 10 : 10_000;
        _subjects = [.. Enumerable.Range(0, keys).Select(i => new SpendSubject("acme", $"team{i % 50}", "p", $"key{i:D5}", $"dev{i:D5}", "claude-opus-4-8", "s"))];
        var limit = new Nanodollars(4_000_000_000_000_000_000); // More than all rounds spend.
        List<BudgetOptions> budgets =
        [
            new() { Id = "all-month", LimitUsd = limit, Mode = BudgetMode.Strict },
            new() { Id = "all-5h", LimitUsd = limit, Window = "5h" },
            new() { Id = "team-month", Scope = ScopeKind.Team, Value = "*", LimitUsd = limit },
            new() { Id = "key-month", Scope = ScopeKind.Key, Value = "*", LimitUsd = limit, Mode = BudgetMode.Strict, TimeZone = "America/New_York" },
            new() { Id = "key-ever", Scope = ScopeKind.Key, Value = "*", LimitTokens = long.MaxValue, Window = "lifetime" },
        ];
        if (Keys == Size.Many)
        {
            budgets.AddRange(Enumerable.Range(0, 995).Select(i => new BudgetOptions
            {
                Id = $"one-{i}",
                Scope = ScopeKind.Key,
                Value = $"key{i:D5}",
                LimitUsd = limit,
                TimeZone = "America/New_York",
            }));
        }

        _book.Apply(budgets,
        [
            new() { Id = "requests", Scope = ScopeKind.Key, Value = "*", Limit = 1_000_000_000_000 },
            new() { Id = "tokens", Scope = ScopeKind.Team, Value = "*", Metric = LimitMetric.Tokens, Limit = 1_000_000_000_000, Per = TimeSpan.FromSeconds(1) },
        ]);
        Run(keys);
    }

    /// <summary>All that a request does: the look before its body, a lease, admission, the settlement by its row.</summary>
    [Benchmark(OperationsPerInvoke = Requests)]
    [Allocates(0)]
    public void WholeRequest()
    {
        for (var i = 0; i < Requests; i++)
        {
            var subject = _subjects[i % _subjects.Length];
            if (_book.IsSpent(subject, out _))
            {
                throw new InvalidOperationException("Nothing is spent.");
            }

            _book.FindNeeds(subject, out _, out _);
            One(subject);
        }
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Requests)]
    [Allocates(0)]
    public void AdmitAndSettle() => Run(Requests);

    /// <summary>Two threads that do nothing else. Per request of either.</summary>
    /// <remarks>How often they meet at the gate is chance, and more so beside other processes.</remarks>
    [Benchmark(OperationsPerInvoke = 2 * RequestsOfThread)]
    [Allocates(0)]
    [Tolerance(3)]
    public void AdmitAndSettleOnTwoThreads()
    {
        var other = new Thread(() => Run(RequestsOfThread));
        other.Start();
        Run(RequestsOfThread);
        other.Join();
    }

    private void Run(int requests)
    {
        for (var i = 0; i < requests; i++)
        {
            One(_subjects[i % _subjects.Length]);
        }
    }

    private void One(in SpendSubject subject)
    {
        var lease = _book.Rent();
        if (_book.TryAdmit(subject, Estimate, isMetered: true, lease).Answer != AdmissionAnswer.Admitted)
        {
            throw new InvalidOperationException("It was not admitted.");
        }

        _book.Settle(lease, subject, Amount, place: 0);
        _book.Return(lease);
    }
}
