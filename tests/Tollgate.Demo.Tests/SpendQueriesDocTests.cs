using System.Text.RegularExpressions;

namespace Tollgate.Demo.Tests;

/// <summary>docs/spend-queries.md shows what the store answers to the demo's history.</summary>
[Collection(nameof(HistoryStore))]
public sealed partial class SpendQueriesDocTests(HistoryStore store)
{
    [Fact]
    public async Task Every_answer_in_the_document_is_the_stores()
    {
        var path = RepositoryRoot.File("docs", "spend-queries.md");
        var written = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        var text = written;
        foreach (var sample in Sample().Matches(text).Reverse())
        {
            var sql = sample.Groups["sql"].Value;
            var table = await store.AskAsync($"{sql} FORMAT PrettyCompactMonoBlock SETTINGS output_format_pretty_color = 0, output_format_pretty_row_numbers = 0") + "\n";
            text = text[..sample.Groups["answer"].Index] + table + text[(sample.Groups["answer"].Index + sample.Groups["answer"].Length)..];
        }

        if (Environment.GetEnvironmentVariable("TOLLGATE_APPROVE") == "1")
        {
            await File.WriteAllTextAsync(path, text, TestContext.Current.CancellationToken);
            return;
        }

        Assert.Equal(text, written);
    }

    [GeneratedRegex("```sql\n(?<sql>.*?)\n```\n\n```text\n(?<answer>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Sample();
}
