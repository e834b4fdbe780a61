using System.Net;
using System.Net.Sockets;
using Tollgate.LoadTest.Generator;
using Tollgate.LoadTest.Peers;
using Tollgate.LoadTest.Polling;
using Tollgate.LoadTest.Upstream;
using Tollgate.LoadTest.Wire;
using Tollgate.Testing.Gateway;

namespace Tollgate.LoadTest.Tests;

/// <summary>Generator and upstream against each other and against servers that misbehave, over loopback.</summary>
public sealed class LoadLoopTests
{
    [Theory]
    [InlineData("small", 256)]
    [InlineData("turn", 90_000)]
    public async Task Every_request_of_a_window_is_answered_and_counted_once(string scenario, int bodyBytes)
    {
        var answer = Scenario.Find(scenario)!.Answer();
        using var upstream = new UpstreamLoop(answer);
        using var stop = new CancellationTokenSource();
        var serving = Task.Factory.StartNew(() => upstream.Run(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var figures = await RunAsync(upstream.Port, answer, bodyBytes, connections: 4, threads: 2);
        await stop.CancelAsync();
        await serving;
        Assert.Equal((60, 60, 0), (figures.Due, figures.Answered, figures.Errors));
        Assert.Equal((60, 60, 60), (figures.Latency.TotalCount, figures.FirstByte.TotalCount, figures.Lag.TotalCount));
    }

    [Fact]
    public async Task A_server_that_pauses_shows_in_every_request_that_was_due_meanwhile()
    {
        // A pause of 20 ms in each answer and a single connection: requests due each 10 ms queue up, and their clocks run.
        var answer = AnswerBytes.Stream(6, 2, TimeSpan.FromMilliseconds(20));
        using var upstream = new UpstreamLoop(answer);
        using var stop = new CancellationTokenSource();
        var serving = Task.Factory.StartNew(() => upstream.Run(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var figures = await RunAsync(upstream.Port, answer, 1000, connections: 1, threads: 1);
        await stop.CancelAsync();
        await serving;
        Assert.Equal(60, figures.Answered);
        Assert.True(figures.Waited >= 59, $"{figures.Waited} waited");

        // The last of 80 waits for 79 answers of 20 ms each, less the 790 ms after which it was due. A client that counts from when it could send would say 20 ms.
        Assert.InRange(figures.Latency.GetValueAtPercentile(100) / 1e9, 0.7, 20);
    }

    [Fact]
    public async Task Streams_are_opened_at_the_rate_held_to_the_end_and_their_gaps_are_those_of_the_window()
    {
        var answer = AnswerBytes.Stream(1000, 1000, TimeSpan.FromMilliseconds(50));
        using var upstream = new UpstreamLoop(answer);
        using var stop = new CancellationTokenSource();
        var serving = Task.Factory.StartNew(() => upstream.Run(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var figures = await RunAsync(upstream.Port, answer, 1000, connections: 10, threads: 2, holds: true);
        await stop.CancelAsync();
        await serving;
        Assert.Equal((10, 10, 0), (figures.Due, figures.Answered, figures.Errors));

        // Ten streams for 600 ms at 50 ms a gap, and none of the warm-up's; how many fewer there are is up to the machine.
        Assert.InRange(figures.Gap.TotalCount, 1, 130);
        Assert.Equal((10, 0), (figures.FirstByte.TotalCount, figures.Latency.TotalCount));
    }

    [Fact]
    public async Task A_stream_that_ends_before_the_window_does_is_an_error()
    {
        var answer = AnswerBytes.Stream(6, 6, TimeSpan.FromMilliseconds(10));
        using var upstream = new UpstreamLoop(answer);
        using var stop = new CancellationTokenSource();
        var serving = Task.Factory.StartNew(() => upstream.Run(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var figures = await RunAsync(upstream.Port, answer, 1000, connections: 4, threads: 1, holds: true);
        await stop.CancelAsync();
        await serving;
        Assert.Equal((4, 0, 4), (figures.Due, figures.Answered, figures.Broken));
    }

    [Fact]
    public async Task Over_TLS_every_request_is_answered_as_without_it()
    {
        using var directory = new TemporaryDirectory();
        var trusted = Environment.GetEnvironmentVariable("SSL_CERT_FILE");
        var files = LoopbackCertificate.Create(directory.Path);
        Environment.SetEnvironmentVariable("SSL_CERT_FILE", trusted);
        using var server = TlsContext.Server(files.Certificate, files.Key);
        using var client = TlsContext.Client();
        var answer = Scenario.Find("tls")!.Answer();
        using var upstream = new UpstreamLoop(answer, server);
        using var stop = new CancellationTokenSource();
        var serving = Task.Factory.StartNew(() => upstream.Run(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var figures = await RunAsync(upstream.Port, answer, 90_000, connections: 4, threads: 2, tls: client);
        await stop.CancelAsync();
        await serving;
        Assert.Equal((60, 60, 0), (figures.Due, figures.Answered, figures.Errors));
    }

    [Fact]
    public async Task A_server_that_closes_without_an_answer_is_an_error_for_each_request()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = new CancellationTokenSource();
        var closing = CloseAllAsync(listener, stop.Token);
        var figures = await RunAsync(((IPEndPoint)listener.LocalEndpoint).Port, AnswerBytes.Json(), 256, connections: 2, threads: 1);
        await stop.CancelAsync();
        await closing;
        Assert.Equal((60, 0, 60), (figures.Due, figures.Answered, figures.Errors));
    }

    private static async Task CloseAllAsync(TcpListener listener, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                using var socket = await listener.AcceptSocketAsync(stop);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    /// <summary>A fifth of a second of warm-up and 60 requests at 100 a second.</summary>
    private static async Task<WindowFigures> RunAsync(int port, AnswerBytes answer, int bodyBytes, int connections, int threads, bool holds = false, TlsContext? tls = null)
    {
        byte[][] requests = [RequestBytes.Create(port, bodyBytes, answer.Frames > 0, "key")];
        var plan = new LoadPlan(port, requests, answer, 100, TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(600), connections, threads, holds, tls);
        await using var window = LoadWindow.Open(plan, CancellationToken.None);
        return await window.CloseAsync();
    }
}
