using System.Buffers;
using System.Globalization;
using System.Text;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Ingress;
using Tollgate.Testing;
using static Tollgate.Proxy.Tests.Accounting.Given;

namespace Tollgate.Proxy.Tests.Accounting;

public sealed class CostBoundTests
{
    private static readonly PriceOracle Oracle = PriceOracle.OfTheEmbeddedFile();

    [Fact]
    public void No_answer_that_a_request_can_have_costs_more_than_the_most()
    {
        // Two in a hundred requests are as long as a band; a second checks some thirty thousand.
        var requests = int.Parse(Environment.GetEnvironmentVariable("TOLLGATE_ADMISSION_SCHEDULES") ?? "100000", CultureInfo.InvariantCulture);
        var random = new Random(20261125);
        var facts = new RequestFacts();
        string[] models = [.. Oracle.KnownNames];
        var (known, nearest) = (0, 0m);
        for (var i = 0; i < requests; i++)
        {
            var request = new GeneratedRequest(random, models);
            Assert.Equal(RequestFactsResult.Complete, RequestFactsReader.Read(new ReadOnlySequence<byte>(request.Body), facts));
            var most = CostBound.Most(PriceList.Embedded, facts, request.Region, request.At);
            var (costed, oracle, tokens) = Cost(request);
            Assert.Equal(oracle is not null, costed.Priced);
            if (!most.IsKnown)
            {
                // Not sold at that time, or searches without a price; an answer that used none of it may still have one.
                Assert.True(!costed.Priced || tokens.IsEmpty || (request.Searches == 0 && most.Unknown!.Contains("webSearch", StringComparison.Ordinal)), most.Unknown);
                continue;
            }

            known++;
            Assert.True(costed.Priced);
            Assert.Equal(oracle, costed.Cost.Total.Value);
            if (costed.Cost.Total > most.Cost || tokens.Prompt > most.InputTokens || tokens.Output > most.OutputTokens)
            {
                Assert.Fail($"Request {i} costs {costed.Cost.Total} and {tokens}, more than {most}: {Start(request)}");
            }

            nearest = Math.Max(nearest, (decimal)costed.Cost.Total.Value / most.Cost.Value);
        }

        // The bound must be known for what can be priced, and near enough to be of use.
        Assert.InRange(known, requests * 0.7, requests);
        Assert.InRange(nearest, 0.98m, 1m);
    }

    [Theory]
    [InlineData(CacheLifetime.None, 4)]
    [InlineData(CacheLifetime.FiveMinutes, 5)]
    [InlineData(CacheLifetime.OneHour, 8)]
    public void Input_costs_the_dearest_class_that_the_request_can_use(CacheLifetime cache, int dollars)
    {
        var facts = Facts("claude-opus-5-5", bytes: 50_000, maxTokens: 1_000);
        facts.Cache = cache;
        var most = Most(facts);
        Assert.Equal((51_060, 1_000, 52_060), (most.InputTokens, most.OutputTokens, most.Tokens));
        Assert.Equal((51_060 * dollars * 1_000) + (1_000 * 20 * 1_000) + 3, most.Cost.Value);
    }

    [Fact]
    public void A_band_counts_from_the_first_token_over_it()
    {
        var facts = Facts("claude-haiku-5-5", bytes: 100_000 - CostBound.PromptOverhead, maxTokens: 10);
        Assert.Equal((100_000 * 100) + (10 * 500) + 3, Most(facts).Cost.Value);
        facts.BodyBytes++;
        Assert.Equal((100_001 * 500) + (10 * 2_500) + 3, Most(facts).Cost.Value);
    }

    [Fact]
    public void A_band_that_has_ended_does_not_count()
    {
        var facts = Facts("claude-sonnet-4-6", bytes: 300_000, maxTokens: 0);
        Assert.Equal(301_060 * 3_000L + 3, Most(facts).Cost.Value);
        Assert.Equal(301_060 * 6_000L + 3, Most(facts, at: new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero)).Cost.Value);
    }

    [Theory]
    [InlineData(null, 4_000)]
    [InlineData("standard", 4_000)]
    [InlineData("fast", 8_000)]
    [InlineData("faster", 8_000)]
    public void Fast_mode_counts_when_it_is_asked_for(string? speed, long nano)
    {
        var facts = Facts("claude-opus-5-5", bytes: 0, maxTokens: 0);
        facts.Speed = speed;
        Assert.Equal((CostBound.PromptOverhead * nano) + 3, Most(facts).Cost.Value);
    }

    [Theory]
    [InlineData("claude-opus-5-5", "global", "", 1000)]
    [InlineData("claude-opus-5-5", "us", "", 1100)]
    [InlineData("claude-opus-5-5", null, "", 1100)] // The workspace's default may be "us".
    [InlineData("claude-opus-5-5", "global", "eu-central-1", 1100)]
    [InlineData("us.anthropic.claude-opus-5-5", "global", "", 1100)]
    [InlineData("global.anthropic.claude-opus-5-5", "global", "eu-central-1", 1000)]
    [InlineData("claude-haiku-4-5", null, "", 250)] // A dollar, and no choice of place.
    public void The_dearest_place_counts(string model, string? geo, string region, long thousandths)
    {
        var facts = Facts(model, bytes: 1_000_000 - CostBound.PromptOverhead, maxTokens: 0);
        facts.InferenceGeo = geo;
        Assert.Equal((4_000_000L * thousandths) + 3, Most(facts, region).Cost.Value);
    }

    [Fact]
    public void Images_and_documents_cost_their_cap_and_not_their_base64()
    {
        var facts = Facts("claude-opus-5-5", bytes: 5_000_000, maxTokens: 0);
        (facts.Images, facts.ImageBase64Bytes, facts.Documents, facts.Pdfs, facts.PdfBase64Bytes) = (3, 3_900_000, 2, 1, 1_000_000);
        Assert.Equal(100_000 + CostBound.PromptOverhead + (3 * CostBound.ImageTokens) + CostBound.PdfTokens, Most(facts).InputTokens);
    }

    [Fact]
    public void Searches_cost_their_fee_and_another_reading_of_the_prompt_each()
    {
        var facts = Facts("claude-opus-5-5", bytes: 10_000, maxTokens: 1_000);
        (facts.ProviderTools, facts.SamplesAgain, facts.WebSearches) = (1, true, 8);
        var prompt = 10_000 + CostBound.PromptOverhead + CostBound.ProviderToolTokens + (8 * CostBound.SearchTokens) + 1_000;
        var most = Most(facts);
        Assert.Equal(10 * prompt, most.InputTokens);
        Assert.Equal((10 * prompt * 4_000) + (1_000 * 20_000) + (8 * 10_000_000) + 3, most.Cost.Value);
        facts.WebSearches = 20;
        Assert.Equal(21 * (prompt + (12 * CostBound.SearchTokens)), Most(facts).InputTokens);
    }

    [Fact]
    public void References_to_tools_count_as_the_longest_of_them()
    {
        var facts = Facts("claude-opus-5-5", bytes: 10_000, maxTokens: 0);
        (facts.ToolReferences, facts.LargestToolBytes) = (7, 900);
        Assert.Equal(10_000 + CostBound.PromptOverhead + 6_300, Most(facts).InputTokens);
    }

    [Fact]
    public void What_has_no_bound_says_why_and_what_to_change()
    {
        var reasons = new HashSet<string>();
        foreach (var beyond in Enum.GetValues<BeyondBody>().Where(static beyond => beyond != BeyondBody.None))
        {
            var facts = Facts("claude-opus-5-5", bytes: 10, maxTokens: 10);
            facts.Beyond = beyond;
            var most = Most(facts);
            Assert.False(most.IsKnown);
            Assert.Equal((0, 0), (most.Cost.Value, most.Tokens));
            Assert.EndsWith(".", most.Unknown!, StringComparison.Ordinal);
            Assert.True(reasons.Add(most.Unknown!), beyond.ToString());
        }
    }

    [Fact]
    public void Nothing_bounds_a_request_without_limit_model_price_or_end()
    {
        Assert.Contains("max_tokens", Most(Facts("claude-opus-5-5", 10, maxTokens: null)).Unknown, StringComparison.Ordinal);
        Assert.Contains("names no model", Most(Facts(string.Empty, 10, 10)).Unknown, StringComparison.Ordinal);
        Assert.Contains("no price in the price list", Most(Facts("claude-opus-9", 10, 10)).Unknown, StringComparison.Ordinal);
        Assert.Contains("at this time", Most(Facts("claude-haiku-5-5", 10, 10), at: new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)).Unknown, StringComparison.Ordinal);
        var beginning = Facts("claude-opus-5-5", 10, 10);
        beginning.IsComplete = false;
        Assert.Contains("not read to its end", Most(beginning).Unknown, StringComparison.Ordinal);
    }

    [Fact]
    public void A_search_without_a_price_has_no_bound()
    {
        var prices = PriceList.Load(
            File("""{ "revision": 1, "asOf": "2026-11-23", "models": [ { "id": "m", "batch": 1, "standard": [ { "input": 1, "output": 1, "cacheRead": 1, "cacheWrite5m": 1, "cacheWrite1h": 1 } ] } ] }"""),
            "no search");
        var facts = Facts("m", 10, 10);
        Assert.True(CostBound.Most(prices, facts, string.Empty, Now).IsKnown);
        facts.WebSearches = 1;
        Assert.Contains("webSearch", CostBound.Most(prices, facts, string.Empty, Now).Unknown, StringComparison.Ordinal);
    }

    [Fact]
    public void No_output_at_all_is_a_limit_and_not_the_lack_of_one()
    {
        var most = Most(Facts("claude-opus-5-5", 10, maxTokens: 0));
        Assert.True(most.IsKnown);
        Assert.Equal(0, most.OutputTokens);
        Assert.Equal(0, CostBound.Expected(PriceList.Embedded, "claude-opus-5-5", 10, 0, 0, string.Empty, Now).OutputTokens);
    }

    [Theory]
    [InlineData("claude-haiku-4-5", "claude-haiku-4-5-20251001", "claude-haiku-4-5@20251001", "anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5[1m]")]
    [InlineData("claude-opus-5-5", "claude-opus-5-5@default", "anthropic.claude-opus-5-5", "claude-opus-5-5[1m]")]
    public void All_names_of_a_model_have_one_bound(params string[] names)
    {
        foreach (var name in names)
        {
            Assert.Equal(Most(Facts(names[0], 1_000, 1_000)), Most(Facts(name, 1_000, 1_000)));
            Assert.Equal(Expected(names[0]), Expected(name));
        }

        static ExpectedCost Expected(string name) => CostBound.Expected(PriceList.Embedded, name, 1_000, 1_000, 500, string.Empty, Now);
    }

    [Fact]
    public void The_most_of_absurd_figures_is_absurd_and_no_overflow()
    {
        var facts = Facts("claude-opus-5-5", long.MaxValue, long.MaxValue);
        (facts.Images, facts.WebSearches, facts.SamplesAgain, facts.ToolReferences, facts.LargestToolBytes) = (1L << 40, 1_000_000_000, true, 1L << 40, 1L << 40);
        Assert.Equal(1_000_000_000m, Most(facts).Cost.ToDollars());
        Assert.Equal(1L << 51, Most(facts).Tokens);
        Assert.Equal(1_000_000_000m, CostBound.Expected(PriceList.Embedded, "claude-opus-5-5", long.MaxValue, null, long.MaxValue, string.Empty, Now).Cost.ToDollars());
    }

    [Theory]
    [InlineData("claude-opus-5-5", 40_000, null, 0, 10_000, 1_000)]
    [InlineData("claude-opus-5-5", 40_001, 128_000L, 0, 10_001, 1_000)]
    [InlineData("claude-opus-5-5", 40_000, 200L, 0, 10_000, 200)]
    [InlineData("claude-opus-5-5", 40_000, 128_000L, 7_000, 10_000, 7_000)]
    [InlineData("claude-opus-5-5", -1, null, -5, 0, 1_000)]
    public void What_is_likely_is_a_quarter_of_the_bytes_and_the_usual_output(string model, long bytes, long? limit, long usual, long input, long output)
    {
        var expected = CostBound.Expected(PriceList.Embedded, model, bytes, limit, usual, string.Empty, Now);
        Assert.Equal(new ExpectedCost(new Nanodollars((input * 4_000) + (output * 20_000)), input, output), expected);
    }

    [Theory]
    [InlineData("claude-opus-9")]
    [InlineData("")]
    [InlineData(null)]
    public void A_model_without_a_price_is_expected_to_cost_nothing(string? model) =>
        Assert.Equal(new ExpectedCost(default, 250, 1_000), CostBound.Expected(PriceList.Embedded, model, 1_000, null, 0, string.Empty, Now));

    [Fact]
    public void A_regional_model_and_a_long_prompt_are_expected_at_their_price()
    {
        Assert.Equal(1_100_000 + 22_000, CostBound.Expected(PriceList.Embedded, "eu.anthropic.claude-opus-5-5", 1_000, 1, 1, string.Empty, Now).Cost.Value);
        Assert.Equal(100_001 * 500, CostBound.Expected(PriceList.Embedded, "claude-haiku-5-5", 400_001, 0, 1, string.Empty, Now).Cost.Value);
    }

    [Fact]
    public void Bounding_a_request_allocates_nothing()
    {
        var (plain, refused) = (Facts("us.anthropic.claude-opus-5-5", 50_000, 32_000), Facts("claude-opus-5-5", 1, 1));
        refused.Beyond = BeyondBody.Thread;
        Once();
        Assert.Equal(0, Allocations.Least(Once));

        void Once()
        {
            Most(plain, "eu-central-1");
            Most(refused);
            CostBound.Expected(PriceList.Embedded, "claude-haiku-5-5", 1_000_000, 10, 10, "eu-central-1", Now);
        }
    }

    private static (Costed Costed, decimal? Oracle, TokenUsage Tokens) Cost(GeneratedRequest request)
    {
        var sum = default(TokenUsage);
        foreach (var prompt in request.Prompts)
        {
            sum += prompt;
        }

        var name = request.Model.Replace("[1m]", string.Empty, StringComparison.Ordinal);
        var report = Answer(Oracle.Served(name), Reported(sum) with { WebSearches = request.Searches });
        (report.Speed, report.InferenceGeo) = (request.IsFast ? "fast" : "standard", request.IsUs ? "us" : "global");
        if (request.TellsSteps)
        {
            foreach (var prompt in request.Prompts)
            {
                report.Iterations.Add(new UsageIteration(IterationKind.Message, null, Reported(prompt)));
            }
        }

        var costed = Settle(report, request.At, request.Model, request.Region);
        var oracle = Oracle.Nano(
            name, request.Region, request.At, request.IsUs, request.IsFast, request.Searches, request.TellsSteps ? request.Prompts : [sum]);
        return (costed, oracle, sum);

        static ReportedTokens Reported(in TokenUsage usage) =>
            Given.Reported(usage.Input, usage.CacheWrite5m, usage.CacheWrite1h, usage.CacheRead, usage.Output);
    }

    private static MostCost Most(RequestFacts facts, string region = "", DateTimeOffset? at = null) => CostBound.Most(PriceList.Embedded, facts, region, at ?? Now);

    // In one place, so that the figures are round; The_dearest_place_counts tells the others.
    private static RequestFacts Facts(string model, long bytes, long? maxTokens) =>
        new() { IsComplete = true, Model = model, BodyBytes = bytes, MaxTokens = maxTokens, InferenceGeo = "global" };

    private static string Start(GeneratedRequest request) => Encoding.UTF8.GetString(request.Body.AsSpan(0, Math.Min(request.Body.Length, 500)));
}
