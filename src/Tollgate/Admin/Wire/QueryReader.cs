using System.Globalization;
using Tollgate.Configuration;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Admin.Wire;

/// <summary>Reads a request's query as strictly as its body: a misspelt filter must not become no filter.</summary>
internal sealed class QueryReader
{
    /// <summary>Most entries on a page.</summary>
    public const int MostOnPage = 1000;

    private readonly Dictionary<string, IReadOnlyList<string>> _lists = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <summary>Takes the query.</summary>
    /// <param name="query">As sent.</param>
    /// <param name="known">Every parameter that may be given; one that ends in <c>[]</c> may be given several times.</param>
    /// <exception cref="ApiException">One is unknown, given twice or has a control character (400).</exception>
    public QueryReader(IQueryCollection query, IReadOnlyList<string> known)
    {
        var errors = new List<FieldError>();
        foreach (var (name, values) in query)
        {
            var shown = name.Length <= 64 && !name.Any(char.IsControl) ? name : "(query)";
            if (!known.Contains(name))
            {
                errors.Add(new FieldError(shown, $"is not a known parameter. {(known.Count == 0 ? "None is taken here." : Suggestion.For(name, known))}"));
            }
            else if (values.Any(static value => value!.Any(char.IsControl) || value!.Length > BodyReader.MostCharacters) || values.Count > MostOnPage)
            {
                errors.Add(new FieldError(shown, $"has a control character, or more than {BodyReader.MostCharacters} characters or {MostOnPage} values (not shown)."));
            }
            else if (name.EndsWith("[]", StringComparison.Ordinal))
            {
                _lists[name] = [.. values.Select(static value => value!)];
            }
            else if (values.Count != 1)
            {
                errors.Add(new FieldError(shown, "is given more than once. Give it once."));
            }
            else
            {
                _values[name] = values[0]!;
            }
        }

        if (errors.Count > 0)
        {
            throw ApiException.Invalid(errors);
        }
    }

    /// <summary>A parameter's text; null when it is not given.</summary>
    public string? Text(string name) => _values.GetValueOrDefault(name);

    /// <summary>All values of a parameter that may be given several times; empty when it is not given.</summary>
    public IReadOnlyList<string> Texts(string name) => _lists.GetValueOrDefault(name) ?? [];

    /// <summary><c>limit</c>: entries on a page.</summary>
    public int Limit(int otherwise = 100)
    {
        if (Text("limit") is not { } text)
        {
            return otherwise;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= MostOnPage
            ? limit
            : throw ApiException.Invalid("limit", $"is {ConfigurationPath.Quote(text)}, but must be a whole number of 1 to {MostOnPage}.");
    }

    /// <summary>A named value, in lower case; null when it is not given.</summary>
    public T? Named<T>(string name)
        where T : struct, Enum
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        foreach (var value in Enum.GetValues<T>())
        {
            if (OptionsShape.EnumText(value) == text)
            {
                return value;
            }
        }

        throw ApiException.Invalid(name, $"is {ConfigurationPath.Quote(text)}, but must be one of {string.Join(", ", OptionsShape.EnumTexts(typeof(T)))}.");
    }

    /// <summary>A time with its offset; null when it is not given.</summary>
    public DateTimeOffset? Instant(string name)
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        var node = new ConfigurationNode { Kind = System.Text.Json.JsonValueKind.String, Text = text };
        return ScalarReader.TryRead(node, typeof(DateTimeOffset), amountsAreTexts: true, out var value, out var wanted)
            ? (DateTimeOffset)value!
            : throw ApiException.Invalid(name, $"is {ConfigurationPath.Quote(text)}, but must be {wanted}.");
    }
}
