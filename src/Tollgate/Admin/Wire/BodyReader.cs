using System.Buffers;
using System.Net.Http.Headers;
using System.Text.Json;
using Tollgate.Configuration;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Admin.Wire;

/// <summary>Reads a request's body as strictly as <c>tollgate.json</c> is read, with the same binder and rules.</summary>
internal static class BodyReader
{
    /// <summary>Bytes of the largest body; a key with every list full has about a tenth of it.</summary>
    public const int MostBytes = 256 * 1024;

    /// <summary>Characters of the longest text in a body.</summary>
    public const int MostCharacters = 4096;

    /// <summary>Reads the body into a record that names every field that may be given.</summary>
    /// <param name="context">The request.</param>
    /// <param name="id">The id that the address says, which the body may repeat or leave out; null when the address has none.</param>
    /// <param name="newId">The id to take when the body gives none; null when it must.</param>
    /// <exception cref="ApiException">Not JSON by its type (415), too large (413), or wrong (400): every problem at once.</exception>
    public static async Task<TBody> ReadAsync<TBody>(HttpContext context, string? id = null, string? newId = null)
        where TBody : class
    {
        var problems = new ProblemList();
        var node = await ReadNodeAsync(context, problems);
        if (node is not null && problems.Problems.Count == 0)
        {
            CheckTexts(node, string.Empty, problems);
            if (id is not null && node.Kind == JsonValueKind.Object)
            {
                Address(node, id, problems);
            }
            else if (newId is not null && node.Kind == JsonValueKind.Object && node.Find("id") is null or { Kind: JsonValueKind.Null })
            {
                node.Set("id", new ConfigurationNode { Kind = JsonValueKind.String, Text = newId });
            }
        }

        var body = node is null ? null : new OptionsBinder(secrets: null, problems).Bind(node, typeof(TBody));
        ThrowIfAny(problems);
        return (TBody)body!;
    }

    /// <summary>The body is of another type.</summary>
    public static ApiException NotJson(HttpRequest request) => new(
        StatusCodes.Status415UnsupportedMediaType,
        ProblemKinds.UnsupportedMediaType,
        "Not JSON",
        $"The body's content-type is {ConfigurationPath.Quote(request.ContentType ?? string.Empty)}, but must be application/json.");

    /// <summary>Throws when anything was found.</summary>
    /// <param name="problems">What was found.</param>
    /// <param name="below">The path that the body was checked at, such as <c>keys[0]</c>; what is elsewhere is not about it.</param>
    public static void ThrowIfAny(ProblemList problems, string below = "")
    {
        var errors = problems.Problems
            .Where(problem => below.Length == 0 || problem.Path.StartsWith(below, StringComparison.Ordinal))
            .Select(problem => new FieldError(Field(problem.Path, below), below.Length == 0 ? problem.Message : problem.Message.Replace($"{below}.", string.Empty, StringComparison.Ordinal)))
            .ToArray();
        if (errors.Length > 0)
        {
            throw ApiException.Invalid(errors);
        }
    }

    private static string Field(string path, string below)
    {
        var field = path == ConfigurationPath.WholeFile ? string.Empty : path[below.Length..].TrimStart('.');
        return field.Length == 0 ? "(body)" : field;
    }

    private static async Task<ConfigurationNode?> ReadNodeAsync(HttpContext context, ProblemList problems)
    {
        // JSON alone: a form or a text can be posted from any web page without asking first.
        if (!MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type) || type.MediaType is not "application/json" || type.CharSet is not (null or "utf-8" or "UTF-8"))
        {
            throw NotJson(context.Request);
        }

        var bytes = new ArrayBufferWriter<byte>();
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            foreach (var segment in read.Buffer)
            {
                bytes.Write(segment.Span);
            }

            reader.AdvanceTo(read.Buffer.End);
            if (bytes.WrittenCount > MostBytes)
            {
                throw new ApiException(StatusCodes.Status413PayloadTooLarge, ProblemKinds.TooLarge, "Too large", $"The body has more than {MostBytes} bytes. Send less.");
            }

            if (read.IsCompleted)
            {
                return ConfigurationNode.Parse(bytes.WrittenMemory, problems);
            }
        }
    }

    private static void Address(ConfigurationNode node, string id, ProblemList problems)
    {
        if (node.Find("id") is { } given && (given.Kind != JsonValueKind.String || given.Text != id))
        {
            problems.Add("id", $"is {ConfigurationPath.Quote(given.Text)}, but the address says {ConfigurationPath.Quote(id)}. Leave it out: an id can't be changed.");
        }

        node.Set("id", new ConfigurationNode { Kind = JsonValueKind.String, Text = id });
    }

    /// <summary>What no text may hold, whichever field it is for: it could end a line in a header or a log.</summary>
    private static void CheckTexts(ConfigurationNode node, string path, ProblemList problems)
    {
        if (node.Kind == JsonValueKind.String && node.Text.Any(char.IsControl))
        {
            problems.Add(path.Length == 0 ? ConfigurationPath.WholeFile : path, "has a control character, such as a line break (value not shown). Remove it.");
        }
        else if (node.Kind == JsonValueKind.String && node.Text.Length > MostCharacters)
        {
            problems.Add(path.Length == 0 ? ConfigurationPath.WholeFile : path, $"has {node.Text.Length} characters, but may have at most {MostCharacters}.");
        }

        foreach (var (name, value) in node.Members)
        {
            CheckTexts(value, ConfigurationPath.Join(path, name), problems);
        }

        for (var i = 0; i < node.Items.Count; i++)
        {
            CheckTexts(node.Items[i], ConfigurationPath.Join(path, i), problems);
        }
    }
}
