using Tollgate.Testing;
using Tollgate.Testing.Soak;
using Tollgate.Testing.Store;

namespace Tollgate.EndToEnd;

/// <summary>The engine may die between the two writes that end an insert.</summary>
public sealed class EngineKilledInInsertTests
{
    private const int Before = 5;
    private const int During = 20;

    // How long a rename is held up, and so how late the kill may come. Other tables' renames are held up as well before the one that is awaited.
    private const string Hold = "delay_enter=15s";

    private static readonly TimeSpan InsertLimit = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_store_killed_with_an_inserts_record_written_and_its_part_not_has_every_row_once_after_the_restart()
    {
        Assert.SkipUnless(File.Exists(TamperedCalls.Executable), "strace is not installed; apt-get install strace.");
        await using var upstream = new NumberedUpstream();
        await using var store = await StoreProcess.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, store: store.Address);
        var tally = new SoakTally();
        await CallAsync(Before);
        await gateway.QueryUntilAsync("SELECT count() FROM tollgate.requests", static answer => answer == $"{Before}\n", Ledger.Patience, Cancellation);
        var table = await store.QueryAsync("SELECT data_paths[1] FROM system.tables WHERE database = 'tollgate' AND name = 'requests'");
        var records = RecordBytes(table);

        // An insert ends with the rename of tmp_insert_… to the part's name; a few microseconds earlier its deduplication record was written.
        await using (await TamperedCalls.OfAsync(store.ProcessId, "rename", Hold))
        {
            await CallAsync(During);
            await Until.TrueAsync(() => Unfinished(table).Length > 0 && RecordBytes(table) > records, InsertLimit, "an insert is recorded and waits for its rename", Cancellation);
            store.Kill();
        }

        // Killed in between, and not a moment later.
        Assert.NotEmpty(Unfinished(table));
        await store.RestartAsync();
        await gateway.QueryUntilAsync("SELECT count() FROM tollgate.requests FINAL", static answer => answer == $"{Before + During}\n", Ledger.Patience, Cancellation);
        Assert.Equal(0, await gateway.StopAsync());

        var oracle = new LedgerOracle(tally.AnsweredFrom(0), upstream.Served);
        foreach (var line in (await store.QueryAsync($"SELECT {SoakRow.Columns} FROM tollgate.requests FINAL")).Split('\n'))
        {
            oracle.See(SoakRow.Parse(line));
        }

        var verdict = oracle.Judge();
        Assert.True(verdict.IsExact, string.Join('\n', verdict.Offences));
        Assert.Equal($"{Before + During}", await store.QueryAsync("SELECT count() FROM tollgate.requests"));

        async Task CallAsync(int count)
        {
            await using var connection = await SoakCall.ConnectAsync(new Uri(gateway.ProxyAddress), Cancellation);
            for (var call = 0; call < count; call++)
            {
                var (end, answer) = await connection.CallAsync(CallKind.Brief, Cancellation);
                Assert.Equal(CallEnd.Answered, end);
                tally.Add(end, answer);
            }
        }
    }

    /// <summary>Parts that are written and have not got their name yet.</summary>
    private static string[] Unfinished(string table) => Directory.GetDirectories(table, "tmp_insert_*");

    private static long RecordBytes(string table) => new DirectoryInfo(Path.Combine(table, "deduplication_logs")).EnumerateFiles().Sum(static file => file.Length);
}
