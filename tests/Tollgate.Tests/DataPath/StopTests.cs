using System.Diagnostics;
using System.Net;
using Tollgate.Hosting;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Testing.Upstream;

namespace Tollgate.Tests.DataPath;

/// <summary>A stop lets what is under way end, cuts what does not, and says in the ledger which of the two it was.</summary>
public abstract class StopTests(ProxyTransport transport) : DataPathTests(transport)
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("http")]
    [InlineData("h2c")]
    public async Task A_stream_that_outlasts_the_drain_is_broken_off_by_the_gateway(string scheme)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("never told to its end") with { Delivery = Delivery.StallAfter(4) });
        await using var gateway = await StartAsync(upstream.BaseUrl, scheme: scheme);
        using var response = await gateway.PostAsync();
        var reading = response.Content.ReadAsStringAsync();

        // The head has come; its usage may still be on its way.
        await gateway.StopAsync(TimeSpan.FromSeconds(2)).WaitAsync(Patience);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => reading);
        var row = await gateway.NextRowAsync();
        Assert.Equal((ForwardOutcome.GatewayStopped, UsageSource.Partial, 200), (row.Outcome, row.UsageSource, row.HttpStatus));
        Assert.Equal((1001, 9000), (row.Tokens.Input, row.Tokens.CacheRead));
        Assert.True(row.Cost.Total > Nanodollars.Zero);
        Assert.Equal(RequestEnd.AbortedByCaller, await upstream.Requests[0].End.WaitAsync(Patience));
    }

    [Theory]
    [InlineData("http")]
    [InlineData("h2c")]
    public async Task A_request_that_still_waits_for_its_answer_is_told_to_try_again(string scheme)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x") with { Delivery = Delivery.StallAfter(-1) });
        await using var gateway = await StartAsync(upstream.BaseUrl, scheme: scheme);
        var posting = gateway.PostAsync();
        await upstream.WaitForRequestsAsync(1, Patience);

        await gateway.StopAsync(Short).WaitAsync(Patience);
        using var response = await posting;
        await OwnAnswer.AssertAsync(response, HttpStatusCode.ServiceUnavailable, "api_error", shouldRetry: true);
        var row = await gateway.NextRowAsync();
        Assert.Equal((ForwardOutcome.GatewayStopped, 503, UsageSource.Estimated), (row.Outcome, row.HttpStatus, row.UsageSource));
        Assert.Equal(RequestEnd.AbortedByCaller, await upstream.Requests[0].End.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_stream_that_ends_within_the_drain_is_whole()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("told slowly while the gateway stops") with { Delivery = new Delivery { Pause = TimeSpan.FromMilliseconds(30) } });
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();
        var stopping = gateway.StopAsync(Long);

        Assert.EndsWith("\"message_stop\"}\n\n", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(ForwardOutcome.Completed, (await gateway.NextRowAsync()).Outcome);
        await stopping.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_hurried_stop_cuts_at_once()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x") with { Delivery = Delivery.StallAfter(2) });
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();
        using var hurry = new CancellationTokenSource();
        var stopping = gateway.StopAsync(Long, hurry.Token);

        await Task.Delay(Short, TimeProvider.System);
        Assert.False(stopping.IsCompleted);
        await hurry.CancelAsync();
        await stopping.WaitAsync(Patience);
        Assert.Equal(ForwardOutcome.GatewayStopped, (await gateway.NextRowAsync()).Outcome);
    }

    [Fact]
    public async Task An_answer_that_begins_during_a_stop_says_that_its_connection_closes()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x") with { Delivery = new Delivery { HeadDelay = TimeSpan.FromMilliseconds(400) } });
        await using var gateway = await StartAsync(upstream.BaseUrl);
        var posting = gateway.PostAsync();
        await upstream.WaitForRequestsAsync(1, Patience);

        var stopping = gateway.StopAsync(Long);
        using var response = await posting;
        await response.Content.ReadAsStringAsync();
        Assert.True(response.Headers.ConnectionClose);

        // Nobody is connected any more: there is no quiet second to wait for.
        var started = Stopwatch.GetTimestamp();
        await stopping.WaitAsync(Patience);
        Assert.True(Stopwatch.GetElapsedTime(started) < Drain.Quiet);
    }

    [Fact]
    public async Task A_connection_that_is_kept_alive_serves_one_more_request_during_a_stop()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using (var before = await gateway.PostAsync())
        {
            await before.Content.ReadAsStringAsync();
            Assert.Null(before.Headers.ConnectionClose);
        }

        var stopping = gateway.StopAsync(Long);
        using var last = await gateway.PostAsync();
        Assert.Equal(HttpStatusCode.OK, last.StatusCode);
        Assert.True(last.Headers.ConnectionClose);
        await last.Content.ReadAsStringAsync();
        await stopping.WaitAsync(Patience);
    }

    [Fact]
    public async Task An_idle_connection_is_closed_after_a_quiet_second()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using (var before = await gateway.PostAsync())
        {
            await before.Content.ReadAsStringAsync();
        }

        var started = Stopwatch.GetTimestamp();
        await gateway.StopAsync(Long).WaitAsync(Patience);
        Assert.True(Stopwatch.GetElapsedTime(started) >= Drain.Quiet / 2);
    }
}

/// <summary>Over event loops and connections of our own.</summary>
public sealed class StopOverLoopsTests() : StopTests(ProxyTransport.Loops);

/// <summary>Over .NET's sockets and client.</summary>
public sealed class StopOverSocketsTests() : StopTests(ProxyTransport.Sockets);
