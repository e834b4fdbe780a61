using Tollgate.Proxy.Accounting;
using static Tollgate.Proxy.Tests.Accounting.Given;

namespace Tollgate.Proxy.Tests.Accounting;

public class PriceListTests
{
    private const string Valid = """{ "input": 1, "output": 2, "cacheWrite5m": 3, "cacheWrite1h": 4, "cacheRead": 0.5 }""";

    public static TheoryData<string, double[]> Published => new()
    {
        // In the order of a price page: input, output, 5-minute write, 1-hour write, read.
        { "claude-fable-5-2", [8, 40, 10, 16, 0.2] }, { "claude-mythos-5-2", [8, 40, 10, 16, 0.2] },
        { "claude-fable-5-1", [10, 50, 12.5, 20, 0.25] }, { "claude-mythos-5-1", [10, 50, 12.5, 20, 0.25] },
        { "claude-fable-5", [10, 50, 12.5, 20, 1] }, { "claude-mythos-5", [10, 50, 12.5, 20, 1] },
        { "claude-opus-5-5", [4, 20, 5, 8, 0.2] }, { "claude-opus-5", [5, 25, 6.25, 10, 0.5] },
        { "claude-opus-4-8", [5, 25, 6.25, 10, 0.5] }, { "claude-opus-4-7", [5, 25, 6.25, 10, 0.5] },
        { "claude-opus-4-6", [5, 25, 6.25, 10, 0.5] }, { "claude-opus-4-5", [5, 25, 6.25, 10, 0.5] },
        { "claude-opus-4-1", [15, 75, 18.75, 30, 1.5] }, { "claude-opus-4", [15, 75, 18.75, 30, 1.5] },
        { "claude-sonnet-5-5", [2, 10, 2.5, 4, 0.1] }, { "claude-sonnet-5", [2, 10, 2.5, 4, 0.2] },
        { "claude-sonnet-4-6", [3, 15, 3.75, 6, 0.3] }, { "claude-sonnet-4-5", [3, 15, 3.75, 6, 0.3] },
        { "claude-sonnet-4", [3, 15, 3.75, 6, 0.3] }, { "claude-3-7-sonnet", [3, 15, 3.75, 6, 0.3] },
        { "claude-3-5-sonnet-latest", [3, 15, 3.75, 6, 0.3] }, { "claude-3-sonnet-20240229", [3, 15, 3.75, 6, 0.3] },
        { "claude-haiku-5-5", [0.1, 0.5, 0.125, 0.2, 0.01] }, { "claude-haiku-4-5", [1, 5, 1.25, 2, 0.1] },
        { "claude-3-5-haiku", [0.8, 4, 1, 1.6, 0.08] }, { "claude-3-haiku-20240307", [0.25, 1.25, 0.3, 0.5, 0.03] },
        { "claude-3-opus-latest", [15, 75, 18.75, 30, 1.5] },
    };

    [Theory]
    [MemberData(nameof(Published))]
    public void Every_model_has_its_published_price(string model, double[] dollars)
    {
        Assert.True(PriceList.Embedded.TryFind(model, out Price price));
        Assert.True(price.TryRates(Now, fast: false, prompt: 1, out var rates));
        long[] nano = [rates.Input, rates.Output, rates.CacheWrite5m, rates.CacheWrite1h, rates.CacheRead];
        Assert.Equal(dollars.Select(each => (long)((decimal)each * 1_000_000_000)), nano);
    }

    [Fact]
    public void No_shipped_price_is_missing_from_the_table_above() =>
        Assert.Equal(Published.Count, PriceList.Embedded.Prices.Count());

    [Theory]
    [InlineData("claude-opus-5-5", 8, 40, 10, 16, 0.4)]
    [InlineData("claude-fable-5-2", 16, 80, 20, 32, 0.4)]
    [InlineData("claude-opus-4-8", 10, 50, 12.5, 20, 1)]
    public void Fast_rates_carry_the_cache_ratios_of_their_model(string model, double input, double output, double write5m, double write1h, double read)
    {
        Assert.True(PriceList.Embedded.TryFind(model, out Price price));
        Assert.True(price.TryRates(Now, fast: true, prompt: 1, out var rates));
        Assert.Equal(new Rates(Nano(input), Nano(output), Nano(read), Nano(write5m), Nano(write1h)), rates);

        static long Nano(double dollars) => (long)((decimal)dollars * 1_000_000_000);
    }

    [Theory]
    [InlineData("claude-opus-5-5[1m]", "claude-opus-5-5")]
    [InlineData("claude-haiku-4-5", "claude-haiku-4-5-20251001")]
    [InlineData("claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929")]
    [InlineData("claude-opus-5-5@default", "claude-opus-5-5")]
    [InlineData("anthropic.claude-opus-4-6-v1", "claude-opus-4-6")]
    [InlineData("jp.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001")]
    [InlineData("global.anthropic.claude-opus-5-5[1m]", "claude-opus-5-5")]
    public void Every_listed_name_leads_to_one_price(string name, string model)
    {
        Assert.True(PriceList.Embedded.TryFind(name, out Price price));
        Assert.Equal(model, price.Model);
    }

    [Theory]
    [InlineData("claude-opus-5-6")]
    [InlineData("claude-fable-5-10")]
    [InlineData("claude-opus-5-5-20261201")]
    [InlineData("claude-opus")]
    [InlineData("Claude-Opus-5-5")]
    [InlineData("claude-opus-5-5 ")]
    [InlineData("xx.anthropic.claude-opus-5-5")]
    [InlineData("us.claude-opus-5-5")]
    [InlineData("claude-opus-5-5[1m][1m]")]
    [InlineData("[1m]")]
    [InlineData("")]
    public void A_name_that_only_resembles_a_listed_one_is_unknown(string name) =>
        Assert.False(PriceList.Embedded.TryFind(name, out Price _));

    [Fact]
    public void A_users_file_replaces_a_models_prices_and_keeps_its_names()
    {
        var prices = PriceList.Embedded.WithOverrides(
            File($$"""{ "revision": 7, "asOf": "2026-12-01", "models": [ { "id": "claude-haiku-4-5-20251001", "standard": [{{Valid}}], "batch": 1 }, { "id": "house", "standard": [{{Valid}}], "batch": 1 } ] }"""),
            "prices.json");
        Assert.Equal(7u, prices.Revision);
        Assert.True(prices.TryFind("us.anthropic.claude-haiku-4-5-20251001-v1:0", out Price haiku));
        Assert.True(haiku.TryRates(Now, false, 1, out var rates));
        Assert.Equal(new Rates(1_000_000_000, 2_000_000_000, 500_000_000, 3_000_000_000, 4_000_000_000), rates);
        Assert.True(prices.TryFind("house", out Price _));
        Assert.True(prices.TryFind("claude-opus-5-5", out Price _));
    }

    [Fact]
    public void Every_problem_of_a_users_file_is_told_at_once()
    {
        var e = Assert.Throws<PriceListException>(() => PriceList.Embedded.WithOverrides(
            File($$"""
            { "revision": 0, "asOf": "1.12.2026", "extra": 1, "models": [
              { "id": "a", "standard": [ { "input": -1, "output": 0.0000000001, "cacheWrite5m": "3", "cacheWrite1h": 999999, "cacheReed": 1 } ], "batch": 0 },
              { "id": "b", "aliases": ["claude-opus-5-5"], "standard": [ { "from": "2026-02-30", {{Valid[1..]}} ], "batch": 0.5 },
              { "id": "c", "standard": [ { "to": "2026-05-02", {{Valid[1..]}}, { "from": "2026-05-01", {{Valid[1..]}} ], "batch": 0.5 },
              { "id": "c", "standard": [ { "from": "2026-05-02", "to": "2026-05-01", {{Valid[1..]}} ], "batch": 0.0001 },
              { "id": "claude-haiku-4-5", "standard": [] },
              { "id": "d", "standard": [{{Valid}}], "longPrompt": [ { "over": 0, {{Valid[1..]}} ], "batch": 1, "batch": 1 },
              3 ] }
            """),
            "mine.json"));
        Assert.Equal(
            [
                "extra", "revision", "asOf",
                "models[0].standard[0].cacheReed", "models[0].standard[0].input", "models[0].standard[0].output",
                "models[0].standard[0].cacheRead", "models[0].standard[0].cacheWrite5m", "models[0].standard[0].cacheWrite1h", "models[0].batch",
                "models[1].standard[0].from",
                "models[2].standard[1]",
                "models[3].standard[0].to", "models[3].batch",
                "models[4].standard", "models[4].batch",
                "models[5].batch", "models[5].longPrompt[0].over",
                "models[6]",
                "models[1].aliases", "models[3].id", "models[4].id",
            ],
            e.Problems.Select(problem => problem.Path));
        Assert.All(e.Problems, problem => Assert.Contains(problem.ToString(), e.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{ "revision": 1, "asOf": "2026-12-01", "models": {} }""")]
    public void A_file_of_the_wrong_shape_is_refused(string json) =>
        Assert.NotEmpty(Assert.Throws<PriceListException>(() => PriceList.Load(File(json), "mine.json")).Problems);
}
