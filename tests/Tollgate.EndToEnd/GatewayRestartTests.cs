using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using Tollgate.EndToEnd.Clients;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>A restart on a socket that outlives the process is seen by nobody but those who wait a little longer.</summary>
public sealed class GatewayRestartTests
{
    private const string NoUpstream = "http://127.0.0.1:9";
    private const string SlowModel = "claude-haiku-4-5";
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_restarts_under_load_fail_no_request_break_no_stream_and_lose_no_row()
    {
        using var directory = new TemporaryDirectory();
        using var socket = new HandedOverSocket();
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Always(
            static request => request.Model == SlowModel,
            static _ => Reply.Text("told slowly enough to be open when the stop comes") with { Delivery = new Delivery { Pause = TimeSpan.FromMilliseconds(100) } });

        var load = new Load(socket.Port, "anthropic", clientCount: 8);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, directory: directory, socket: socket, cancellationToken: Cancellation);
        try
        {
            var clients = load.RunAsync(enough.Token);
            for (var restart = 0; restart < 2; restart++)
            {
                await load.WaitForAnswersAsync(200, Cancellation);
                var streams = load.OpenSlowStreams(4, Cancellation);
                await load.WaitForAnswersAsync(50, Cancellation);

                var began = Stopwatch.GetTimestamp();
                Assert.Equal(0, await gateway.StopAsync());
                var stopped = Stopwatch.GetElapsedTime(began);
                await gateway.DisposeAsync();
                gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, directory: directory, socket: socket, cancellationToken: Cancellation);
                await streams;
                TestContext.Current.TestOutputHelper?.WriteLine($"Stopped after {stopped.TotalMilliseconds:F0} ms, ready again after {Stopwatch.GetElapsedTime(began).TotalMilliseconds:F0} ms");
            }

            await load.WaitForAnswersAsync(200, Cancellation);
            await enough.CancelAsync();
            await clients;
            TestContext.Current.TestOutputHelper?.WriteLine($"{load.Answers.Count} answers on {load.Connections} connections; the longest took {load.Longest.TotalMilliseconds:F0} ms");

            Assert.Empty(load.Failures);
            Assert.All(load.Answers, static answer => Assert.True(answer.IsWholeStream, $"{answer.Status}, broken: {answer.IsBroken}"));
            var rows = await gateway.RowsAsync("anthropic", load.Answers.Count, Cancellation);
            Assert.Equal(load.Answers.Select(static answer => answer.RequestId).Order(), rows.Select(static row => row.RequestId).Order());
            Assert.All(rows, static row => Assert.Equal("completed", row.Outcome));
        }
        finally
        {
            await gateway.DisposeAsync();
        }
    }

    [Fact]
    public async Task Restarts_in_a_row_reset_no_connection()
    {
        using var directory = new TemporaryDirectory();
        using var socket = new HandedOverSocket();

        // Answered by the gateway itself, so that as many connections as possible are at every stage of their life when the stop comes.
        var load = new Load(socket.Port, "nobody", clientCount: 16);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var clients = load.RunAsync(enough.Token);
        for (var run = 0; run < 6; run++)
        {
            await using var gateway = await GatewayProcess.StartAsync(NoUpstream, embeddedStore: false, directory: directory, socket: socket, cancellationToken: Cancellation);
            await load.WaitForAnswersAsync(1000, Cancellation);
            if (run == 5)
            {
                await enough.CancelAsync();
                await clients;
            }

            Assert.Equal(0, await gateway.StopAsync());
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{load.Answers.Count} answers on {load.Connections} connections; the longest took {load.Longest.TotalMilliseconds:F0} ms");
        Assert.Empty(load.Failures);
        Assert.All(load.Answers, static answer => Assert.True(answer is { Status: 404, IsBroken: false }, $"{answer.Status}, broken: {answer.IsBroken}"));
    }

    /// <summary>Clients that call without a pause, half of them on connections that they keep.</summary>
    private sealed class Load(int port, string upstream, int clientCount)
    {
        private readonly Lock _gate = new();

        public ConcurrentBag<MessageAnswer> Answers { get; } = [];

        public ConcurrentBag<Exception> Failures { get; } = [];

        public int Connections { get; private set; }

        public TimeSpan Longest { get; private set; }

        /// <summary>Calls until told that it is enough; what is under way then is finished.</summary>
        public Task RunAsync(CancellationToken enough) => Task.WhenAll(Enumerable.Range(0, clientCount).Select(async index =>
        {
            using var client = new BareClient(port, upstream, keepAlive: index % 2 == 0);
            while (!enough.IsCancellationRequested)
            {
                await CallAsync(client, "claude-opus-4-8");
            }
        }));

        /// <summary>Opens streams that take seconds, on connections that are kept and asked on again.</summary>
        public Task OpenSlowStreams(int count, CancellationToken cancellationToken) => Task.WhenAll(Enumerable.Range(0, count).Select(async index =>
        {
            using var client = new BareClient(port, upstream, keepAlive: true);
            await CallAsync(client, SlowModel);
            cancellationToken.ThrowIfCancellationRequested();
            await CallAsync(client, "claude-opus-4-8");
        }));

        /// <summary>Waits until that many more answers have come.</summary>
        public async Task WaitForAnswersAsync(int count, CancellationToken cancellationToken)
        {
            var before = Answers.Count;
            await Until.TrueAsync(() => Answers.Count >= before + count || !Failures.IsEmpty, Ledger.Patience, $"{count} more answers", cancellationToken);
        }

        private async Task CallAsync(BareClient client, string model)
        {
            var began = Stopwatch.GetTimestamp();
            var connections = client.Connections;
            try
            {
                Answers.Add(await client.CallAsync(model, Cancellation));
            }
            catch (Exception failure) when (failure is IOException or SocketException or OperationCanceledException)
            {
                Failures.Add(failure);
            }

            var took = Stopwatch.GetElapsedTime(began);
            lock (_gate)
            {
                Connections += client.Connections - connections;
                Longest = took > Longest ? took : Longest;
            }
        }
    }
}
