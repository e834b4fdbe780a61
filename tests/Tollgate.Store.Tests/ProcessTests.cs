using System.Diagnostics;
using System.Globalization;
using Tollgate.Testing;
using Tollgate.Testing.Gateway;

namespace Tollgate.Store.Tests;

public sealed class ProcessTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_store_whose_default_database_is_empty_starts_again()
    {
        await using var store = await StoreProcess.StartAsync();
        await store.QueryAsync("CREATE DATABASE tollgate");
        await store.QueryAsync("CREATE TABLE tollgate.rows (a UInt64) ENGINE = MergeTree ORDER BY a");
        for (var start = 0; start < 2; start++)
        {
            store.Kill();
            await store.RestartAsync();
            Assert.Equal("Atomic", await store.QueryAsync("SELECT engine FROM system.databases WHERE name = 'default'"));
            Assert.Equal("0", await store.QueryAsync("SELECT count() FROM tollgate.rows"));
        }
    }

    [Fact]
    public async Task Rows_that_were_acknowledged_outlive_a_kill()
    {
        await using var store = await StoreProcess.StartAsync();
        await store.QueryAsync("CREATE TABLE kept (x Int32) ENGINE = MergeTree ORDER BY x");
        await store.QueryAsync("CREATE TABLE sums (s Int64) ENGINE = SummingMergeTree ORDER BY tuple()");
        await store.QueryAsync("CREATE MATERIALIZED VIEW summing TO sums AS SELECT sum(x) AS s FROM kept");
        await store.QueryAsync("INSERT INTO kept FORMAT TSV\n1\n2\n");
        store.Kill();
        await store.RestartAsync();
        Assert.Equal("2", await store.QueryAsync("SELECT count() FROM kept"));
        await store.QueryAsync("INSERT INTO kept FORMAT TSV\n3\n");
        Assert.Equal("3\t6", await store.QueryAsync("SELECT (SELECT count() FROM kept), (SELECT sum(s) FROM sums)"));
    }

    [Fact]
    public async Task A_second_store_on_the_same_directory_is_refused()
    {
        await using var store = await StoreProcess.StartAsync();
        var refused = await Assert.ThrowsAnyAsync<InvalidOperationException>(() => StoreProcess.StartAsync(store.DataDirectory));
        Assert.Contains("ended with 1", refused.Message, StringComparison.Ordinal);
        Assert.Contains("another tollgate-store has this directory", refused.Message, StringComparison.Ordinal);
        Assert.Equal("1", await store.QueryAsync("SELECT 1"));
    }

    [Fact]
    public async Task A_signal_ends_it_with_zero()
    {
        await using var store = await StoreProcess.StartAsync();
        await store.QueryAsync("SELECT 1");
        Assert.Equal(0, await store.StopAsync());
    }

    [Fact]
    public async Task Inserts_and_reads_beside_each_other_all_finish()
    {
        await using var store = await StoreProcess.StartAsync();
        await store.QueryAsync("CREATE TABLE busy (s String) ENGINE = MergeTree ORDER BY tuple()");
        var body = "INSERT INTO busy FORMAT TSV\n" + string.Concat(Enumerable.Repeat(new string('x', 1000) + "\n", 2000));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async i =>
        {
            for (var round = 0; round < 10; round++)
            {
                await store.QueryAsync(i % 2 == 0 ? body : "SELECT number, toString(number) FROM numbers(200000)");
            }
        })).WaitAsync(TimeSpan.FromMinutes(1), Cancelled);
        Assert.Equal("40000", await store.QueryAsync("SELECT count() FROM busy"));
    }

    [Theory]
    [InlineData("http://0.0.0.0:8123")]
    [InlineData("https://127.0.0.1:8123")]
    [InlineData("127.0.0.1")]
    public async Task An_address_that_is_not_plain_loopback_is_refused(string listen)
    {
        var directory = Path.Combine(Path.GetTempPath(), "tollgate-store-unused");
        using var process = Process.Start(new ProcessStartInfo(StoreProcess.Executable(), ["--listen", listen, "--data", directory]) { RedirectStandardError = true })!;
        var error = await process.StandardError.ReadToEndAsync(Cancelled);
        await process.WaitForExitAsync(Cancelled);
        Assert.Equal(2, process.ExitCode);
        Assert.Contains("--listen must be an http:// address on loopback", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(directory));
    }

    [Fact]
    public async Task It_ends_when_its_parent_is_gone()
    {
        using var parent = Process.Start("sleep", ["600"]);
        var directory = Directory.CreateTempSubdirectory("tollgate-store-");
        using var store = Process.Start(
            StoreProcess.Executable(),
            [
                "--listen", $"http://127.0.0.1:{LoopbackPort.Free()}", "--data", directory.FullName,
                "--parent-pid", parent.Id.ToString(CultureInfo.InvariantCulture),
            ]);
        parent.Kill();
        await parent.WaitForExitAsync(Cancelled);
        await store.WaitForExitAsync(Cancelled).WaitAsync(TimeSpan.FromSeconds(30), Cancelled);
        Assert.Equal(0, store.ExitCode);
        directory.Delete(recursive: true);
    }
}
