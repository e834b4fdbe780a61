using System.Diagnostics;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>The store may die at any moment: clients don't notice, and the ledger is whole afterwards.</summary>
public sealed class StoreKilledTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_store_killed_under_load_costs_no_client_an_answer_and_no_answer_its_row()
    {
        const int Before = 60;
        const int During = 140;
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl);
        using var client = new MessageClient();
        var answers = new System.Collections.Concurrent.ConcurrentBag<MessageAnswer>();

        await CallManyAsync(Before, static () => { });
        await gateway.QueryUntilAsync("SELECT count() FROM tollgate.requests", static answer => answer != "0\n", Ledger.Patience, Cancellation);

        var killed = OwnProcesses.StoreOf(gateway) ?? throw new InvalidOperationException("The gateway has no store.");
        var answered = 0;
        await CallManyAsync(During, () =>
        {
            if (Interlocked.Increment(ref answered) == During / 4)
            {
                using var store = Process.GetProcessById(killed);
                store.Kill();
            }
        });

        Assert.All(answers, static answer => Assert.True(answer.IsWholeStream, answer.Text));
        await gateway.QueryUntilAsync(
            "SELECT count(DISTINCT attempt_id) FROM tollgate.requests", static answer => answer == $"{Before + During}\n", Ledger.Patience, Cancellation);
        Assert.NotEqual(killed, OwnProcesses.StoreOf(gateway));

        // Whole, and nothing twice: neither rows nor dollars.
        var rows = await gateway.RowsAsync("anthropic", Before + During, Cancellation);
        Assert.Equal(Before + During, rows.Count);
        Assert.Equal(answers.Select(static answer => answer.RequestId).Order(), rows.Select(static row => row.RequestId).Order());
        Assert.Equal(upstream.Replies.Sum(static reply => UpstreamPrice.OfOpus48(reply.Figures!)), rows.Sum(static row => row.Cost));

        await CallManyAsync(10, static () => { });
        Assert.Equal(Before + During + 10, (await gateway.RowsAsync("anthropic", Before + During + 10, Cancellation)).Count);

        Task CallManyAsync(int count, Action whenAnswered) => Parallel.ForAsync(
            0,
            count,
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Cancellation },
            async (_, cancellationToken) =>
            {
                answers.Add(await client.CallAsync(gateway.ProxyAddress + "/anthropic", cancellationToken));
                whenAnswered();
            });
    }
}
