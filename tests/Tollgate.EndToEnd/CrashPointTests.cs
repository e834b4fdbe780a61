using System.Net.Sockets;
using Tollgate.Testing;
using Tollgate.Testing.Soak;
using Tollgate.Testing.Store;

namespace Tollgate.EndToEnd;

/// <summary>The gateway killed at the N-th call by which the spool takes room on the disk or reaches it: the ledger has every answer once.</summary>
/// <remarks>Small segments, so that a round rolls, prepares and deletes several. What happens between the calls, and at others, is the model's to try: SpoolModelTests.</remarks>
public sealed class CrashPointTests
{
    private const int MostRounds = 6;
    private const int CallsPerRound = 160;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("fdatasync")]
    [InlineData("fsync")]
    [InlineData("fallocate")]
    public async Task Killed_at_each_call_that_reaches_the_disk_a_gateway_has_every_answer_once(string call)
    {
        var killed = 0;
        await TrialAsync(async (gateway, callAsync) =>
        {
            for (var round = 1; round <= MostRounds; round++)
            {
                await using (await TamperedCalls.OfAsync(gateway.Id, call, $"signal=KILL:when={round}"))
                {
                    if (await callAsync())
                    {
                        return; // It came to the end of the round: there is no such N.
                    }
                }

                killed++;
                await gateway.RestartAsync(GatewayProcess.Serving, Cancellation);
            }
        });
        Assert.True(killed > 0, $"The gateway was never killed: it did not call {call}.");
    }

    private static async Task TrialAsync(Func<GatewayProcess, Func<Task<bool>>, Task> trial)
    {
        Assert.SkipUnless(File.Exists(TamperedCalls.Executable), "strace is not installed; apt-get install strace.");
        await using var upstream = new NumberedUpstream();
        await using var store = await StoreProcess.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl,
            store: store.Address,
            configure: static configuration => configuration["spool"] = new System.Text.Json.Nodes.JsonObject { ["segmentBytes"] = 65_536, ["maxBytes"] = 4_194_304, ["syncInterval"] = "00:00:00.020" },
            cancellationToken: Cancellation);
        var tally = new SoakTally();

        await trial(gateway, CallAsync);

        Assert.Equal(0, await gateway.StopAsync());
        await gateway.RestartAsync(cancellationToken: Cancellation);
        await gateway.QueryUntilAsync($"SELECT count() >= {tally.AnsweredCount} FROM tollgate.requests FINAL", static answer => answer == "1\n", Ledger.Patience, Cancellation);
        Assert.Equal(0, await gateway.StopAsync());
        var oracle = new LedgerOracle(tally.AnsweredFrom(0), upstream.Served);
        foreach (var line in (await store.QueryAsync($"SELECT {SoakRow.Columns} FROM tollgate.requests FINAL")).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            oracle.See(SoakRow.Parse(line));
        }

        var verdict = oracle.Judge();
        Assert.True(verdict.IsExact, string.Join('\n', verdict.Offences) + gateway.Output);

        // Whether the gateway answered all calls of a round.
        async Task<bool> CallAsync()
        {
            try
            {
                await using var connection = await SoakCall.ConnectAsync(new Uri(gateway.ProxyAddress), Cancellation);
                for (var call = 0; call < CallsPerRound; call++)
                {
                    var (end, answer) = await connection.CallAsync(CallKind.Brief, Cancellation);
                    tally.Add(end, answer);
                    if (end != CallEnd.Answered)
                    {
                        return false;
                    }
                }

                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }
}
