using System.Globalization;
using System.Text.Json;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Tests.Accounting;

/// <summary>What usage costs, told from the price file alone: its JSON, exact decimals, and the provider's rules in their plainest form.</summary>
/// <remarks>Shares nothing with the price list or the costing but the file.</remarks>
internal sealed class PriceOracle
{
    private static readonly string[] Prefixes = ["us.", "eu.", "jp.", "au.", "in.", "apac."];
    private readonly Dictionary<string, Model> _byName = new(StringComparer.Ordinal);

    private PriceOracle(JsonElement file)
    {
        foreach (var json in file.GetProperty("models").EnumerateArray())
        {
            var model = new Model(
                Id: json.GetProperty("id").GetString()!,
                Standard: Periods(json, "standard"),
                Fast: Periods(json, "fast"),
                Long: Periods(json, "longPrompt"),
                GeoUs: Number(json, "geoUs", 1),
                Regional: Number(json, "regional", 1),
                WebSearch: Number(json, "webSearch", -1));
            var bedrock = Names(json, "bedrock");
            string[] names = [model.Id, .. Names(json, "aliases"), .. Names(json, "vertex"), .. bedrock, .. bedrock.Select(static name => "global." + name)];
            foreach (var name in names.Concat(bedrock.SelectMany(static name => Prefixes.Select(prefix => prefix + name))))
            {
                _byName.Add(name, model);
            }
        }

        KnownNames = [.. _byName.Keys];
    }

    public IReadOnlyList<string> KnownNames { get; }

    public static PriceOracle OfTheEmbeddedFile()
    {
        using var stream = typeof(PriceList).Assembly.GetManifestResourceStream("Tollgate.Proxy.Accounting.prices.json")!;
        using var json = JsonDocument.Parse(stream);
        return new PriceOracle(json.RootElement);
    }

    /// <summary>The canonical id, which an answer names.</summary>
    public string Served(string name) => _byName[name].Id;

    /// <summary>Nano-dollars of an attempt; null when some of it has no price.</summary>
    /// <param name="name">The model asked for.</param>
    /// <param name="region">The upstream's region.</param>
    /// <param name="at">When.</param>
    /// <param name="isUs">Whether it was served in the United States.</param>
    /// <param name="isFast">Whether it was served fast.</param>
    /// <param name="searches">Web searches.</param>
    /// <param name="prompts">Each prompt and its answer, priced in a band of its own.</param>
    public decimal? Nano(string name, string region, DateTimeOffset at, bool isUs, bool isFast, long searches, IReadOnlyList<TokenUsage> prompts)
    {
        var model = _byName[name];
        var isRegional = Prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))
            || (region is not ("" or "global") && !name.StartsWith("global.", StringComparison.Ordinal));
        var place = Math.Max(isUs ? model.GeoUs : 1, isRegional ? model.Regional : 1);
        var (input, read, write, output) = (0m, 0m, 0m, 0m);
        foreach (var prompt in prompts)
        {
            var tokens = prompt.Input + prompt.CacheRead + prompt.CacheWrite5m + prompt.CacheWrite1h;
            var period = (isFast ? model.Fast.FirstOrDefault(fast => fast.Holds(at)) : null)
                ?? model.Long.Where(band => band.Holds(at) && tokens > band.Over).MaxBy(static band => band.Over)
                ?? model.Standard.FirstOrDefault(standard => standard.Holds(at));
            if (period is null)
            {
                if (prompt.IsEmpty)
                {
                    continue;
                }

                return null;
            }

            // Dollars for a million tokens are thousands of nano-dollars for one.
            input += prompt.Input * period.Input * 1000;
            read += prompt.CacheRead * period.Read * 1000;
            write += ((prompt.CacheWrite5m * period.Write5m) + (prompt.CacheWrite1h * period.Write1h)) * 1000;
            output += prompt.Output * period.Output * 1000;
        }

        return searches > 0 && model.WebSearch < 0
            ? null
            : Rounded(input) + Rounded(read) + Rounded(write) + Rounded(output) + (searches * Math.Max(0, model.WebSearch) * 1_000_000_000);

        decimal Rounded(decimal nano) => decimal.Round(nano * place, MidpointRounding.ToEven);
    }

    private static Period[] Periods(JsonElement model, string field) => !model.TryGetProperty(field, out var list) ? [] :
    [
        .. list.EnumerateArray().Select(static json => new Period(
            Day(json, "from", DateTimeOffset.MinValue),
            Day(json, "to", DateTimeOffset.MaxValue),
            (long)Number(json, "over", 0),
            Number(json, "input", 0),
            Number(json, "output", 0),
            Number(json, "cacheRead", 0),
            Number(json, "cacheWrite5m", 0),
            Number(json, "cacheWrite1h", 0))),
    ];

    private static string[] Names(JsonElement model, string field) =>
        model.TryGetProperty(field, out var list) ? [.. list.EnumerateArray().Select(static name => name.GetString()!)] : [];

    private static decimal Number(JsonElement json, string field, decimal absent) => json.TryGetProperty(field, out var number) ? number.GetDecimal() : absent;

    private static DateTimeOffset Day(JsonElement json, string field, DateTimeOffset absent) => json.TryGetProperty(field, out var day)
        ? DateTimeOffset.ParseExact(day.GetString()!, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal)
        : absent;

    private sealed record Model(string Id, Period[] Standard, Period[] Fast, Period[] Long, decimal GeoUs, decimal Regional, decimal WebSearch);

    private sealed record Period(
        DateTimeOffset From, DateTimeOffset To, long Over, decimal Input, decimal Output, decimal Read, decimal Write5m, decimal Write1h)
    {
        public bool Holds(DateTimeOffset at) => at >= From && at < To;
    }
}
