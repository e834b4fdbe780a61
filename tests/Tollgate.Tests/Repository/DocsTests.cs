using System.Text.RegularExpressions;

namespace Tollgate.Tests.Repository;

/// <summary>What the documents name must exist.</summary>
public sealed partial class DocsTests
{
    private static readonly Lazy<string> Sources = new(static () => string.Join('\n', new[] { "src", "tests", "demo" }
        .SelectMany(static folder => SourceTree.Files(folder, "*.cs"))
        .Select(static file => File.ReadAllText(Path.Combine(SourceTree.Root, file)))));

    [Fact]
    public void Every_path_named_in_a_document_exists()
    {
        var missing = from document in Documents()
                      from line in Numbered(document)
                      from Match match in RepositoryPath().Matches(line.Text)
                      let path = match.Groups[1].Value.TrimEnd('/', '.')
                      where !path.Contains('*') && !path.Contains('…') && !path.Contains("NNNN", StringComparison.Ordinal) && !SourceTree.Exists(path)
                      select $"{document}:{line.Number}: {path}";
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_link_between_documents_leads_somewhere()
    {
        var missing = from document in Documents()
                      from line in Numbered(document)
                      from Match match in Link().Matches(line.Text)
                      let target = match.Groups[1].Value.Split('#')[0]
                      where target.Length > 0 && !target.Contains("://", StringComparison.Ordinal)
                      let path = Path.GetRelativePath(SourceTree.Root, Path.GetFullPath(target, Path.Combine(SourceTree.Root, Path.GetDirectoryName(document)!)))
                      where !SourceTree.Exists(path)
                      select $"{document}:{line.Number}: {target}";
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_type_named_in_a_document_exists()
    {
        var missing = from document in Documents()
                      from line in Numbered(document)
                      from Match match in TypeName().Matches(line.Text)
                      let name = match.Groups[1].Value
                      where !NotOurs.Contains(name) && !Regex.IsMatch(Sources.Value, $@"\b(class|struct|interface|enum|record|record struct)\s+{name}\b")
                      select $"{document}:{line.Number}: {name}";
        Assert.Empty(missing);
    }

    [Fact]
    public void Decisions_are_numbered_without_gaps()
    {
        var numbers = SourceTree.Files("docs/decisions", "*.md").Select(static path => int.Parse(Path.GetFileName(path)[..4], System.Globalization.CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(Enumerable.Range(1, numbers.Count), numbers);
    }

    // Names of .NET's, of packages' and of ClickHouse's that documents may use in code style.
    private static readonly HashSet<string> NotOurs =
    [
        "SocketsHttpHandler", "HttpRequestMessage", "HttpMessageInvoker", "PipeReader", "PipeWriter", "TimeProvider", "BrotliDecoder", "InsertRawStreamAsync",
        "ReplacingMergeTree", "AggregatingMergeTree", "MergeTree", "LowCardinality", "RowBinary", "JsonDocument", "TimeSpan", "Utf8JsonReader", "ObjectPool",
        "ClickHouseClient",
    ];

    private static IEnumerable<string> Documents() => SourceTree.Files("docs", "*.md").Concat(["README.md", "CONTRIBUTING.md"]);

    private static IEnumerable<(int Number, string Text)> Numbered(string document) => SourceTree.Lines(document).Select(static (text, index) => (index + 1, text));

    [GeneratedRegex(@"`((?:src|tests|docs|deploy|bench|loadtest|demo)/[^`\s]*)`")]
    private static partial Regex RepositoryPath();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    // Two humps at least: `UsageReader` is a type, `Basic` is a word.
    [GeneratedRegex(@"`(I?[A-Z][a-z0-9]+(?:[A-Z][a-zA-Z0-9]*)+)`")]
    private static partial Regex TypeName();
}
