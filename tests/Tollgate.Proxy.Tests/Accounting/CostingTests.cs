using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Facts;
using Tollgate.Testing;
using static Tollgate.Proxy.Tests.Accounting.Given;

namespace Tollgate.Proxy.Tests.Accounting;

public class CostingTests
{
    [Theory]
    [InlineData("claude-opus-4-8", "0.0755925")]
    [InlineData("claude-opus-5", "0.0755925")]
    [InlineData("claude-sonnet-5", "0.030237")]
    [InlineData("claude-sonnet-4-6", "0.0453555")]
    [InlineData("claude-haiku-4-5", "0.0151185")]
    [InlineData("claude-fable-5-1", "0.144435")]
    [InlineData("claude-opus-5-5", "0.058674")]
    [InlineData("claude-sonnet-5-5", "0.029337")]
    [InlineData("claude-haiku-5-5", "0.00151185")]
    [InlineData("claude-fable-5-2", "0.115548")]
    public void One_answer_costs_what_three_tools_agreed_on(string model, string dollars) =>
        Assert.Equal(Money(dollars), Dollars(Answer(model, Reply(1))));

    [Theory]
    [InlineData("claude-opus-4-8", 2, "0.1527775")]
    [InlineData("claude-opus-4-8", 4, "0.311925")]
    [InlineData("claude-opus-4-8", 5, "0.3938875")]
    [InlineData("claude-opus-5-5", 4, "0.24114")]
    [InlineData("claude-opus-4-8", 865, "660.4729125")]
    public void A_whole_session_costs_the_sum_of_its_answers(string model, int answers, string dollars) =>
        Assert.Equal(Money(dollars), Enumerable.Range(1, answers).Sum(k => Dollars(Answer(model, Reply(k)))));

    [Fact]
    public void Modifiers_cost_what_the_reconciled_sessions_cost()
    {
        var searches = Answer("claude-opus-4-8", Reply(1) with { WebSearches = 3 });
        Assert.Equal(0.1055925m, Dollars(searches));
        Assert.Equal(0.03m, Settle(searches).Cost.Other.ToDollars());

        var us = Answer("claude-opus-4-8", Reply(1));
        us.InferenceGeo = "us";
        Assert.Equal(0.08315175m, Dollars(us));

        var fast = Answer("claude-opus-4-8", Reply(1));
        fast.Speed = "fast";
        Assert.Equal(0.151185m, Dollars(fast));

        var noSplit = Answer("claude-opus-4-8", Reply(1) with { CacheWrite5m = ReportedTokens.NotReported, CacheWrite1h = ReportedTokens.NotReported });
        Assert.Equal(0.0602175m, Dollars(noSplit));

        var batch = Answer("claude-opus-4-8", Reply(1));
        batch.ServiceTier = "batch";
        Assert.Equal(0.0755925m / 2, Dollars(batch));
        Assert.True(Settle(batch).IsBatch);
    }

    [Fact]
    public void The_place_of_inference_does_not_touch_the_price_of_a_search_nor_of_an_older_model()
    {
        var us = Answer("claude-opus-4-8", Reply(1) with { WebSearches = 1 });
        us.InferenceGeo = "us";
        Assert.Equal(0.08315175m + 0.01m, Dollars(us));

        var older = Answer("claude-opus-4-5", Reply(1));
        older.InferenceGeo = "us";
        Assert.Equal(0.0755925m, Dollars(older));
    }

    [Fact]
    public void Two_cut_attempts_before_a_good_one_cost_their_input_and_what_was_announced()
    {
        var cut = Enumerable.Range(1, 2).Sum(k =>
        {
            var report = Answer("claude-opus-4-8", Reply(k) with { Output = 4 });
            (report.FinalUsageSeen, report.MessageStopped) = (false, false);
            return Dollars(report);
        });
        Assert.Equal(0.20668m, cut + Dollars(Answer("claude-opus-4-8", Reply(3))));
    }

    [Fact]
    public void Cache_writes_are_billed_once_also_in_a_stream()
    {
        // BerriAI/litellm #9812 and maximhq/bifrost #3451: what the provider's invoice said.
        Assert.Equal(0.054399m, Dollars(Answer("claude-3-7-sonnet-20250219", Reported(input: 3, write5m: 12304, output: 550))));
        Assert.Equal(1.06376125m, Dollars(Answer("claude-opus-4-7", Reported(input: 6, write5m: 159217, output: 2745))));
    }

    [Fact]
    public void Writes_beyond_the_split_are_priced_for_five_minutes_not_at_nothing()
    {
        // BerriAI/litellm #42663.
        var tokens = new ReportedTokens { CacheWrite5m = 31_490, CacheWrite1h = 0, CacheWrite = 184_457 };
        Assert.Equal(184_457 * 6.25m / 1_000_000, Dollars(Answer("claude-opus-4-8", tokens)));
    }

    [Theory]
    [InlineData("2026-10-06T23:59:59.9999999Z", "0.2")]
    [InlineData("2026-10-07T00:00:00Z", "0.1")]
    [InlineData("2026-10-07T02:00:00+02:00", "0.1")]
    public void A_price_change_takes_effect_at_its_moment(string at, string dollars) =>
        Assert.Equal(Money(dollars), Dollars(Answer("claude-sonnet-5-5", Reported(read: 1_000_000)), DateTimeOffset.Parse(at, null)));

    [Fact]
    public void A_model_has_no_price_before_it_existed()
    {
        var costed = Settle(Answer("claude-haiku-5-5", Reply(1)), new DateTimeOffset(2026, 10, 6, 23, 59, 59, TimeSpan.Zero));
        Assert.False(costed.Priced);
    }

    [Theory]
    [InlineData(100_000, "0.0105")]
    [InlineData(100_001, "0.0525005")]
    public void A_long_prompt_sets_the_price_of_every_token_and_exactly_the_threshold_is_short(int prompt, string dollars) =>
        Assert.Equal(Money(dollars), Dollars(Answer("claude-haiku-5-5", Reported(input: prompt, output: 1000))));

    [Theory]
    [InlineData("2026-03-12T23:59:59.9999999Z", "2.05001")]
    [InlineData("2026-03-13T00:00:00Z", "1.025005")]
    public void A_band_ends_at_its_moment(string at, string dollars) =>
        Assert.Equal(Money(dollars), Dollars(Answer("claude-opus-4-6", Reported(input: 200_001, read: 50_000)), DateTimeOffset.Parse(at, null)));

    [Fact]
    public void Steps_that_add_up_choose_their_own_band()
    {
        var report = Answer("claude-haiku-5-5", Reported(input: 120_000, output: 20) with { WebSearches = 1 });
        report.Iterations.Add(new UsageIteration(IterationKind.Message, null, Reported(input: 60_000, output: 10)));
        report.Iterations.Add(new UsageIteration(IterationKind.Message, null, Reported(input: 60_000, output: 10)));
        var costed = Settle(report);
        Assert.Equal(0.012m + 0.00001m + 0.01m, costed.Cost.Total.ToDollars());
        Assert.False(costed.BandAmbiguous);
        Assert.Equal(120_000, costed.Tokens.Input);
    }

    [Fact]
    public void A_summed_prompt_over_the_threshold_is_priced_long_and_flagged()
    {
        var costed = Settle(Answer("claude-haiku-5-5", Reported(input: 120_000) with { WebSearches = 1 }));
        Assert.True(costed.BandAmbiguous);
        Assert.Equal(0.06m + 0.01m, costed.Cost.Total.ToDollars());
        Assert.False(Settle(Answer("claude-haiku-5-5", Reported(input: 120_000))).BandAmbiguous);
    }

    [Fact]
    public void A_compaction_and_an_advisor_are_added_to_the_top_level()
    {
        var compacted = Answer("claude-opus-4-8", Reply(1));
        compacted.Iterations.Add(new UsageIteration(IterationKind.Message, null, Reply(1)));
        compacted.Iterations.Add(new UsageIteration(IterationKind.Compaction, null, Reported(input: 100_000, output: 1_000)));
        Assert.Equal(0.6005925m, Dollars(compacted));
        Assert.Equal(101_001, Settle(compacted).Tokens.Input);

        var advised = Answer("claude-opus-4-8", Reply(1));
        advised.Iterations.Add(new UsageIteration(IterationKind.AdvisorMessage, "claude-fable-5-1", Reported(input: 10_000, output: 1_000)));
        Assert.Equal(0.2255925m, Dollars(advised));
    }

    [Fact]
    public void After_a_fallback_each_hop_is_paid_at_its_model_unless_it_wrote_nothing()
    {
        var report = Answer("claude-fable-5-2", Reply(1));
        report.Iterations.Add(new UsageIteration(IterationKind.Message, "claude-fable-5-2", Reported(input: 1000)));
        report.Iterations.Add(new UsageIteration(IterationKind.Message, "claude-fable-5-1", Reported(input: 1000, output: 100)));
        report.Iterations.Add(new UsageIteration(IterationKind.FallbackMessage, "claude-opus-4-8", Reply(1)));
        var costed = Settle(report, requested: "claude-fable-5-2");
        Assert.Equal(0.0755925m + 0.015m, costed.Cost.Total.ToDollars());
        Assert.Equal(("claude-opus-4-8", "claude-fable-5-2"), (costed.Model, costed.FallbackFrom));
    }

    [Fact]
    public void An_unknown_model_in_any_line_leaves_tokens_and_no_dollars()
    {
        var unknown = Settle(Answer("gw-house-model", Reply(1)));
        Assert.False(unknown.Priced);
        Assert.Equal(default, unknown.Cost);
        Assert.Equal(1001, unknown.Tokens.Input);

        var advised = Answer("claude-opus-4-8", Reply(1));
        advised.Iterations.Add(new UsageIteration(IterationKind.AdvisorMessage, "claude-fable-9", Reported(input: 10)));
        Assert.Equal((false, default(Cost)), (Settle(advised).Priced, Settle(advised).Cost));
    }

    [Fact]
    public void A_fast_request_served_at_standard_speed_has_the_standard_price()
    {
        // BerriAI/litellm #38378: the answer decides, not the request.
        var standard = Answer("claude-opus-4-8", Reply(1));
        standard.Speed = "standard";
        Assert.Equal(0.0755925m, Dollars(standard));

        var removed = Answer("claude-opus-4-7", Reply(1));
        removed.Speed = "fast";
        Assert.Equal(0.0755925m, Dollars(removed));
        Assert.Equal(0.0755925m * 6, Dollars(removed, new DateTimeOffset(2026, 7, 23, 23, 59, 59, TimeSpan.Zero)));
    }

    [Fact]
    public void A_refusal_before_any_output_shows_its_tokens_and_costs_nothing()
    {
        var refusal = Answer("claude-opus-5-5", Reply(1));
        (refusal.StopReason, refusal.ContentSeen) = ("refusal", false);
        var costed = Settle(refusal);
        Assert.Equal((true, default(Cost), 1001L), (costed.Priced, costed.Cost, costed.Tokens.Input));

        refusal.ContentSeen = true;
        Assert.Equal(0.058674m, Dollars(refusal));
    }

    [Theory]
    [InlineData("us.anthropic.claude-opus-4-8", "", "0.08315175")]
    [InlineData("apac.anthropic.claude-opus-4-8", "", "0.08315175")]
    [InlineData("global.anthropic.claude-opus-4-8", "eu-west-1", "0.0755925")]
    [InlineData("claude-opus-4-8@default", "europe-west1", "0.08315175")]
    [InlineData("claude-opus-4-8@default", "global", "0.0755925")]
    [InlineData("us.anthropic.claude-opus-4-1-20250805-v1:0", "", "0.2267775")]
    public void A_regional_endpoint_costs_a_tenth_more_from_version_4_5_on(string requested, string region, string dollars)
    {
        var served = requested.Contains("4-1", StringComparison.Ordinal) ? "claude-opus-4-1-20250805" : "claude-opus-4-8";
        Assert.Equal(Money(dollars), Settle(Answer(served, Reply(1)), requested: requested, region: region).Cost.Total.ToDollars());
    }

    [Fact]
    public void Settling_an_answer_allocates_nothing()
    {
        var report = Answer("claude-opus-4-8", Reply(1));
        var prices = PriceList.Embedded;
        Once();
        Assert.Equal(0, Allocations.Least(Once));

        void Once() => Settle(report, requested: "us.anthropic.claude-opus-4-8", prices: prices);
    }

    private static decimal Money(string dollars) => decimal.Parse(dollars, System.Globalization.CultureInfo.InvariantCulture);
}
