using System.Globalization;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Tests.Admission;

/// <summary>The sentences that refused people read, with the headers that make their client stop or wait.</summary>
public class AdmissionRefusalTests
{
    private const long Dollar = Nanodollars.PerDollar;

    private static readonly DateTimeOffset Now = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Month = new(2026, 12, 1, 5, 0, 0, TimeSpan.Zero);
    private static readonly BudgetOptions Team = new()
    {
        Id = "search-month",
        Scope = ScopeKind.Team,
        Value = "*",
        LimitUsd = new Nanodollars(50 * Dollar),
        TimeZone = "America/New_York",
    };

    private static readonly AdmissionVerdict Spent = new()
    {
        Answer = AdmissionAnswer.BudgetSpent,
        Budget = Team,
        Value = "search",
        Spent = (50 * Dollar) + 12_345_678,
        Most = 50 * Dollar,
        Needed = 1,
        RetryAt = Month.UtcTicks,
    };

    [Fact]
    public void A_spent_budget_says_whose_how_much_when_it_resets_and_whom_to_ask()
    {
        var refusal = Of(Spent);
        Assert.Equal(
            "Budget \"search-month\" (team search) is spent: $50.0123 of $50.00. It resets Dec 1, 00:00 America/New_York. Ask #llm-budgets.", refusal.Message);
        Assert.Equal((429, RefusalReason.Budget, "billing_error", false), (refusal.Status, refusal.Reason, refusal.ErrorType, refusal.ShouldRetry));
        Assert.Equal(Month - Now, refusal.RetryAfter);
    }

    [Fact]
    public void A_spent_budget_has_the_headers_that_stop_a_client()
    {
        var seconds = Month.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        Assert.Equal(
            [
                ("anthropic-ratelimit-unified-status", "rejected"),
                ("anthropic-ratelimit-unified-overage-utilization", "1"),
                ("anthropic-ratelimit-unified-overage-surpassed-threshold", "1"),
                ("anthropic-ratelimit-unified-overage-disabled-reason", "org_spend_cap_reached"),
                ("x-tollgate-budget", "search-month"),
                ("anthropic-ratelimit-unified-reset", seconds),
                ("anthropic-ratelimit-unified-overage-reset", seconds),
                ("anthropic-ratelimit-unified-overage-period", "monthly"),
            ],
            Of(Spent).Headers.Select(static header => (header.Key, header.Value)));
    }

    [Fact]
    public void A_budget_with_too_little_left_says_what_is_held_and_what_is_needed()
    {
        var verdict = Spent with { Spent = 48 * Dollar, Held = Dollar, Needed = (3 * Dollar / 2) + 40_000 };
        Assert.Equal(
            "Budget \"search-month\" (team search) has too little left: $48.00 of $50.00 spent, $1.00 held by requests under way, and this request may take $1.50."
                + " It resets Dec 1, 00:00 America/New_York. Ask #llm-budgets.",
            Of(verdict).Message);
        Assert.Contains("$48.00 of $50.00 spent, and this request may take", Of(verdict with { Held = 0 }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_budget_for_ever_in_tokens_says_that_it_does_not_reset_and_asks_its_own_contact()
    {
        var budget = new BudgetOptions { Id = "trial", LimitTokens = 1_000_000, Window = "lifetime", Contact = "Ann" };
        var refusal = Of(Spent with { Budget = budget, Value = "", Spent = 1_234_567, Most = 1_000_000, RetryAt = null });
        Assert.Equal("Budget \"trial\" is spent: 1,234,567 tokens of 1,000,000 tokens. It does not reset. Ask Ann.", refusal.Message);
        Assert.Equal(TimeSpan.Zero, refusal.RetryAfter);
        Assert.DoesNotContain(refusal.Headers, static header => header.Key.EndsWith("reset", StringComparison.Ordinal) || header.Key.EndsWith("period", StringComparison.Ordinal));
    }

    [Fact]
    public void A_window_that_ends_this_moment_is_waited_for_a_second() =>
        Assert.Equal(TimeSpan.FromSeconds(1), Of(Spent with { RetryAt = Now.UtcTicks }).RetryAfter);

    [Fact]
    public void A_request_without_a_bound_is_told_why_and_not_to_ask_again()
    {
        var refusal = AdmissionRefusal.Of(
            Spent with { Answer = AdmissionAnswer.Unbounded }, new SpendEstimate(default, "It has no max_tokens.", default, IsStream: false), string.Empty, Now);
        Assert.Equal("Budget \"search-month\" (team search) is strict, and nothing bounds what this request may cost: It has no max_tokens.", refusal.Message);
        Assert.Equal((429, RefusalReason.BudgetUnbounded, false, TimeSpan.Zero), (refusal.Status, refusal.Reason, refusal.ShouldRetry, refusal.RetryAfter));
    }

    [Fact]
    public void A_budget_whose_past_is_being_read_is_worth_asking_again()
    {
        var refusal = Of(Spent with { Answer = AdmissionAnswer.NotKnown });
        Assert.StartsWith("Budget \"search-month\" (team search) can't be checked yet:", refusal.Message, StringComparison.Ordinal);
        Assert.Equal((503, RefusalReason.BudgetUnknown, true, TimeSpan.FromSeconds(2)), (refusal.Status, refusal.Reason, refusal.ShouldRetry, refusal.RetryAfter));
    }

    [Theory]
    [InlineData(LimitMetric.Requests, 1, 0, "allows 1,500 requests per second; 1,499 are used. Try again in 1 second.")]
    [InlineData(LimitMetric.Input, 60, 1, "allows 1,500 input tokens per minute; 1,499 are used. Try again in 1 second.")]
    [InlineData(LimitMetric.Output, 3600, 1.2, "allows 1,500 output tokens per hour; 1,499 are used. Try again in 2 seconds.")]
    [InlineData(LimitMetric.Tokens, 86400, 121, "allows 1,500 tokens per day; 1,499 are used. Try again in 3 minutes.")]
    [InlineData(LimitMetric.Tokens, 90, 7201, "allows 1,500 tokens per 90 seconds; 1,499 are used. Try again in 3 hours.")]
    [InlineData(LimitMetric.Tokens, 604800, 172801, "allows 1,500 tokens per 7 days; 1,499 are used. Try again in 3 days.")]
    [InlineData(LimitMetric.Concurrency, 60, 1, "allows 1,500 requests at once; 1,499 are under way. Try again in 1 second.")]
    [InlineData(LimitMetric.Streams, 60, 1, "allows 1,500 streams at once; 1,499 are under way. Try again in 1 second.")]
    public void A_rate_limit_says_what_it_allows_and_how_long_to_wait_in_any_culture(LimitMetric metric, int per, double wait, string sentence)
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            var other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            other.NumberFormat.NumberGroupSeparator = "'";
            CultureInfo.CurrentCulture = other;
            var refusal = Of(Reached(metric, per, wait));
            Assert.Equal($"Rate limit \"fast\" (key k1) {sentence}", refusal.Message);
            Assert.Equal((429, RefusalReason.RateLimit, "rate_limit_error"), (refusal.Status, refusal.Reason, refusal.ErrorType));
            Assert.Equal((wait <= 120, Math.Max(1, wait)), (refusal.ShouldRetry, refusal.RetryAfter.TotalSeconds));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    private static AdmissionVerdict Reached(LimitMetric metric, int per, double wait) => new()
    {
        Answer = AdmissionAnswer.LimitReached,
        Limit = new LimitOptions { Id = "fast", Scope = ScopeKind.Key, Value = "*", Metric = metric, Limit = 1500, Per = TimeSpan.FromSeconds(per) },
        Value = "k1",
        Spent = 1499,
        Most = 1500,
        Needed = 2,
        Wait = TimeSpan.FromSeconds(wait),
    };

    private static Refusal Of(in AdmissionVerdict verdict) => AdmissionRefusal.Of(verdict, default, "#llm-budgets", Now);
}
