using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using static Tollgate.Proxy.Tests.Admission.SmallBook;

namespace Tollgate.Proxy.Tests.Admission;

/// <summary>What becomes of what was taken of a rate limit when its rules change while requests are under way.</summary>
public class LimitRuleTests
{
    private static readonly LimitOptions Tokens = new() { Id = "l", Metric = LimitMetric.Tokens, Limit = 1000 };

    private readonly SmallBook _book = new();

    [Fact]
    public void What_is_taken_stays_taken_under_another_rate()
    {
        _book.Limit(Tokens);
        _book.Admit(400);
        _book.Limit(Tokens with { Limit = 500 });
        Assert.Equal(400, Used());
        Assert.Equal(AdmissionAnswer.LimitReached, _book.TryAdmit(101, out _).Answer);
        _book.Admit(100);
    }

    [Fact]
    public void A_request_under_way_corrects_its_estimate_under_the_rules_of_its_end()
    {
        _book.Limit(Tokens);
        var lease = _book.Admit(400);
        _book.Limit(Tokens with { Limit = 2000 });
        _book.Settle(lease, 150);
        Assert.Equal(150, Used());
    }

    [Fact]
    public void Reading_the_same_rules_again_and_again_lets_the_limit_fill_all_the_same()
    {
        var daily = Tokens with { Limit = 10, Per = TimeSpan.FromDays(1) };
        _book.Limit(daily);
        _book.Admit(10);
        for (var hour = 0; hour < 24; hour++)
        {
            _book.Clock.Pass(TimeSpan.FromHours(1));
            _book.Limit(daily);
        }

        Assert.Equal(0, Used());
    }

    [Fact]
    public void Requests_under_way_count_on_when_their_number_is_limited_otherwise()
    {
        var limit = Tokens with { Metric = LimitMetric.Concurrency, Limit = 3 };
        _book.Limit(limit);
        var first = _book.Admit(1);
        var second = _book.Admit(1);
        _book.Limit(limit with { Limit = 1 });
        Assert.Equal(AdmissionAnswer.LimitReached, _book.TryAdmit(1, out _).Answer);
        _book.Book.Return(first);
        Assert.Equal(AdmissionAnswer.LimitReached, _book.TryAdmit(1, out _).Answer);
        _book.Settle(second, 1);
        Assert.Equal(0, Used());
        _book.Admit(1);
    }

    [Theory]
    [InlineData(LimitMetric.Input, ScopeKind.Everything, "")]
    [InlineData(LimitMetric.Tokens, ScopeKind.Team, "*")]
    public void A_limit_of_something_else_starts_anew(LimitMetric metric, ScopeKind scope, string value)
    {
        _book.Limit(Tokens);
        var lease = _book.Admit(1000);
        _book.Limit(Tokens with { Metric = metric, Scope = scope, Value = value });
        Assert.DoesNotContain(_book.Book.Limits(), static state => state.Used > 0);
        _book.Settle(lease, 5000);
        _book.Admit(1000);
    }

    [Fact]
    public void A_request_that_outlasts_its_estimate_is_still_charged_after_a_sweep()
    {
        var clock = new HandClock(DateTimeOffset.UnixEpoch);
        var book = new AdmissionBook(clock, tail: null, sweepEvery: 1);
        book.Apply([], [Tokens with { Scope = ScopeKind.Key, Value = "*" }]);
        var lease = book.Rent();
        Assert.Equal(AdmissionAnswer.Admitted, book.TryAdmit(Ann, Most(10), isMetered: true, lease).Answer);
        clock.Pass(TimeSpan.FromMinutes(10));
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(AdmissionAnswer.Admitted, book.TryAdmit(Ann with { KeyId = "k2" }, Most(1), isMetered: true, book.Rent()).Answer);
        }

        book.Settle(lease, Ann, new SpendAmount(0, 0, 0, 3000), 0);
        Assert.Equal(2990, book.Limits().Single(static state => state.Value == "k1").Used);
    }

    private long Used() => Assert.Single(_book.Book.Limits()).Used;
}
