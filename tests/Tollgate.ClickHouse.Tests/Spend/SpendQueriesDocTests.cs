using System.Text.RegularExpressions;

namespace Tollgate.ClickHouse.Tests.Spend;

/// <summary>docs/spend-queries.md shows what the store answers.</summary>
[Collection(nameof(LedgerStore))]
public sealed partial class SpendQueriesDocTests(LedgerStore store) : IClassFixture<SpendStore>
{
    private const string Document = "docs/spend-queries.md";

    [Fact]
    public async Task Every_answer_in_the_document_is_the_stores()
    {
        using var http = new HttpClient { BaseAddress = store.Address };
        var text = Repository.Read(Document);
        foreach (var sample in Sample().Matches(text).Reverse())
        {
            var sql = sample.Groups["sql"].Value;
            using var question = new StringContent($"{sql} FORMAT PrettyCompactMonoBlock SETTINGS output_format_pretty_color = 0, output_format_pretty_row_numbers = 0");
            using var answer = await http.PostAsync("/", question, TestContext.Current.CancellationToken);
            var table = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(answer.IsSuccessStatusCode, table);
            text = text[..sample.Groups["answer"].Index] + table + text[(sample.Groups["answer"].Index + sample.Groups["answer"].Length)..];
        }

        Repository.ApproveDocument(Document, text);
    }

    [GeneratedRegex("```sql\n(?<sql>.*?)\n```\n\n```text\n(?<answer>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Sample();
}
