using System.Text.RegularExpressions;

namespace Tollgate.ClickHouse.Tests.Schema;

[Collection(nameof(LedgerStore))]
public sealed partial class SchemaDocsTests(LedgerStore store)
{
    [Fact]
    public async Task Every_column_of_requests_is_described_and_no_other()
    {
        await store.StartAfreshAsync();
        var columns = await store.ListAsync("SELECT name FROM system.columns WHERE database = 'tollgate' AND table = 'requests' ORDER BY position");
        var text = Repository.Read("docs/schema.md");
        var section = text[text.IndexOf("## Columns of requests", StringComparison.Ordinal)..];

        Assert.Equal(columns.Order(StringComparer.Ordinal), Cell().Matches(section).Select(match => match.Groups["name"].Value).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_table_and_view_is_described()
    {
        await store.StartAfreshAsync();
        var text = Repository.Read("docs/schema.md");
        foreach (var table in await store.ListAsync("SELECT name FROM system.tables WHERE database = 'tollgate'"))
        {
            Assert.Contains($"`{table}`", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Every_inserted_column_exists()
    {
        await store.StartAfreshAsync();
        var columns = await store.ListAsync("SELECT name FROM system.columns WHERE database = 'tollgate' AND table = 'requests' AND default_kind != 'ALIAS'");
        Assert.Empty(RequestsTable.Columns.Except(columns));
    }

    [GeneratedRegex(@"^\| `(?<name>\w+)` \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Cell();
}
