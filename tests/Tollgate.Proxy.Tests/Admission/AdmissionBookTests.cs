using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Testing;
using static Tollgate.Proxy.Tests.Admission.SmallBook;

namespace Tollgate.Proxy.Tests.Admission;

/// <summary>Single rules of the book, most of them once broken; what they come to together is in <see cref="AdmissionModelTests"/>.</summary>
public class AdmissionBookTests
{
    private readonly SmallBook _book = new();

    [Fact]
    public void A_request_admitted_while_the_clock_is_behind_counts_in_the_window_that_it_was_held_in()
    {
        _book.Apply(Budget(100, window: "day"));
        _book.Clock.Pass(TimeSpan.FromDays(1));
        _book.Spend(10);
        _book.Clock.SetBack(TimeSpan.FromDays(1));
        _book.Spend(20);
        Assert.Equal(30, _book.State().Spent);
    }

    [Fact]
    public void A_past_that_is_asked_for_while_the_clock_is_behind_is_that_of_the_present_window()
    {
        var book = new SmallBook(() => 7);
        book.Clock.Pass(TimeSpan.FromDays(1));
        book.Apply(Budget(100, window: "day"));
        book.Clock.SetBack(TimeSpan.FromDays(1));
        Assert.Equal(new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero).UtcTicks, book.Book.Now);
    }

    [Fact]
    public void Reserves_beyond_the_largest_number_let_nobody_in()
    {
        // A model that may go on when nothing is left reserves whatever its max_tokens come to, and max_tokens are the client's.
        _book.Apply(Budget(100) with { ModelsWhenSpent = ["opus"] });
        for (var i = 0; i < 20; i++)
        {
            _book.Admit(1_000_000_000_000_000_000);
        }

        Assert.Equal(long.MaxValue, _book.State().Held);
        Assert.Equal(AdmissionAnswer.BudgetSpent, _book.TryAdmit(1, out _, Ann with { Model = "haiku" }).Answer);
    }

    [Fact]
    public void Spend_beyond_the_largest_number_leaves_a_rolling_window_with_its_bucket()
    {
        _book.Apply(Budget(100, BudgetMode.Watch, "1h"));
        _book.Spend(long.MaxValue / 2);
        _book.Spend(long.MaxValue / 2);
        _book.Spend(long.MaxValue / 2);
        Assert.Equal(long.MaxValue, _book.State().Spent);
        _book.Clock.Pass(TimeSpan.FromMinutes(30));
        _book.Spend(5);
        _book.Clock.Pass(TimeSpan.FromMinutes(31));
        Assert.Equal(5, _book.State().Spent);
    }

    [Fact]
    public void A_threshold_is_told_of_once_although_thresholds_change()
    {
        _book.Apply(Budget(100) with { Thresholds = [50] });
        _book.Spend(60);
        Assert.Equal([50], _book.Warnings());
        _book.Apply(Budget(100) with { Thresholds = [10, 50, 70] });
        _book.Spend(1);
        Assert.Empty(_book.Warnings());
        _book.Spend(9);
        Assert.Equal([70], _book.Warnings());
    }

    [Fact]
    public void A_budget_whose_thresholds_are_taken_away_goes_on_counting()
    {
        _book.Apply(Budget(100));
        _book.Spend(99);
        _book.Apply(Budget(1000) with { Thresholds = [] });
        _book.Spend(10);
        Assert.Equal(109, _book.State().Spent);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(50)]
    [InlineData(120)]
    public void A_threshold_is_told_of_again_once_spend_was_well_below_it(int threshold)
    {
        _book.Apply(Budget(1000, BudgetMode.Watch, "1h") with { Thresholds = [threshold] });
        for (var i = 0; i < 2; i++)
        {
            _book.Spend(threshold * 10);
            Assert.Equal([threshold], _book.Warnings());
            _book.Clock.Pass(TimeSpan.FromHours(2));
            _book.Spend(0);
            Assert.Empty(_book.Warnings());
        }
    }

    [Fact]
    public void A_budget_that_is_gone_warns_of_nothing_when_its_past_is_read()
    {
        var book = new SmallBook(() => 5);
        book.Apply(Budget(100, id: "old", mode: BudgetMode.Expected));
        Assert.True(book.Book.Unread.TryRead(out var series));
        book.Settle(book.Admit(1), 1, place: 6);
        book.Apply(Budget(100, id: "other", mode: BudgetMode.Expected));
        book.Book.Open(series, [new SpendSum(string.Empty, series.Cut, 90, 0)]);
        while (book.Book.Warnings.TryRead(out var warning))
        {
            Assert.Equal("other", warning.State.Budget.Id);
        }

        book.Apply();
        book.Apply(Budget(100, id: "again", mode: BudgetMode.Expected));
        Assert.True(book.Book.Unread.TryRead(out var second));
        book.Apply();
        book.Book.Open(second, [new SpendSum(string.Empty, 0, 100, 0)]);
        Assert.Empty(book.Warnings());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_reserve_is_not_inherited_by_a_namesake_whether_or_not_anybody_looked_in_between(bool isLookedAt)
    {
        _book.Apply(Budget(100), Budget(100, id: "other"));
        var lease = _book.Admit(60);
        _book.Apply(Budget(100, id: "other"));
        if (isLookedAt)
        {
            _ = _book.Book.Budgets();
        }

        _book.Apply(Budget(100), Budget(100, id: "other"));
        Assert.Equal((0, 60), (_book.State().Held, _book.State("other").Held));
        _book.Settle(lease, 10);
        Assert.Equal((10, 0, 0), (_book.State().Spent, _book.State().Held, _book.State("other").Held));
    }

    [Fact]
    public void A_reserve_stays_with_its_budget_when_limit_and_mode_change()
    {
        _book.Apply(Budget(100));
        var lease = _book.Admit(60);
        _book.Apply(Budget(50, BudgetMode.Expected));
        Assert.Equal(60, _book.State().Held);
        Assert.Equal(AdmissionAnswer.BudgetSpent, _book.TryAdmit(1, out _).Answer);
        _book.Settle(lease, 5);
        Assert.Equal((5, 0), (_book.State().Spent, _book.State().Held));
    }

    [Fact]
    public void What_is_spent_does_not_depend_on_the_order_in_which_requests_end()
    {
        var random = new Random(7);
        var amounts = Enumerable.Range(0, 40).Select(_ => random.NextInt64(1, 1_000_000)).ToArray();
        var states = new HashSet<string>();
        for (var order = 0; order < 20; order++)
        {
            var book = new SmallBook();
            book.Apply(Budget(long.MaxValue), Budget(long.MaxValue, BudgetMode.Expected, "5h", "rolling"), Budget(long.MaxValue, BudgetMode.Watch, "day", "day"));
            var leases = amounts.Select(amount =>
            {
                book.Clock.Pass(TimeSpan.FromMinutes(2));
                return (Lease: book.Admit(amount * 2), Amount: amount);
            }).ToArray();
            random.Shuffle(leases);
            foreach (var (lease, amount) in leases)
            {
                book.Settle(lease, amount);
            }

            states.Add(string.Join(';', book.Book.Budgets().Select(static state => $"{state.Budget.Id} {state.Spent} {state.Held}")));
        }

        Assert.Equal($"b {amounts.Sum()} 0;rolling {amounts.Sum()} 0;day {amounts.Sum()} 0", Assert.Single(states));
    }

    [Theory]
    [InlineData("rented")]
    [InlineData("refused by a later budget")]
    [InlineData("refused by a limit")]
    [InlineData("admitted")]
    [InlineData("admitted, rules changed")]
    [InlineData("admitted, budget gone")]
    [InlineData("admitted, window over")]
    [InlineData("released")]
    [InlineData("settled")]
    public void A_lease_returned_at_any_point_leaves_nothing(string point)
    {
        BudgetOptions[] budgets =
        [
            Budget(100, window: "hour"), Budget(100, BudgetMode.Expected, "5h", "rolling"), Budget(point == "refused by a later budget" ? 10 : 100, id: "life"),
        ];
        LimitOptions[] limits =
        [
            new() { Id = "once", Metric = LimitMetric.Concurrency, Limit = 1 }, new() { Id = "tokens", Metric = LimitMetric.Tokens, Limit = 1000 },
        ];
        _book.Book.Apply(budgets, limits);
        var other = point == "refused by a limit" ? _book.Admit(1) : null;
        var lease = _book.Book.Rent();
        if (point != "rented")
        {
            var answer = _book.Book.TryAdmit(Ann, Most(50), isMetered: true, lease).Answer;
            Assert.Equal(
                point switch { "refused by a later budget" => AdmissionAnswer.BudgetSpent, "refused by a limit" => AdmissionAnswer.LimitReached, _ => AdmissionAnswer.Admitted },
                answer);
        }

        switch (point)
        {
            case "admitted, rules changed":
                _book.Book.Apply([.. budgets.Select(static one => one with { LimitUsd = new Nanodollars(70) })], [limits[0] with { Limit = 2 }, limits[1] with { Limit = 2000 }]);
                break;
            case "admitted, budget gone":
                _book.Book.Apply([budgets[1]], [limits[1]]);
                break;
            case "admitted, window over":
                _book.Clock.Pass(TimeSpan.FromHours(1));
                break;
            case "released":
                _book.Book.Release(lease);
                break;
            case "settled":
                _book.Settle(lease, 0);
                break;
        }

        _book.Book.Return(lease);
        if (other is not null)
        {
            _book.Book.Return(other);
        }

        Assert.All(_book.Book.Budgets(), static state => Assert.Equal((0, 0), (state.Held, state.Spent)));
        Assert.All(_book.Book.Limits(), static state => Assert.Equal(0, state.Used));
        var again = _book.Book.Rent();
        Assert.Same(lease, again);
        Assert.True(!again.IsOpen && again.Budgets.Count == 0 && again.Limits.Count == 0 && again.RemainingUsd == -1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Refused_requests_that_name_one_session_after_another_leave_no_heap_of_accounts(bool isBeforeBody)
    {
        _book.Apply(Budget(100, id: "session", window: "month") with { Scope = ScopeKind.Session, Value = "*" }, Budget(0));
        for (var i = 0; i < 30_000; i++)
        {
            var subject = Ann with { Session = $"s{i}" };
            Assert.True(isBeforeBody ? _book.Book.IsSpent(subject, out _) : _book.TryAdmit(1, out _, subject).Answer == AdmissionAnswer.BudgetSpent);
        }

        Assert.InRange(_book.Book.Budgets().Count, 1, 10_000);
    }

    [Fact]
    public void Admitting_and_settling_allocate_nothing()
    {
        _book.Book.Apply(
            [
                Budget(long.MaxValue), Budget(long.MaxValue, BudgetMode.Expected, "5h", "rolling"),
                Budget(long.MaxValue, id: "team") with { Scope = ScopeKind.Team, Value = "*" },
                Budget(long.MaxValue, id: "key") with { Scope = ScopeKind.Key, Value = "k1" },
                new BudgetOptions { Id = "tokens", Scope = ScopeKind.Key, Value = "*", LimitTokens = long.MaxValue, Window = "month" },
            ],
            [
                new LimitOptions { Id = "requests", Scope = ScopeKind.Key, Value = "*", Limit = 1_000_000_000 },
                new LimitOptions { Id = "tokens", Metric = LimitMetric.Tokens, Limit = 1_000_000_000_000 },
            ]);
        Run();
        Assert.Equal(0, Allocations.Least(Run));

        void Run()
        {
            for (var i = 0; i < 10_000; i++)
            {
                var lease = _book.Book.Rent();
                _ = _book.Book.IsSpent(Ann, out _);
                _book.Book.FindNeeds(Ann, out _, out _);
                if (_book.Book.TryAdmit(Ann, Most(1000), isMetered: true, lease).Answer != AdmissionAnswer.Admitted)
                {
                    throw new InvalidOperationException("It was not admitted.");
                }

                _book.Settle(lease, 900);
                _book.Book.Return(lease);
            }
        }
    }
}
