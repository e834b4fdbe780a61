using System.Text.RegularExpressions;
using Tollgate.Configuration;
using Tollgate.Tests.Repository;

namespace Tollgate.Tests.Configuration;

public sealed partial class ConfigurationDocumentTests : IDisposable
{
    private const string Document = "docs/configuration.md";
    private const string Mark = "<!-- From here on written by ConfigurationDocumentTests from the option types; change those, then make approve. -->\n";

    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-docs").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_page_describes_every_key_as_its_type_does()
    {
        var page = File.ReadAllText(Path.Combine(SourceTree.Root, Document));
        var mark = page.IndexOf(Mark, StringComparison.Ordinal);
        Assert.True(mark > 0, $"{Document} lacks the line that begins its written part: {Mark}");
        ApprovedFile.Compare(Document, page[..(mark + Mark.Length)] + "\n" + ConfigurationTables.Write());
    }

    [Fact]
    public void The_schema_says_what_the_types_say() => ApprovedFile.Compare("deploy/tollgate.schema.json", ConfigurationSchema.Write());

    [Fact]
    public void Every_example_file_on_the_page_loads_without_a_problem_or_a_warning()
    {
        var examples = Example().Matches(File.ReadAllText(Path.Combine(SourceTree.Root, Document)));
        Assert.NotEmpty(examples);
        foreach (Match example in examples)
        {
            var file = Path.Combine(_directory, "example.json");
            File.WriteAllText(file, example.Groups[1].Value);
            var environment = Variable().Matches(example.Value).ToDictionary(static variable => variable.Groups[1].Value, static _ => "x", StringComparer.Ordinal);
            var result = new ConfigurationLoader(environment, _directory).Load(file);
            Assert.Empty(result.Problems);
            Assert.Empty(result.Warnings);
        }
    }

    [GeneratedRegex("^```jsonc\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Example();

    [GeneratedRegex("\"env:([A-Z_]+)\"")]
    private static partial Regex Variable();
}
