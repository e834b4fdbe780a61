using System.Globalization;
using System.Text.Json;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Accounting;

/// <summary>One model of a price file: its price and the names that lead to it.</summary>
/// <param name="Price">What it costs.</param>
/// <param name="Aliases">Other names of the same model; null when the file does not say.</param>
/// <param name="Bedrock">Its ids on Amazon Bedrock, without regional prefix; null when the file does not say.</param>
/// <param name="Vertex">Its ids on Google Cloud; null when the file does not say.</param>
/// <param name="Path">Where in the file it stands.</param>
internal sealed record PriceEntry(Price Price, string[]? Aliases, string[]? Bedrock, string[]? Vertex, string Path);

/// <summary>A price file as read.</summary>
internal sealed record PriceFile(string Name, uint Revision, DateOnly AsOf, List<PriceEntry> Entries, List<PriceProblem> Problems);

/// <summary>Reads a price file strictly: what it does not understand it refuses, and it tells everything at once.</summary>
/// <remarks>The format is described in docs/prices.md.</remarks>
internal sealed class PriceFileReader
{
    /// <summary>The highest price taken, in USD per million tokens; a thousand times today's dearest.</summary>
    /// <remarks>Bounds the arithmetic of <see cref="Costing"/>: 2^32 tokens at this price stay below a billion dollars.</remarks>
    public const decimal HighestPrice = 100_000;

    private const decimal HighestFactor = 10;

    private readonly List<PriceProblem> _problems = [];

    private PriceFileReader()
    {
    }

    /// <summary>The file's content, and what is wrong with it: with any problem the content is not to be used.</summary>
    public static PriceFile Read(Stream file, string name)
    {
        var reader = new PriceFileReader();
        var (revision, asOf) = (0u, default(DateOnly));
        var entries = new List<PriceEntry>();
        try
        {
            using var document = JsonDocument.Parse(file, new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            (revision, asOf) = reader.ReadFile(document.RootElement, entries);
        }
        catch (JsonException e)
        {
            reader._problems.Add(new PriceProblem(string.Empty, name, $"not JSON ({e.Message}); correct it there."));
        }

        return new PriceFile(name, revision, asOf, entries, reader._problems);
    }

    private (uint Revision, DateOnly AsOf) ReadFile(JsonElement root, List<PriceEntry> entries)
    {
        var fields = Fields(root, string.Empty, "revision", "asOf", "models");
        uint revision = 0;
        if (Required(fields, "revision", string.Empty) is { } number && (number.ValueKind != JsonValueKind.Number || !number.TryGetUInt32(out revision) || revision == 0))
        {
            Problem("revision", number, "write a whole number from 1 to 4294967295, and raise it with every change.");
        }

        var asOf = Required(fields, "asOf", string.Empty) is { } day && TryDay(day, "asOf", out var read) ? read : default;
        if (Required(fields, "models", string.Empty) is { } models)
        {
            var index = 0;
            foreach (var model in Items(models, "models"))
            {
                if (ReadModel(model, $"models[{index++}]") is { } entry)
                {
                    entries.Add(entry);
                }
            }
        }

        return (revision, asOf);
    }

    private PriceEntry? ReadModel(JsonElement model, string path)
    {
        var before = _problems.Count;
        var fields = Fields(model, path, "id", "note", "aliases", "bedrock", "vertex", "standard", "fast", "longPrompt", "batch", "geoUs", "regional", "webSearch");
        if (model.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var id = Required(fields, "id", path) is { } given ? Name(given, $"{path}.id") : null;
        if (fields.TryGetValue("note", out var note) && note.ValueKind != JsonValueKind.String)
        {
            Problem($"{path}.note", note, "write text, or leave it out.");
        }

        var aliases = Names(fields, "aliases", path);
        var bedrock = Names(fields, "bedrock", path);
        var vertex = Names(fields, "vertex", path);
        var standard = Required(fields, "standard", path) is { } periods ? Periods(periods, $"{path}.standard") : [];
        if (fields.TryGetValue("standard", out var none) && none.ValueKind == JsonValueKind.Array && none.GetArrayLength() == 0)
        {
            Problem($"{path}.standard", none, "give at least one period of prices.");
        }

        var fast = fields.TryGetValue("fast", out var fastPeriods) ? Periods(fastPeriods, $"{path}.fast") : [];
        var bands = fields.TryGetValue("longPrompt", out var longPrompt) ? Bands(longPrompt, $"{path}.longPrompt") : [];
        var batch = Required(fields, "batch", path) is { } factor ? ReadFactor(factor, $"{path}.batch") : Factor.One;
        var geo = fields.TryGetValue("geoUs", out var us) ? ReadFactor(us, $"{path}.geoUs") : Factor.One;
        var regional = fields.TryGetValue("regional", out var region) ? ReadFactor(region, $"{path}.regional") : Factor.One;
        Nanodollars? search = fields.TryGetValue("webSearch", out var each) ? new Nanodollars(Amount(each, $"{path}.webSearch")) : null;
        if (_problems.Count > before)
        {
            // Kept all the same, so that a clash of its names is told together with what is wrong inside it.
            return id is null ? null : new PriceEntry(new Price(id, [], [], []), aliases, bedrock, vertex, path);
        }

        var price = new Price(id!, standard, fast, bands) { Batch = batch, GeoUs = geo, Regional = regional, WebSearch = search };
        return new PriceEntry(price, aliases, bedrock, vertex, path);
    }

    private RatePeriod[] Periods(JsonElement list, string path)
    {
        var periods = new List<RatePeriod>();
        var index = 0;
        foreach (var item in Items(list, path))
        {
            var at = $"{path}[{index++}]";
            var period = Period(item, Fields(item, at, "from", "to", "input", "output", "cacheWrite5m", "cacheWrite1h", "cacheRead"), at);
            RefuseOverlap(periods, period, item, at);
            periods.Add(period);
        }

        return [.. periods.OrderBy(period => period.From)];
    }

    private LongPromptBand[] Bands(JsonElement list, string path)
    {
        var bands = new List<LongPromptBand>();
        var index = 0;
        foreach (var item in Items(list, path))
        {
            var at = $"{path}[{index++}]";
            var fields = Fields(item, at, "over", "from", "to", "input", "output", "cacheWrite5m", "cacheWrite1h", "cacheRead");
            long over = 0;
            if (Required(fields, "over", at) is { } tokens && (tokens.ValueKind != JsonValueKind.Number || !tokens.TryGetInt64(out over) || over <= 0))
            {
                Problem($"{at}.over", tokens, "write the largest prompt, in tokens, that still has the standard price.");
            }

            var period = Period(item, fields, at);
            RefuseOverlap(bands.Where(band => band.Over == over).Select(band => band.Period), period, item, at);
            bands.Add(new LongPromptBand(over, period));
        }

        return [.. bands];
    }

    private RatePeriod Period(JsonElement item, Dictionary<string, JsonElement> fields, string path)
    {
        var from = DateTimeOffset.MinValue;
        var until = DateTimeOffset.MaxValue;
        if (item.ValueKind != JsonValueKind.Object)
        {
            return new RatePeriod(from, from, default);
        }

        var datesRead = true;
        if (fields.TryGetValue("from", out var first))
        {
            datesRead &= TryDay(first, $"{path}.from", out var day);
            from = new DateTimeOffset(day, TimeOnly.MinValue, TimeSpan.Zero);
        }

        if (fields.TryGetValue("to", out var end))
        {
            datesRead &= TryDay(end, $"{path}.to", out var day);
            until = new DateTimeOffset(day, TimeOnly.MinValue, TimeSpan.Zero);
        }

        if (!datesRead)
        {
            until = from;
        }
        else if (until <= from)
        {
            Problem($"{path}.to", end, $"the period ends on or before the day it begins, {from:yyyy-MM-dd}; write a later day, which is the first without these prices.");
        }

        return new RatePeriod(from, until, new Rates(Rate("input"), Rate("output"), Rate("cacheRead"), Rate("cacheWrite5m"), Rate("cacheWrite1h")));

        long Rate(string field) => Required(fields, field, path) is { } value ? Amount(value, $"{path}.{field}") : 0;
    }

    private void RefuseOverlap(IEnumerable<RatePeriod> earlier, RatePeriod period, JsonElement item, string path)
    {
        if (earlier.Any(other => period.From < other.Until && other.From < period.Until))
        {
            Problem(path, item, "its time overlaps an earlier entry's; let each \"to\" be the next one's \"from\".");
        }
    }

    /// <summary>An amount of dollars in nano-dollars, read from its digits and never by way of binary floating point.</summary>
    private long Amount(JsonElement value, string path)
    {
        if (!TryNumber(value, out var dollars))
        {
            Problem(path, value, "write a number of US dollars, without quotes.");
        }
        else if (dollars < 0)
        {
            Problem(path, value, "a price is never negative.");
        }
        else if (dollars > HighestPrice)
        {
            Problem(path, value, $"more than {HighestPrice} USD; prices are per million tokens, and a web search's is for one search.");
        }
        else if (dollars * Nanodollars.PerDollar != decimal.Truncate(dollars * Nanodollars.PerDollar))
        {
            Problem(path, value, "not a whole number of nano-dollars; write at most nine decimals.");
        }
        else
        {
            return (long)(dollars * Nanodollars.PerDollar);
        }

        return 0;
    }

    private Factor ReadFactor(JsonElement value, string path)
    {
        if (TryNumber(value, out var factor) && factor is > 0 and <= HighestFactor && factor * Factor.Whole == decimal.Truncate(factor * Factor.Whole))
        {
            return new Factor((int)(factor * Factor.Whole));
        }

        Problem(path, value, $"write a number above 0 and up to {HighestFactor} with at most three decimals, such as 1.1.");
        return Factor.One;
    }

    private static bool TryNumber(JsonElement value, out decimal number)
    {
        number = 0;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDecimal(out number))
        {
            return false;
        }

        // decimal rounds what it can't hold, without a word: 28 decimals and more are compared digit by digit no further.
        var text = value.GetRawText();
        return text.Length <= 28;
    }

    private bool TryDay(JsonElement value, string path, out DateOnly day)
    {
        day = default;
        if (value.ValueKind == JsonValueKind.String && DateOnly.TryParseExact(value.GetString(), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out day))
        {
            return true;
        }

        Problem(path, value, "write a day as \"2026-10-07\"; it begins at midnight UTC.");
        return false;
    }

    private string[]? Names(Dictionary<string, JsonElement> fields, string field, string path)
    {
        if (!fields.TryGetValue(field, out var list))
        {
            return null;
        }

        var names = new List<string>();
        var index = 0;
        foreach (var item in Items(list, $"{path}.{field}"))
        {
            if (Name(item, $"{path}.{field}[{index++}]") is { } name)
            {
                names.Add(name);
            }
        }

        return [.. names];
    }

    private string? Name(JsonElement value, string path)
    {
        var name = value.ValueKind == JsonValueKind.String ? value.GetString()! : string.Empty;
        if (name.Length is > 0 and <= NameTable.MaxBytes && !name.EndsWith(PriceList.ContextMarker, StringComparison.Ordinal) && name.All(c => c is > ' ' and <= '~'))
        {
            return name;
        }

        Problem(path, value, $"write a model's name: 1 to {NameTable.MaxBytes} ASCII characters without spaces, without the suffix {PriceList.ContextMarker}.");
        return null;
    }

    private JsonElement.ArrayEnumerator Items(JsonElement list, string path)
    {
        if (list.ValueKind == JsonValueKind.Array)
        {
            return list.EnumerateArray();
        }

        Problem(path, list, "write a list: [ … ].");
        return default;
    }

    /// <summary>The object's known fields by name; what else it holds is a problem.</summary>
    private Dictionary<string, JsonElement> Fields(JsonElement item, string path, params ReadOnlySpan<string> known)
    {
        var fields = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        if (item.ValueKind != JsonValueKind.Object)
        {
            Problem(path, item, $"write an object with {string.Join(", ", known)}.");
            return fields;
        }

        foreach (var property in item.EnumerateObject())
        {
            if (known.IndexOf(property.Name) < 0)
            {
                Problem(Join(path, property.Name), property.Value, $"unknown field; known here are {string.Join(", ", known)}.");
            }
            else if (!fields.TryAdd(property.Name, property.Value))
            {
                Problem(Join(path, property.Name), property.Value, "given twice; keep one.");
            }
        }

        return fields;
    }

    private JsonElement? Required(Dictionary<string, JsonElement> fields, string field, string path)
    {
        if (fields.TryGetValue(field, out var value))
        {
            return value;
        }

        // An item that is no object was told already; it has no fields to miss.
        if (fields.Count > 0 || path.Length == 0)
        {
            _problems.Add(new PriceProblem(Join(path, field), "missing", "give it; every price file needs it."));
        }

        return null;
    }

    private void Problem(string path, JsonElement value, string change)
    {
        const int longest = 80;
        var text = value.ValueKind == JsonValueKind.Undefined ? "missing" : value.GetRawText().ReplaceLineEndings(" ");
        _problems.Add(new PriceProblem(path.Length == 0 ? "the file" : path, text.Length <= longest ? text : string.Concat(text.AsSpan(0, longest), "…"), change));
    }

    private static string Join(string path, string field) => path.Length == 0 ? field : $"{path}.{field}";
}
