using Tollgate.Store.Http;

namespace Tollgate.Store.Tests.Http;

public sealed class SqlScannerTests
{
    [Theory]
    [InlineData("SELECT 1 -- FORMAT x", "SELECT|1")]
    [InlineData("SELECT /* FORMAT x */ 1", "SELECT|1")]
    [InlineData("SELECT /* /* inner */ ' */ file", "SELECT|file")]
    [InlineData("a # one line\nb #! other\nc", "a|b|c")]
    [InlineData("'it''s' x", "'it''s'|x")]
    [InlineData("'a\\'b' x", "'a\\'b'|x")]
    [InlineData("`a``b`.\"c\\\"d\"", "`a``b`|.|\"c\\\"d\"")]
    [InlineData("$tag$ FORMAT x $$ $tag$ y", "$tag$ FORMAT x $$ $tag$|y")]
    [InlineData("$ ' $ x $ ' $ y", "$ ' $ x $ ' $|y")]
    [InlineData("1e5 0x1F", "1e5|0x1F")]
    public void Quotes_comments_and_heredocs_are_cut_where_the_engine_cuts_them(string sql, string expected)
    {
        var pieces = SqlScanner.All(sql).Select(token => sql[token.Start..token.End]);
        Assert.Equal(expected, string.Join('|', pieces));
    }

    [Theory]
    [InlineData("'open")]
    [InlineData("`open")]
    [InlineData("/* /* half */")]
    public void What_does_not_close_is_reported(string sql) => Assert.Equal(SqlTokenKind.Unclosed, SqlScanner.All(sql)[^1].Kind);

    [Theory]
    [InlineData("\u2018x\u2019")]
    [InlineData("file\u200b(")]
    [InlineData("\u00a0x")]
    public void Characters_beyond_ASCII_outside_quotes_are_never_part_of_a_word(string sql) =>
        Assert.Contains(SqlScanner.All(sql), token => token.Kind == SqlTokenKind.Foreign);

    [Fact]
    public void Brackets_raise_the_depth_of_what_is_inside()
    {
        const string sql = "a (b [c] {d}) e";
        var depths = SqlScanner.All(sql).Where(token => token.Kind == SqlTokenKind.Word).Select(token => token.Depth);
        Assert.Equal([0, 1, 2, 2, 0], depths);
    }
}
