using System.Text;
using Tollgate.ClickHouse.Schema;

namespace Tollgate.ClickHouse.Tests.Schema;

public sealed class SchemaScriptTests
{
    [Fact]
    public void The_schema_of_a_single_server_is_as_approved() => Repository.Approve("schema.single.sql", Render(SchemaDialect.OneServer));

    [Fact]
    public void The_schema_of_a_cluster_is_as_approved() => Repository.Approve("schema.cluster.sql", Render(SchemaDialect.For("ledger")));

    [Fact]
    public void On_a_single_server_the_tokens_leave_the_plain_engine() =>
        Assert.Equal(
            "CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a -- {tz:String}",
            SchemaDialect.OneServer.Render("CREATE TABLE t{on_cluster} (a Int8) ENGINE = {replicated:MergeTree} ORDER BY a -- {tz:String}"));

    [Fact]
    public void On_a_cluster_the_engine_is_replicated_by_the_servers_macros() =>
        Assert.Equal(
            "CREATE TABLE t ON CLUSTER 'c-1' (a Int8) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', a)",
            SchemaDialect.For("c-1").Render("CREATE TABLE t{on_cluster} (a Int8) ENGINE = {replicated:ReplacingMergeTree(a)}"));

    [Fact]
    public void Every_object_of_a_cluster_is_made_on_all_its_servers()
    {
        foreach (var statement in All().SelectMany(script => script.Statements))
        {
            Assert.Contains("{on_cluster}", statement, StringComparison.Ordinal);

            // MODIFY says what shall be, so it may be said again.
            Assert.True(
                statement.Contains(" IF NOT EXISTS ", StringComparison.Ordinal) || statement.Contains("{on_cluster} MODIFY ", StringComparison.Ordinal),
                statement);
        }
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("c' SYNC; DROP DATABASE tollgate --")]
    public void A_cluster_name_that_could_end_its_quotes_is_refused(string name) => Assert.Throws<ArgumentException>(() => SchemaDialect.For(name));

    [Fact]
    public void A_semicolon_ends_a_statement_only_at_the_end_of_a_line_that_is_no_comment()
    {
        var script = SchemaScript.Parse(7, "0007_x", "-- one; and two;\nSELECT ';' AS a,\n  1;\n\nSELECT 2;\n");
        Assert.Equal(["-- one; and two;\nSELECT ';' AS a,\n  1", "SELECT 2"], script.Statements);
    }

    [Fact]
    public void A_statement_without_its_semicolon_is_an_error() =>
        Assert.Contains("0007_x.sql", Assert.Throws<FormatException>(() => SchemaScript.Parse(7, "0007_x", "SELECT 1;\nSELECT 2\n")).Message, StringComparison.Ordinal);

    [Fact]
    public void Line_ends_of_a_checkout_do_not_change_the_checksum() =>
        Assert.Equal(SchemaScript.Parse(1, "x", "SELECT 1;\nSELECT 2;\n").Checksum, SchemaScript.Parse(1, "x", "SELECT 1;\r\nSELECT 2;\r\n").Checksum);

    [Fact]
    public void Migrations_are_numbered_from_one_without_holes() =>
        Assert.Equal(Enumerable.Range(1, SchemaScript.Migrations.Count).Select(number => (uint)number), SchemaScript.Migrations.Select(script => script.Version));

    private static IEnumerable<SchemaScript> All() => SchemaScript.Migrations.Prepend(SchemaScript.Bootstrap);

    private static string Render(SchemaDialect dialect)
    {
        var text = new StringBuilder();
        foreach (var script in All())
        {
            text.Append("-- ===== ").Append(script.Name).Append(" =====\n");
            foreach (var statement in script.Statements)
            {
                text.Append(dialect.Render(statement)).Append(";\n\n");
            }
        }

        return text.ToString();
    }
}
