using System.Collections.Frozen;

namespace Tollgate.Proxy.Accounting;

/// <summary>What a model's name says about where it is served.</summary>
public enum ServingPlace
{
    /// <summary>Nothing: the upstream's configured region decides.</summary>
    Unstated = 0,

    /// <summary>Anywhere, at the base price: Bedrock's <c>global.</c></summary>
    Global,

    /// <summary>Within one region, at the regional premium: Bedrock's <c>us.</c>, <c>eu.</c> and so on.</summary>
    Regional,
}

/// <summary>A price found by a name, and what else the name said.</summary>
/// <param name="Price">The price.</param>
/// <param name="Place">Where the name says the model is served.</param>
public readonly record struct NamedPrice(Price Price, ServingPlace Place);

/// <summary>What every known model costs; loaded once, never changed, replaced as a whole.</summary>
/// <remarks>
/// Names match exactly, letter case included: an id, an alias, a Bedrock id with or without regional prefix, or a Google Cloud
/// id as listed. Never by prefix or family, because a point release has prices of its own and would inherit its sibling's.
/// </remarks>
public sealed class PriceList
{
    /// <summary>Claude Code's mark for the long context window at the end of a model's name; it says nothing about the price.</summary>
    public const string ContextMarker = "[1m]";

    private const string EmbeddedName = "Tollgate.Proxy.Accounting.prices.json";

    private static readonly Lazy<PriceList> Shipped = new(LoadEmbedded);

    private static readonly string[] RegionalPrefixes = ["us.", "eu.", "jp.", "au.", "in.", "apac."];

    private readonly List<PriceEntry> _entries;
    private readonly FrozenDictionary<string, NamedPrice>.AlternateLookup<ReadOnlySpan<char>> _byName;

    private PriceList(uint revision, DateOnly asOf, List<PriceEntry> entries, Dictionary<string, NamedPrice> byName)
    {
        Revision = revision;
        AsOf = asOf;
        _entries = entries;
        _byName = byName.ToFrozenDictionary(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The list shipped with this version.</summary>
    public static PriceList Embedded => Shipped.Value;

    /// <summary>Which state of the list this is; a row carries it, so that a later question finds the prices it was made with.</summary>
    public uint Revision { get; }

    /// <summary>The day on which the list was last compared with what providers publish.</summary>
    public DateOnly AsOf { get; }

    /// <summary>Every price, in the file's order.</summary>
    public IEnumerable<Price> Prices => _entries.Select(entry => entry.Price);

    /// <summary>A list made of one file alone.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="name">What to call the file in a message.</param>
    /// <exception cref="PriceListException">The file can't be used; every problem is listed.</exception>
    public static PriceList Load(Stream file, string name)
    {
        var read = PriceFileReader.Read(file, name);
        return Build(read, read.Entries);
    }

    /// <summary>This list with the models of a user's file put in place of its own, and with the file's revision and day.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="name">What to call the file in a message.</param>
    /// <remarks>A model's prices are replaced as a whole; kinds of names that the file leaves out stay as they were.</remarks>
    /// <exception cref="PriceListException">The file can't be used; every problem is listed.</exception>
    public PriceList WithOverrides(Stream file, string name)
    {
        var read = PriceFileReader.Read(file, name);
        var replaced = read.Entries.ConvertAll(entry => _entries.Find(known => known.Price.Model == entry.Price.Model) is { } known
            ? entry with { Aliases = entry.Aliases ?? known.Aliases, Bedrock = entry.Bedrock ?? known.Bedrock, Vertex = entry.Vertex ?? known.Vertex }
            : entry);
        var kept = _entries.Where(known => !replaced.Exists(entry => entry.Price.Model == known.Price.Model));
        return Build(read, [.. kept, .. replaced]);
    }

    /// <summary>Finds the price of a model.</summary>
    /// <param name="model">The name, as a request or an answer gives it.</param>
    /// <param name="price">The price.</param>
    /// <returns>False when the list does not know the name.</returns>
    public bool TryFind(ReadOnlySpan<char> model, out Price price)
    {
        var found = TryFind(model, out NamedPrice named);
        price = named.Price;
        return found;
    }

    /// <summary>Finds the price of a model, and what its name says about where it is served.</summary>
    /// <remarks>Hot path: allocates nothing.</remarks>
    public bool TryFind(ReadOnlySpan<char> model, out NamedPrice named)
    {
        if (model.EndsWith(ContextMarker, StringComparison.Ordinal))
        {
            model = model[..^ContextMarker.Length];
        }

        return _byName.TryGetValue(model, out named);
    }

    /// <summary>What the list calls a model: its id for any of its names, and the name itself when the list does not know it.</summary>
    public string NameOf(string model) => TryFind(model, out NamedPrice named) ? named.Price.Model : model;

    private static PriceList Build(PriceFile file, List<PriceEntry> entries)
    {
        var byName = new Dictionary<string, NamedPrice>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            if (!TryAdd(entry, entry.Price.Model, ServingPlace.Unstated, "id"))
            {
                continue;
            }

            foreach (var alias in entry.Aliases ?? [])
            {
                TryAdd(entry, alias, ServingPlace.Unstated, "aliases");
            }

            foreach (var id in entry.Vertex ?? [])
            {
                TryAdd(entry, id, ServingPlace.Unstated, "vertex");
            }

            foreach (var id in entry.Bedrock ?? [])
            {
                if (TryAdd(entry, id, ServingPlace.Unstated, "bedrock") && TryAdd(entry, $"global.{id}", ServingPlace.Global, "bedrock"))
                {
                    Array.ForEach(RegionalPrefixes, prefix => TryAdd(entry, prefix + id, ServingPlace.Regional, "bedrock"));
                }
            }
        }

        return file.Problems.Count == 0 ? new PriceList(file.Revision, file.AsOf, entries, byName) : throw new PriceListException(file.Name, file.Problems);

        bool TryAdd(PriceEntry entry, string name, ServingPlace place, string field)
        {
            if (byName.TryAdd(name, new NamedPrice(entry.Price, place)))
            {
                return true;
            }

            file.Problems.Add(new PriceProblem(
                $"{entry.Path}.{field}",
                $"\"{name}\"",
                $"that name already means {byName[name].Price.Model}; a name means one model only, so drop it here or override that model."));
            return false;
        }
    }

    private static PriceList LoadEmbedded()
    {
        using var file = typeof(PriceList).Assembly.GetManifestResourceStream(EmbeddedName)
            ?? throw new InvalidOperationException($"The assembly lacks its resource {EmbeddedName}; the build is broken.");
        return Load(file, EmbeddedName);
    }
}
