using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>How the gateway ends, and what it leaves.</summary>
public sealed class GatewayStopTests
{
    private static readonly TimeSpan StoreLimit = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stop_finishes_open_streams_writes_every_row_and_takes_the_store_along()
    {
        using var directory = new TemporaryDirectory();
        await using var upstream = await FakeUpstream.StartAsync();
        using var client = new MessageClient();
        await using (var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, configure: WaitLongForFullBatches, directory: directory, cancellationToken: Cancellation))
        {
            var url = gateway.ProxyAddress + "/anthropic";
            for (var call = 0; call < 20; call++)
            {
                Assert.True((await client.CallAsync(url, Cancellation)).IsWholeStream);
            }

            upstream.Script.Next(Reply.Text("told slowly, while the gateway is being stopped") with { Delivery = new Delivery { Pause = TimeSpan.FromMilliseconds(100) } });
            var open = client.CallAsync(url, Cancellation);
            await upstream.WaitForRepliesAsync(21, Ledger.Patience);
            var store = OwnProcesses.StoreOf(gateway) ?? throw new InvalidOperationException("The gateway has no store.");

            Assert.Equal(0, await gateway.StopAsync());
            Assert.True((await open).IsWholeStream);
            Assert.False(OwnProcesses.IsStore(store));
        }

        await using var second = await GatewayProcess.StartAsync(upstream.BaseUrl, directory: directory, cancellationToken: Cancellation);
        var rows = await second.RowsAsync("anthropic", 21, Cancellation);
        Assert.Equal(21, rows.Count);
        Assert.All(rows, static row => Assert.Equal("completed", row.Outcome));
        Assert.Equal(upstream.Replies.Sum(static reply => UpstreamPrice.OfOpus48(reply.Figures!)), rows.Sum(static row => row.Cost));
    }

    [Fact]
    public async Task The_store_of_a_killed_gateway_ends_by_itself_and_keeps_what_it_had()
    {
        using var directory = new TemporaryDirectory();
        await using var upstream = await FakeUpstream.StartAsync();
        using var client = new MessageClient();
        await using (var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, directory: directory, cancellationToken: Cancellation))
        {
            Assert.True((await client.CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation)).IsWholeStream);
            await gateway.RowsAsync("anthropic", 1, Cancellation);
            var store = OwnProcesses.StoreOf(gateway) ?? throw new InvalidOperationException("The gateway has no store.");

            await gateway.KillAsync();
            var took = await Until.TrueAsync(() => !OwnProcesses.IsStore(store), StoreLimit, "the store ends", Cancellation);
            TestContext.Current.TestOutputHelper?.WriteLine($"The store ended after {took.TotalMilliseconds:F0} ms");
        }

        await using var second = await GatewayProcess.StartAsync(upstream.BaseUrl, directory: directory, cancellationToken: Cancellation);
        Assert.Single(await second.RowsAsync("anthropic", 1, Cancellation));
    }

    /// <summary>Rows still wait in the queue when the stop comes.</summary>
    private static void WaitLongForFullBatches(System.Text.Json.Nodes.JsonObject configuration) => configuration["recording"]!["batchInterval"] = "00:00:30";
}
