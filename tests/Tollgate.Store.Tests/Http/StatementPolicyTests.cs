using Tollgate.Store.Engine;
using Tollgate.Store.Http;

namespace Tollgate.Store.Tests.Http;

public sealed class StatementPolicyTests
{
    private readonly StatementPolicy _policy = new(new EngineNames(
        ["file", "url", "numbers", "merge", "executable", "newInTheNextVersion"], ["File", "MergeTree", "ReplicatedMergeTree", "Memory", "URL", "Merge"], ["Atomic", "Filesystem"]));

    [Theory]
    [InlineData("SELECT * FROM file('/etc/passwd')")]
    [InlineData("SELECT file('/etc/passwd')")]
    [InlineData("SELECT * FROM `file` ('x')")]
    [InlineData("SELECT * FROM FILE('x')")]
    [InlineData("SELECT * FROM newInTheNextVersion(1)")]
    [InlineData("SELECT /* /* */ ' */ file('/etc/passwd') -- '")]
    [InlineData("SELECT * FROM `/etc/passwd`")]
    [InlineData("SELECT * FROM `\\x2fetc/passwd`")]
    [InlineData("SELECT 1 INTO OUTFILE 'x'")]
    [InlineData("INSERT INTO FUNCTION file('x') SELECT 1")]
    [InlineData("INSERT INTO t FROM INFILE 'x' FORMAT CSV")]
    [InlineData("CREATE TABLE t (a Int8) ENGINE = File(CSV)")]
    [InlineData("CREATE TABLE t (a Int8) ENGINE `URL`('http://x', CSV)")]
    [InlineData("CREATE DATABASE d ENGINE = Filesystem('/')")]
    [InlineData("CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '/x/')")]
    [InlineData("CREATE DICTIONARY d (k UInt64) PRIMARY KEY k SOURCE(EXECUTABLE(COMMAND 'id'))")]
    [InlineData("SELECT * FROM system.stack_trace")]
    [InlineData("SELECT * FROM merge('system', 'stack')")]
    [InlineData("SELECT 1 FORMAT Template SETTINGS format_template_row = '/etc/passwd'")]
    [InlineData("SYSTEM SHUTDOWN")]
    [InlineData("BACKUP TABLE t TO Disk('d', 'x')")]
    public void What_reaches_outside_the_store_is_denied(string sql) => Assert.Equal(ErrorCodes.AccessDenied, CodeOf(sql));

    [Theory]
    [InlineData("SELECT 1; DROP TABLE t")]
    [InlineData("SELECT \u2018'\u2019, file('/etc/passwd'), \u2018'\u2019")]
    [InlineData("SELECT file\u200b('/etc/passwd')")]
    [InlineData("SELECT 'open")]
    public void What_the_engine_could_read_otherwise_is_a_syntax_error(string sql) => Assert.Equal(ErrorCodes.SyntaxError, CodeOf(sql));

    [Theory]
    [InlineData("EXPLAIN INSERT INTO t VALUES (1)")]
    [InlineData("WITH 1 AS x INSERT INTO t SELECT x")]
    [InlineData("SET max_threads = 1")]
    [InlineData("USE system")]
    public void What_the_store_does_not_do_is_said_so(string sql) => Assert.Equal(ErrorCodes.NotImplemented, CodeOf(sql));

    [Theory]
    [InlineData("SELECT url, file FROM t WHERE x = 'file(1)';")]
    [InlineData("SELECT count() FROM numbers(10) -- file('x')")]
    [InlineData("SELECT 'grüße' AS `größe`")]
    [InlineData("CREATE TABLE t (file String) ENGINE = MergeTree ORDER BY file")]
    [InlineData("CREATE TABLE t (a Int8) ENGINE = Memory")]
    [InlineData("INSERT INTO t SELECT 1")]
    [InlineData("SYSTEM FLUSH LOGS")]
    [InlineData("KILL QUERY WHERE query_id = 'x'")]
    public void What_stays_inside_is_allowed(string sql) => Assert.Null(Record.Exception(() => _policy.Check(sql)));

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("stack_trace")]
    public void A_parameter_is_not_a_way_around(string value)
    {
        var denied = Assert.Throws<EngineException>(() => StatementPolicy.CheckIdentifiers("SELECT * FROM {t:Identifier}", [new("t", value)]));
        Assert.Equal(ErrorCodes.AccessDenied, denied.Code);
        Assert.Null(Record.Exception(() => StatementPolicy.CheckIdentifiers("SELECT {t:String}", [new("t", value)])));
    }

    private int CodeOf(string sql) => Assert.Throws<EngineException>(() => _policy.Check(sql)).Code;
}
