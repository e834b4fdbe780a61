using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>How the gateway ends, and what it leaves.</summary>
public sealed class GatewayStopTests
{
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
            var took = await Until.TrueAsync(() => !OwnProcesses.IsStore(store), Ledger.Patience, "the store ends", Cancellation);
            TestContext.Current.TestOutputHelper?.WriteLine($"The store ended after {took.TotalMilliseconds:F0} ms");
        }

        await using var second = await GatewayProcess.StartAsync(upstream.BaseUrl, directory: directory, cancellationToken: Cancellation);
        Assert.Single(await second.RowsAsync("anthropic", 1, Cancellation));
    }

    [Fact]
    public async Task A_stop_shows_in_readiness_first_and_a_second_signal_ends_it_at_once()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("never told to its end") with { Delivery = Delivery.StallAfter(4) });
        using var client = new MessageClient();
        await using var gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl, embeddedStore: false, configure: static configuration => configuration["proxy"]!["drainTimeout"] = "00:10:00", cancellationToken: Cancellation);
        var open = client.CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation);
        await upstream.WaitForRepliesAsync(1, Ledger.Patience);

        gateway.Terminate();
        var (status, text) = await ReadinessAfterASignalAsync(gateway).WaitAsync(Ledger.Patience);
        Assert.Equal(503, status);
        Assert.Contains("\"gateway\":\"Tollgate is stopping.\"", text, StringComparison.Ordinal);
        Assert.Equal(200, (await gateway.AskAsync("/healthz", Cancellation)).Status);
        await Until.TrueAsync(() => !LoopbackPort.Accepts(new Uri(gateway.ProxyAddress).Port), Ledger.Patience, "the proxy stops accepting", Cancellation);
        Assert.False(open.IsCompleted);

        // The drain would go on for ten minutes, and a stop is waited for much shorter: that it ends at all is by the second signal.
        Assert.Equal(0, await gateway.StopAsync());
        Assert.True((await open).IsBroken);
    }

    [Fact]
    public async Task What_outlasts_the_drain_is_broken_off_or_told_to_try_again()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Next(
            Reply.Text("never told to its end") with { Delivery = Delivery.StallAfter(4) },
            Reply.Text("never begun") with { Delivery = Delivery.StallAfter(-1) });
        using var client = new MessageClient();

        // Long enough for what the upstream has begun to reach the client.
        await using var gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl, embeddedStore: false, configure: static configuration => configuration["proxy"]!["drainTimeout"] = "00:00:05", cancellationToken: Cancellation);
        var begun = client.CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation);
        await upstream.WaitForRequestsAsync(1, Ledger.Patience);
        var waiting = client.CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation);
        await upstream.WaitForRequestsAsync(2, Ledger.Patience);

        Assert.Equal(0, await gateway.StopAsync());
        Assert.True(await begun is { Status: 200, IsBroken: true });
        Assert.True(await waiting is { Status: 503, IsBroken: false });
    }

    [Fact]
    public async Task A_socket_that_was_not_handed_over_ends_the_start_with_what_to_change()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        var failed = await Assert.ThrowsAsync<InvalidOperationException>(() => GatewayProcess.StartAsync(
            upstream.BaseUrl, embeddedStore: false, configure: static configuration => configuration["proxy"]!["listen"]![0] = "http://fd:proxy", cancellationToken: Cancellation));
        Assert.Contains("No socket is called \"proxy\": none was handed over (LISTEN_FDS is not set).", failed.Message, StringComparison.Ordinal);
        Assert.Contains("ended with 1 before", failed.Message, StringComparison.Ordinal);
    }

    /// <summary>The first answer that is no longer 200: a signal takes a moment to arrive.</summary>
    private static async Task<(int Status, string Text)> ReadinessAfterASignalAsync(GatewayProcess gateway)
    {
        while (true)
        {
            var answer = await gateway.AskAsync("/readyz", Cancellation);
            if (answer.Status != 200)
            {
                return answer;
            }
        }
    }

    /// <summary>Rows still wait in the queue when the stop comes.</summary>
    private static void WaitLongForFullBatches(System.Text.Json.Nodes.JsonObject configuration) => configuration["recording"]!["batchInterval"] = "00:00:30";
}
