using System.Globalization;
using System.Numerics;
using CsCheck;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Facts;
using static Tollgate.Proxy.Tests.Accounting.Given;

namespace Tollgate.Proxy.Tests.Accounting;

public class CostingOracleTests
{
    private static readonly Gen<long> Tokens = Gen.OneOf(Gen.Long[0, 20], Gen.Long[0, 300_000], Gen.Long[0, uint.MaxValue]);
    private static readonly Gen<long[]> Nano = Gen.Long[0, 100_000_000_000].Array[5];

    [Fact]
    public void Any_usage_at_any_price_costs_what_fractions_say() =>
        Gen.Select(Nano, Tokens.Array[5], Gen.Int[0, 3000], Gen.Select(Gen.Bool, Gen.Bool, Gen.Int[1, 9999], Gen.Int[1, 9999])).Sample((rates, tokens, searches, modifiers) =>
        {
            var (isUs, isBatch, geo, batch) = modifiers;
            var prices = PriceList.Load(
                File($$"""
                { "revision": 1, "asOf": "2026-11-23", "models": [ { "id": "m", "batch": {{Text(batch, 1000)}}, "geoUs": {{Text(geo, 1000)}}, "webSearch": 0.01,
                  "standard": [ { "input": {{Text(rates[0])}}, "output": {{Text(rates[1])}}, "cacheRead": {{Text(rates[2])}}, "cacheWrite5m": {{Text(rates[3])}}, "cacheWrite1h": {{Text(rates[4])}} } ] } ] }
                """),
                "random");
            var report = Answer("m", Reported(tokens[0], tokens[3], tokens[4], tokens[2], tokens[1]) with { WebSearches = searches });
            report.InferenceGeo = isUs ? "us" : "global";
            report.ServiceTier = isBatch ? "batch" : "standard";

            BigInteger factor = (isUs ? geo : 1000) * (BigInteger)(isBatch ? batch : 1000);
            var uncached = (tokens[0] + tokens[2] + tokens[3] + tokens[4]) * (BigInteger)rates[0];
            BigInteger write = (tokens[3] * (BigInteger)rates[3]) + (tokens[4] * (BigInteger)rates[4]);
            var (input, output, read) = (Rounded(tokens[0] * (BigInteger)rates[0]), Rounded(tokens[1] * (BigInteger)rates[1]), Rounded(tokens[2] * (BigInteger)rates[2]));
            var other = searches * 10_000_000L;
            var expected = new Cost(new(input), new(output), new(read), new(Rounded(write)), new(other), new(Rounded(uncached) + output + other));

            var costed = Settle(report, prices: prices);
            Assert.Equal(expected, costed.Cost);
            Assert.Equal(input + output + read + Rounded(write) + other, costed.Cost.Total.Value);

            long Rounded(BigInteger product)
            {
                var denominator = BigInteger.Pow(10, 12);
                var whole = BigInteger.DivRem(product * factor, denominator, out var rest);
                var half = (rest * 2).CompareTo(denominator);
                return (long)(half > 0 || (half == 0 && !whole.IsEven) ? whole + 1 : whole);
            }
        }, iter: 2000, threads: 1);

    [Theory]
    [InlineData(1, 0)] // 0.5 nano-dollars to the even 0
    [InlineData(3, 2)] // 1.5 to the even 2
    [InlineData(5, 2)] // 2.5 to the even 2
    public void Half_a_nanodollar_goes_to_the_even_side(long tokens, long nano)
    {
        var prices = PriceList.Load(
            File("""{ "revision": 1, "asOf": "2026-11-23", "models": [ { "id": "m", "batch": 1, "standard": [ { "input": 0.0005, "output": 0, "cacheRead": 0, "cacheWrite5m": 0, "cacheWrite1h": 0 } ] } ] }"""),
            "half");
        Assert.Equal(nano, Settle(Answer("m", Reported(input: tokens)), prices: prices).Cost.Input.Value);
    }

    private static string Text(long value, long parts = 1_000_000_000) => ((decimal)value / parts).ToString(CultureInfo.InvariantCulture);
}
