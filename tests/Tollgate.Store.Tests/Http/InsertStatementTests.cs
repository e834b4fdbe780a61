using System.Text;
using Tollgate.Store.Engine;
using Tollgate.Store.Http;

namespace Tollgate.Store.Tests.Http;

public sealed class InsertStatementTests
{
    [Theory]
    [InlineData("INSERT INTO t FORMAT CSV\n1,2", "INSERT INTO t ", "CSV", "1,2")]
    [InlineData("insert into t (a, b) format RowBinary\r\n\n\nDROP TABLE t", "insert into t (a, b) ", "RowBinary", "\n\nDROP TABLE t")]
    [InlineData("INSERT INTO t FORMAT CSV 1,2", "INSERT INTO t ", "CSV", "1,2")]
    [InlineData("INSERT INTO t FORMAT CSV\n\n\nx", "INSERT INTO t ", "CSV", "\n\nx")]
    [InlineData("INSERT INTO t VALUES (1), ('FORMAT CSV')", "INSERT INTO t ", "Values", " (1), ('FORMAT CSV')")]
    [InlineData("INSERT INTO t (format, values) VALUES (1, 2)", "INSERT INTO t (format, values) ", "Values", " (1, 2)")]
    [InlineData("INSERT INTO d.format FORMAT TSV\nx", "INSERT INTO d.format ", "TSV", "x")]
    [InlineData("INSERT INTO `FORMAT CSV` FORMAT TSV\nx", "INSERT INTO `FORMAT CSV` ", "TSV", "x")]
    [InlineData("INSERT /* FORMAT a */ INTO t -- FORMAT b\nSETTINGS x = 'FORMAT c' FORMAT d\ne", "INSERT /* FORMAT a */ INTO t -- FORMAT b\nSETTINGS x = 'FORMAT c' ", "d", "e")]
    [InlineData("INSERT INTO t SETTINGS s = $h$ FORMAT a $h$ FORMAT b\nc", "INSERT INTO t SETTINGS s = $h$ FORMAT a $h$ ", "b", "c")]
    [InlineData("INSERT INTO t FORMAT RowBinary", "INSERT INTO t ", "RowBinary", "")]
    [InlineData("INSERT INTO t FORMAT RowBinary\n'\"`/*$", "INSERT INTO t ", "RowBinary", "'\"`/*$")]
    public void An_insert_is_cut_between_its_statement_and_its_data(string text, string sql, string format, string data)
    {
        var insert = InsertStatement.TryParse(text);
        Assert.NotNull(insert);
        Assert.Equal((sql, format, data), (insert.Sql, insert.Format, text[insert.DataStart..]));
    }

    [Theory]
    [InlineData("SELECT 1 FORMAT CSV")]
    [InlineData("INSERT INTO t SELECT 1")]
    [InlineData("INSERT INTO t (SELECT 1)")]
    [InlineData("INSERT INTO t WITH 1 AS x SELECT x")]
    [InlineData("-- INSERT INTO t FORMAT CSV\nDROP TABLE t")]
    public void Other_statements_are_left_whole(string text) => Assert.Null(InsertStatement.TryParse(text));

    [Theory]
    [InlineData("INSERT INTO t FORMAT CSV; DROP TABLE t")]
    [InlineData("INSERT INTO t FORMAT 'CSV'\nx")]
    public void An_insert_that_cannot_be_cut_safely_is_refused(string text) =>
        Assert.Equal(ErrorCodes.SyntaxError, Assert.Throws<EngineException>(() => InsertStatement.TryParse(text)).Code);

    [Fact]
    public void No_byte_of_the_data_moves_the_cut()
    {
        // Every byte value, twice, and a statement that must stay data.
        byte[] data = [.. Enumerable.Range(0, 256).Select(i => (byte)i), .. "\n\nDROP TABLE t; INSERT INTO t FORMAT CSV\n"u8, .. Enumerable.Range(0, 256).Select(i => (byte)i)];
        var text = Encoding.Latin1.GetString([.. "INSERT INTO t FORMAT RowBinary\n"u8, .. data]);
        var insert = InsertStatement.TryParse(text);
        Assert.NotNull(insert);
        Assert.Equal(data, Encoding.Latin1.GetBytes(text[insert.DataStart..]));
    }
}
