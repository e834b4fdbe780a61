using System.Globalization;
using System.Text.Json;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Facts;

namespace Tollgate.Cli;

/// <summary>Rates as the verbs print them.</summary>
/// <remarks>Units: US dollars per million tokens, exact.</remarks>
internal sealed record DollarRates(decimal Input, decimal Output, decimal CacheWrite5m, decimal CacheWrite1h, decimal CacheRead)
{
    /// <summary>The same rates in dollars.</summary>
    public static DollarRates Of(Rates rates) => new(
        new Nanodollars(rates.Input).ToDollars(),
        new Nanodollars(rates.Output).ToDollars(),
        new Nanodollars(rates.CacheWrite5m).ToDollars(),
        new Nanodollars(rates.CacheWrite1h).ToDollars(),
        new Nanodollars(rates.CacheRead).ToDollars());
}

/// <summary>Rates for every token of a request whose prompt is longer than <paramref name="Over"/> tokens.</summary>
internal sealed record DollarBand(long Over, DollarRates Rates);

/// <summary>One model's price on one day.</summary>
/// <param name="Model">The model's canonical id.</param>
/// <param name="Standard">Its standard rates.</param>
/// <param name="Fast">Its rates in fast mode; null when it has none that day.</param>
/// <param name="LongPrompt">Its bands for long prompts, the lowest first.</param>
internal sealed record PriceLine(string Model, DollarRates Standard, DollarRates? Fast, IReadOnlyList<DollarBand> LongPrompt)
{
    private static readonly string[] Headings = ["model", "input", "output", "5m", "1h", "read", "fast", "band"];

    /// <summary>The price of <paramref name="price"/> on a day; null when it has none.</summary>
    public static PriceLine? Of(Price price, DateTimeOffset day)
    {
        var standard = Holding(price.Standard, day);
        var bands = price.LongPrompt.ToArray().Where(band => band.Period.Contains(day)).OrderBy(band => band.Over).Select(band => new DollarBand(band.Over, DollarRates.Of(band.Period.Rates)));
        return standard is null ? null : new PriceLine(price.Model, standard, Holding(price.Fast, day), [.. bands]);
    }

    /// <summary>Prints prices of one day.</summary>
    public static void Write(PriceList prices, DateTimeOffset day, IReadOnlyList<PriceLine> lines, bool json, TextWriter output)
    {
        var date = DateOnly.FromDateTime(day.UtcDateTime);
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(new { date, revision = prices.Revision, asOf = prices.AsOf, unit = "USD per million tokens", models = lines }, CliJson.Options));
            return;
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"US dollars per million tokens on {date:yyyy-MM-dd}; price list {prices.Revision}, checked on {prices.AsOf:yyyy-MM-dd}."));
        output.WriteLine("fast and band are input/output; a band holds for every token of a longer prompt.");
        output.WriteLine();
        TextTable.Write([Headings, .. lines.Select(line => line.Cells())], output);
    }

    private string[] Cells() =>
    [
        Model,
        Dollars(Standard.Input),
        Dollars(Standard.Output),
        Dollars(Standard.CacheWrite5m),
        Dollars(Standard.CacheWrite1h),
        Dollars(Standard.CacheRead),
        Fast is null ? "-" : Pair(Fast),
        LongPrompt.Count == 0 ? "-" : string.Join(", ", LongPrompt.Select(band => string.Create(CultureInfo.InvariantCulture, $">{band.Over:N0}: {Pair(band.Rates)}"))),
    ];

    private static DollarRates? Holding(ReadOnlySpan<RatePeriod> periods, DateTimeOffset day)
    {
        foreach (ref readonly var period in periods)
        {
            if (period.Contains(day))
            {
                return DollarRates.Of(period.Rates);
            }
        }

        return null;
    }

    private static string Pair(DollarRates rates) => $"{Dollars(rates.Input)}/{Dollars(rates.Output)}";

    private static string Dollars(decimal amount) => amount.ToString("0.00#######", CultureInfo.InvariantCulture);
}
