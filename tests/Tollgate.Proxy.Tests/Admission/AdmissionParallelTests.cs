using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using static Tollgate.Proxy.Tests.Admission.SmallBook;

namespace Tollgate.Proxy.Tests.Admission;

/// <summary>Many threads, one book.</summary>
public class AdmissionParallelTests
{
    private const int Threads = 8;
    private const int Steps = 4_000;

    private readonly SmallBook _book = new();

    [Fact]
    public async Task Of_a_thousand_requests_for_what_is_there_for_ten_ten_pass()
    {
        _book.Apply(Budget(1000));
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answers = Enumerable.Range(0, 1000).Select(async _ =>
        {
            await start.Task;
            return _book.TryAdmit(100, out var _).Answer;
        }).ToArray();
        start.SetResult();
        Assert.Equal(10, (await Task.WhenAll(answers)).Count(static answer => answer == AdmissionAnswer.Admitted));
        Assert.Equal(1000, _book.State().Held);
    }

    [Fact]
    public void Whatever_threads_do_at_once_no_strict_budget_is_ever_overspent_and_nothing_is_lost()
    {
        const long Limit = 300_000;
        _book.Book.Apply(
            [
                Budget(Limit), Budget(60_000, window: "5h", id: "key") with { Scope = ScopeKind.Key, Value = "*" },
                Budget(long.MaxValue, BudgetMode.Watch, "month", "all"), Budget(long.MaxValue, BudgetMode.Expected, "day", "team") with { Scope = ScopeKind.Team, Value = "*" },
            ],
            [new LimitOptions { Id = "once", Metric = LimitMetric.Concurrency, Limit = 20 }]);
        var spent = new long[Threads];
        Exception? failure = null;
        var threads = Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            try
            {
                spent[number] = Work(number);
            }
            catch (Exception thrown)
            {
                Volatile.Write(ref failure, thrown);
            }
        })).ToArray();
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());

        Assert.Null(failure);
        Assert.All(_book.Book.Budgets(), static state => Assert.Equal(0, state.Held));
        Assert.All(_book.Book.Limits(), static state => Assert.Equal(0, state.Used));
        Assert.Equal(spent.Sum(), _book.State("all").Spent);
        Assert.Equal(spent.Sum(), _book.State().Spent);
        Assert.Equal(spent.Sum(), _book.State("team").Spent);
        Assert.Equal(spent.Sum(), _book.Book.Budgets().Where(static state => state.Budget.Id == "key").Sum(static state => state.Spent));
        Assert.InRange(spent.Sum(), Limit / 20, Limit); // How much gets in is up to the scheduler.
    }

    private long Work(int number)
    {
        var random = new Random(number);
        var open = new List<(AdmissionLease Lease, SpendSubject Subject, long Most)>();
        var spent = 0L;
        for (var i = 0; i < Steps || open.Count > 0; i++)
        {
            if (i < Steps && random.Next(2) == 0)
            {
                var (subject, most) = (Ann with { KeyId = $"k{random.Next(6)}" }, random.NextInt64(1, 100));
                if (_book.TryAdmit(most, out var lease, subject).Answer == AdmissionAnswer.Admitted)
                {
                    open.Add((lease, subject, most));
                }
                else
                {
                    _book.Book.Return(lease);
                }
            }
            else if (open.Count > 0)
            {
                var (lease, subject, most) = open[^1];
                open.RemoveAt(open.Count - 1);
                if (random.Next(4) > 0)
                {
                    var amount = random.NextInt64(0, most + 1);
                    spent += amount;
                    _book.Book.Settle(lease, subject, new SpendAmount(amount, 0, 0, amount), 0);
                }

                _book.Book.Return(lease);
            }

            if (i % 50 == 0)
            {
                foreach (var state in _book.Book.Budgets().Where(static state => state.Budget.Mode == BudgetMode.Strict))
                {
                    Must.Be(state.Held >= 0 && state.Spent + state.Held <= state.Limit, $"{state.Spent} spent and {state.Held} held of {state.Limit}");
                }
            }
        }

        return spent;
    }
}
