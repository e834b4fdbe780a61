using Tollgate.Proxy.Admission;

namespace Tollgate.Proxy.Tests.Admission;

/// <summary>Which refusals are worth a note in the budgets' history.</summary>
public class RefusalFilterTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);

    private readonly RefusalFilter _filter = new();

    [Fact]
    public void A_client_that_tries_for_ever_is_noted_once_in_a_window()
    {
        Assert.Equal(1, Enumerable.Range(0, 100_000).Count(i => _filter.IsNew("b", "search", 1, "ann", Noon.AddSeconds(i))));
        Assert.True(_filter.IsNew("b", "search", 2, "ann", Noon));
        Assert.True(_filter.IsNew("b", "search", 1, "bob", Noon));
        Assert.True(_filter.IsNew("c", "search", 1, "ann", Noon));
    }

    [Fact]
    public void A_client_that_names_another_session_each_time_is_noted_twelve_times_an_hour()
    {
        Assert.Equal(12, Enumerable.Range(0, 100_000).Count(i => _filter.IsNew("b", $"session {i}", 1, "ann", Noon)));
        Assert.True(_filter.IsNew("b", "session 0", 1, "bob", Noon));
        Assert.Equal(12, Enumerable.Range(0, 100_000).Count(i => _filter.IsNew("b", $"other {i}", 1, "ann", Noon.AddHours(1))));
    }

    [Fact]
    public void Reaching_the_limit_is_noted_though_no_threshold_warns_of_it()
    {
        var journal = new BudgetJournal();
        var book = new AdmissionBook(new HandClock(Noon), null) { Journal = journal };
        book.Apply([SmallBook.Budget(100) with { Thresholds = [80] }], []);
        var lease = book.Rent();
        Assert.Equal(AdmissionAnswer.Admitted, book.TryAdmit(SmallBook.Ann, SmallBook.Most(100), isMetered: true, lease).Answer);
        book.Settle(lease, SmallBook.Ann, new SpendAmount(100, 100, 0, 100), 0);
        Assert.True(journal.Notes.TryRead(out var soft));
        Assert.True(journal.Notes.TryRead(out var hard));
        Assert.Equal((80, 100), (soft.Percent, hard.Percent));
        Assert.False(journal.Notes.TryRead(out _));
        Assert.True(book.Warnings.TryRead(out var warning));
        Assert.Equal(80, warning.Threshold);
        Assert.False(book.Warnings.TryRead(out _));
    }
}
