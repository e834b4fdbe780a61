using System.CommandLine;
using System.Globalization;
using Tollgate.Configuration;
using Tollgate.Hosting;
using Tollgate.Proxy.Accounting;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Cli;

/// <summary><c>tollgate prices list</c> and <c>tollgate prices show MODEL</c>: what requests of a day are charged at.</summary>
/// <param name="loader">Reads the configuration, which may name a file of prices.</param>
/// <param name="time">Says which day is today; days begin at midnight UTC, as prices do.</param>
/// <param name="output">Where prices go.</param>
/// <param name="error">Where everything else goes.</param>
internal sealed class PricesCommand(ConfigurationLoader loader, TimeProvider time, TextWriter output, TextWriter error)
{
    private const string DateFormat = "yyyy-MM-dd";
    private const int MostNearNames = 3;

    /// <summary>The verb with both of its own.</summary>
    /// <param name="config">The option that names the configuration file.</param>
    /// <param name="json">The option that asks for JSON.</param>
    public Command Create(Option<string?> config, Option<bool> json)
    {
        var at = new Option<string?>("--at") { HelpName = "DATE", Description = "The day, as 2026-11-24 (UTC). Default: today." };
        var model = new Argument<string>("MODEL") { Description = "A model's id, or any name the list knows it by." };
        var list = new Command("list", "Every model with its price, in US dollars per million tokens.") { at, config, json };
        var show = new Command("show", "One model's price. Exits with 1 when the list does not know the model, or has no price for it that day.") { model, at, config, json };
        list.SetAction(parsed => Run(parsed.GetValue(config), parsed.GetValue(at), (prices, day) => List(prices, day, parsed.GetValue(json))));
        show.SetAction(parsed => Run(parsed.GetValue(config), parsed.GetValue(at), (prices, day) => Show(prices, parsed.GetRequiredValue(model), day, parsed.GetValue(json))));
        return new Command("prices", "The price list, with the configured file of prices on top.") { list, show };
    }

    private int Run(string? file, string? at, Func<PriceList, DateTimeOffset, int> print)
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        if (at is null || !DateOnly.TryParseExact(at, DateFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out var date))
        {
            if (at is not null)
            {
                error.WriteLine($"--at is {ConfigurationPath.Quote(at)}, but must be a day as {today.ToString(DateFormat, CultureInfo.InvariantCulture)}.");
                return ExitCodes.WrongUse;
            }

            date = today;
        }

        var configuration = loader.Load(file);
        if (!configuration.IsValid)
        {
            CheckReport.WriteFindings(configuration, error);
            return ExitCodes.WrongUse;
        }

        return print(PriceFile.Load(configuration.Options.Prices), new DateTimeOffset(date, TimeOnly.MinValue, TimeSpan.Zero));
    }

    private int List(PriceList prices, DateTimeOffset day, bool json)
    {
        var priced = prices.Prices.Select(price => PriceLine.Of(price, day)).OfType<PriceLine>().OrderBy(line => line.Model, StringComparer.Ordinal).ToArray();
        PriceLine.Write(prices, day, priced, json, output);
        var unpriced = prices.Prices.Count() - priced.Length;
        if (unpriced > 0 && !json)
        {
            output.WriteLine($"{unpriced} more {(unpriced == 1 ? "model has" : "models have")} no price on that day.");
        }

        return ExitCodes.Done;
    }

    private int Show(PriceList prices, string name, DateTimeOffset day, bool json)
    {
        if (!prices.TryFind(name, out Price price))
        {
            var near = Suggestion.Nearest(name, prices.Prices.Select(known => known.Model), MostNearNames);
            error.WriteLine($"The price list (revision {prices.Revision}) does not know {ConfigurationPath.Quote(name)}. Near it: {string.Join(", ", near)}. A file of your own can add it, see prices.file.");
            return ExitCodes.Failed;
        }

        if (PriceLine.Of(price, day) is not { } line)
        {
            error.WriteLine($"{price.Model} has no price on {day.ToString(DateFormat, CultureInfo.InvariantCulture)}. {Periods(price)}");
            return ExitCodes.Failed;
        }

        PriceLine.Write(prices, day, [line], json, output);
        return ExitCodes.Done;
    }

    private static string Periods(Price price)
    {
        var periods = price.Standard.ToArray().Select(period => (period.From == DateTimeOffset.MinValue, period.Until == DateTimeOffset.MaxValue) switch
        {
            (true, _) => $"before {Day(period.Until)}",
            (_, true) => $"from {Day(period.From)} on",
            _ => $"from {Day(period.From)} to before {Day(period.Until)}",
        });
        return $"It has one {string.Join(", ", periods)}.";

        static string Day(DateTimeOffset moment) => moment.ToString(DateFormat, CultureInfo.InvariantCulture);
    }
}
