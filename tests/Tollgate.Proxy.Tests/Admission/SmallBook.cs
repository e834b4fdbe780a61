using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Tests.Admission;

/// <summary>A book with short words for what tests do with it. No ledger is kept, unless a tail is given.</summary>
internal sealed class SmallBook
{
    public static readonly SpendSubject Ann = new("acme", "search", "p", "k1", "ann", "opus", "s1");

    public SmallBook(Func<long>? tail = null)
    {
        Book = new AdmissionBook(Clock, tail);
    }

    public HandClock Clock { get; } = new(new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));

    public AdmissionBook Book { get; }

    public static BudgetOptions Budget(long usd, BudgetMode mode = BudgetMode.Strict, string window = "lifetime", string id = "b") =>
        new() { Id = id, LimitUsd = new Nanodollars(usd), Mode = mode, Window = window };

    public static SpendEstimate Most(long usd) => new(new SpendAmount(usd, 0, 0, usd), null, new SpendAmount(usd, usd, 0, usd), IsStream: false);

    public void Apply(params BudgetOptions[] budgets) => Book.Apply(budgets, []);

    public void Limit(params LimitOptions[] limits) => Book.Apply([], limits);

    public AdmissionVerdict TryAdmit(long usd, out AdmissionLease lease, SpendSubject? subject = null)
    {
        lease = Book.Rent();
        return Book.TryAdmit(subject ?? Ann, Most(usd), isMetered: true, lease);
    }

    public AdmissionLease Admit(long usd, SpendSubject? subject = null)
    {
        Assert.Equal(AdmissionAnswer.Admitted, TryAdmit(usd, out var lease, subject).Answer);
        return lease;
    }

    public void Settle(AdmissionLease lease, long usd, long place = 0) => Book.Settle(lease, Ann, new SpendAmount(usd, usd, 0, usd), place);

    public void Spend(long usd) => Settle(Admit(usd), usd);

    public BudgetState State(string id = "b") => Assert.Single(Book.Budgets(), state => state.Budget.Id == id);

    public List<int> Warnings()
    {
        var told = new List<int>();
        while (Book.Warnings.TryRead(out var warning))
        {
            told.Add(warning.Threshold);
        }

        return told;
    }
}
