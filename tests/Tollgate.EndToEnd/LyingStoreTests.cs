using Tollgate.Testing;
using Tollgate.Testing.Soak;
using Tollgate.Testing.Store;

namespace Tollgate.EndToEnd;

/// <summary>Whatever the store says of an insert, its rows are in the ledger once.</summary>
public sealed class LyingStoreTests
{
    private const int Clients = 8;
    private const int CallsOfEach = 50;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_store_that_lies_about_inserts_has_every_answer_once_and_to_the_nano_dollar(int seed)
    {
        await using var upstream = new NumberedUpstream();
        await using var store = await StoreProcess.StartAsync();
        await using var liar = new LyingStore(store.Address);
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, store: store.Address, configure: configuration =>
        {
            configuration["storage"]!["connectionString"] = $"Host=127.0.0.1;Port={liar.Port};Timeout=1";
            configuration["recording"]!["batchRows"] = 10;
            configuration["recording"]!["maxRetryInterval"] = "00:00:00.200";
        });
        liar.Next(Enum.GetValues<StoreLie>());
        liar.Otherwise(seed, truth: 0.5);

        var tally = new SoakTally();
        await Parallel.ForAsync(0, Clients, Cancellation, async (client, cancellation) =>
        {
            await using var connection = await SoakCall.ConnectAsync(new Uri(gateway.ProxyAddress), cancellation);
            for (var call = 0; call < CallsOfEach; call++)
            {
                var kind = (CallKind)((client + call) % (int)CallKind.Aborted);
                var (end, answer) = await connection.CallAsync(kind, cancellation);
                tally.Add(end, answer);
            }
        });

        // No client notices.
        Assert.Equal(Clients * CallsOfEach, tally.AnsweredCount);
        var arrived = await Until.TrueAsync(() => liar.Told.Count == Enum.GetValues<StoreLie>().Length, Ledger.Patience, "every lie is told", Cancellation);
        await gateway.QueryUntilAsync($"SELECT count() >= {tally.AnsweredCount} FROM tollgate.requests FINAL", static answer => answer == "1\n", Ledger.Patience, Cancellation);

        // A stop writes what may still come, also what comes twice.
        liar.TellTheTruth();
        Assert.Equal(0, await gateway.StopAsync());
        TestContext.Current.TestOutputHelper?.WriteLine($"{arrived.TotalSeconds:F1} s; {string.Join(", ", liar.Told.OrderBy(static told => told.Key).Select(static told => $"{told.Key} {told.Value}"))}");

        var oracle = new LedgerOracle(tally.AnsweredFrom(0), upstream.Served);
        foreach (var line in (await store.QueryAsync($"SELECT {SoakRow.Columns} FROM tollgate.requests FINAL")).Split('\n'))
        {
            oracle.See(SoakRow.Parse(line));
        }

        var verdict = oracle.Judge();
        Assert.True(verdict.IsExact, string.Join('\n', verdict.Offences));
        Assert.Equal(tally.AnsweredCount, verdict.Rows);
        Assert.Equal($"{verdict.Rows}", await store.QueryAsync("SELECT count() FROM tollgate.requests"));
    }
}
