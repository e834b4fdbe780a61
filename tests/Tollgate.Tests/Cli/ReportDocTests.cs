using System.Text.RegularExpressions;
using Tollgate.Cli.Report;
using Tollgate.Tests.Repository;

namespace Tollgate.Tests.Cli;

/// <summary>docs/reports.md shows what <c>tollgate report</c> prints on a terminal of 130 columns.</summary>
public sealed partial class ReportDocTests(ReportedStore store) : IClassFixture<ReportedStore>
{
    private const string Document = "docs/reports.md";

    private static readonly Terminal Wide = new(true, false, 130, false);

    [Fact]
    public async Task Every_answer_in_the_document_is_what_is_printed()
    {
        var text = await File.ReadAllTextAsync(Path.Combine(SourceTree.Root, Document), TestContext.Current.CancellationToken);
        foreach (var sample in Sample().Matches(text).Reverse())
        {
            var (code, output, error) = await store.RunAsync(Wide, sample.Groups["command"].Value.Split(' '));
            Assert.Equal((0, ""), (code, error));
            text = text[..sample.Groups["answer"].Index] + output.ReplaceLineEndings("\n") + text[(sample.Groups["answer"].Index + sample.Groups["answer"].Length)..];
        }

        ApprovedFile.Compare(Document, text);
    }

    [GeneratedRegex("```console\n\\$ tollgate (?<command>[^\n]*)\n(?<answer>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Sample();
}
