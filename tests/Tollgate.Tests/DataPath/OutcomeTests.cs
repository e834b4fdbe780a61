using System.Net;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Testing.Upstream;

namespace Tollgate.Tests.DataPath;

/// <summary>However an attempt ends, it ends in one row that says so, and the client sees the end that the upstream made.</summary>
public abstract class OutcomeTests(ProxyTransport transport) : DataPathTests(transport)
{
    [Fact]
    public async Task A_whole_stream_is_completed_with_the_providers_own_figures()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();
        await response.Content.ReadAsStringAsync();

        var row = await gateway.NextRowAsync();
        var served = Assert.Single(upstream.Replies);
        Assert.Equal(ForwardOutcome.Completed, row.Outcome);
        Assert.Equal(UsageSource.Final, row.UsageSource);
        Assert.Equal(new TokenUsage(1001, 9000, 2010, 4100, 501, 0), row.Tokens);
        Assert.Equal("$0.0755925", row.Cost.Total.ToString());
        Assert.Equal((served.MessageId, served.RequestId), (row.MessageId.ToString(), row.UpstreamRequestId));
        Assert.Equal(served.RequestId, response.Headers.GetValues("request-id").Single());
        Assert.Equal(row.RequestId.ToString(), response.Headers.GetValues("x-tollgate-request-id").Single());
        Assert.True(row is { IsStream: true, HttpStatus: 200, TtftMicroseconds: > 0, Model: "claude-opus-4-8", ModelRequested: "claude-opus-4-8", Endpoint: Operation.Messages });
    }

    [Fact]
    public async Task A_whole_answer_that_is_no_stream_is_metered_alike()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync(GatewayInProcess.Body(stream: false));
        await response.Content.ReadAsStringAsync();

        var row = await gateway.NextRowAsync();
        Assert.Equal((ForwardOutcome.Completed, UsageSource.Final, false), (row.Outcome, row.UsageSource, row.IsStream));
        Assert.Equal("$0.0755925", row.Cost.Total.ToString());
    }

    [Theory]
    [InlineData(BodyEncoding.Gzip, true)]
    [InlineData(BodyEncoding.Brotli, true)]
    [InlineData(BodyEncoding.Deflate, true)]
    [InlineData(BodyEncoding.Zstd, true)]
    [InlineData(BodyEncoding.Gzip, false)]
    [InlineData(BodyEncoding.Zstd, false)]
    public async Task A_compressed_answer_passes_compressed_and_is_read_all_the_same(BodyEncoding encoding, bool stream)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("compressed") with { Delivery = new Delivery { Encoding = encoding } });
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync(GatewayInProcess.Body(stream: stream));
        await response.Content.ReadAsByteArrayAsync();

        Assert.NotEmpty(response.Content.Headers.ContentEncoding);
        var row = await gateway.NextRowAsync();
        Assert.Equal((ForwardOutcome.Completed, UsageSource.Final, "$0.0755925"), (row.Outcome, row.UsageSource, row.Cost.Total.ToString()));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(413)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(529)]
    public async Task An_upstreams_error_passes_untouched_and_costs_nothing(int status)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        var error = Reply.Error(status).WithHeader("retry-after", "7").WithHeader("x-should-retry", "true");
        upstream.Script.Otherwise(error);
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(error.Body!.Value.ToArray(), await response.Content.ReadAsByteArrayAsync());
        Assert.Equal(("7", "true"), (response.Headers.GetValues("retry-after").Single(), response.Headers.GetValues("x-should-retry").Single()));
        var row = await gateway.NextRowAsync();
        Assert.Equal((ForwardOutcome.UpstreamError, status, UsageSource.None, Nanodollars.Zero), (row.Outcome, row.HttpStatus, row.UsageSource, row.Cost.Total));
        Assert.NotEmpty(row.ErrorType);
    }

    [Fact]
    public async Task An_error_page_of_something_in_between_passes_untouched()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Page(502, "text/html", "<h1>Bad gateway</h1>"));
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();
        Assert.Equal(HttpStatusCode.BadGateway, response.StatusCode);
        Assert.Equal("<h1>Bad gateway</h1>", await response.Content.ReadAsStringAsync());
        Assert.Equal(ForwardOutcome.UpstreamError, (await gateway.NextRowAsync()).Outcome);
    }

    [Fact]
    public async Task An_error_event_in_a_stream_is_told_apart_from_a_good_end()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("some text before it fails") with { ErrorEvent = ("overloaded_error", "Overloaded") });
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();
        Assert.Contains("overloaded_error", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        var row = await gateway.NextRowAsync();
        Assert.Equal((ForwardOutcome.ErrorEvent, "overloaded_error", UsageSource.Partial), (row.Outcome, row.ErrorType, row.UsageSource));
        Assert.True(row.Cost.Total > Nanodollars.Zero);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task A_stream_that_breaks_off_reaches_the_client_broken_off_at_the_same_byte(int afterEvents)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("a longer text that will not be told to its end") with { Delivery = Delivery.FinAfter(afterEvents) });
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();

        var (bytes, isBroken) = await ReadToEitherEndAsync(response);
        var row = await gateway.NextRowAsync();
        Assert.True(isBroken);
        Assert.Equal(row.ResponseBytes, bytes);
        Assert.Equal((ForwardOutcome.UpstreamTruncated, UsageSource.Partial), (row.Outcome, row.UsageSource));
        Assert.Equal((1001, 9000), (row.Tokens.Input, row.Tokens.CacheRead));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task A_stream_that_is_reset_never_ends_well(int afterEvents)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("a longer text that will not be told to its end") with { Delivery = Delivery.ResetAfter(afterEvents) });
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();

        // A reset may overtake what was sent before it, even the head: then there is something to say, and a 502 says it.
        var (_, isBroken) = await ReadToEitherEndAsync(response);
        Assert.True(isBroken || response.StatusCode == HttpStatusCode.BadGateway);
        Assert.Equal(ForwardOutcome.UpstreamTruncated, (await gateway.NextRowAsync()).Outcome);
    }

    [Fact]
    public async Task A_stream_that_ends_cleanly_but_short_is_incomplete()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("never stopped") with { Delivery = Delivery.CleanEndAfter(4) });
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();
        await response.Content.ReadAsStringAsync();
        Assert.Equal(ForwardOutcome.Incomplete, (await gateway.NextRowAsync()).Outcome);
    }

    [Fact]
    public async Task An_upstream_that_breaks_off_before_its_head_is_a_502_that_may_be_retried()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x") with { Delivery = Delivery.ResetAfter(-1) });
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync();
        await OwnAnswer.AssertAsync(response, HttpStatusCode.BadGateway, "api_error", shouldRetry: true);

        var row = await gateway.NextRowAsync();
        Assert.Equal((ForwardOutcome.UpstreamTruncated, 502, UsageSource.Estimated), (row.Outcome, row.HttpStatus, row.UsageSource));
    }

    [Fact]
    public async Task An_upstream_that_nobody_listens_for_is_unreachable_and_costs_nothing()
    {
        await using var gateway = await StartAsync($"http://127.0.0.1:{ClosedPort()}");
        using var response = await gateway.PostAsync();
        await OwnAnswer.AssertAsync(response, HttpStatusCode.BadGateway, "api_error", shouldRetry: true);
        var row = await gateway.NextRowAsync();
        Assert.Equal((ForwardOutcome.Unreachable, UsageSource.None), (row.Outcome, row.UsageSource));
    }

    [Fact]
    public async Task An_upstream_that_stays_silent_before_its_head_is_a_504()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x") with { Delivery = Delivery.StallAfter(-1) });
        await using var gateway = await StartAsync(
            upstream.BaseUrl, static options => options with { Proxy = options.Proxy with { FirstByteTimeout = TimeSpan.FromMilliseconds(200) } });
        using var response = await gateway.PostAsync();
        await OwnAnswer.AssertAsync(response, HttpStatusCode.GatewayTimeout, "timeout_error", shouldRetry: true);
        Assert.Equal(ForwardOutcome.UpstreamStalled, (await gateway.NextRowAsync()).Outcome);
        Assert.Equal(RequestEnd.AbortedByCaller, await upstream.Requests[0].End.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task An_answer_that_falls_silent_is_cut_on_both_sides()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x") with { Delivery = Delivery.StallAfter(2) });
        await using var gateway = await StartAsync(
            upstream.BaseUrl, static options => options with { Proxy = options.Proxy with { UpstreamIdleTimeout = TimeSpan.FromMilliseconds(300) } });
        using var response = await gateway.PostAsync();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => response.Content.ReadAsStringAsync());
        Assert.Equal((ForwardOutcome.UpstreamStalled, UsageSource.Partial), await OutcomeOf(gateway));
        Assert.Equal(RequestEnd.AbortedByCaller, await upstream.Requests[0].End.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task A_client_that_leaves_takes_a_silent_upstream_with_it()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x") with { Delivery = Delivery.StallAfter(2) });
        await using var gateway = await StartAsync(upstream.BaseUrl);
        var response = await gateway.PostAsync();
        var stream = await response.Content.ReadAsStreamAsync();
        await stream.ReadExactlyAsync(new byte[16]);
        response.Dispose();

        // No byte moves: only the client's going can have ended this.
        Assert.Equal(RequestEnd.AbortedByCaller, await upstream.Requests[0].End.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal((ForwardOutcome.ClientAborted, UsageSource.Partial), await OutcomeOf(gateway));
    }

    [Fact]
    public async Task A_client_that_leaves_before_the_head_leaves_an_estimate()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x") with { Delivery = Delivery.StallAfter(-1) });
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var leave = new CancellationTokenSource();
        var posting = gateway.PostAsync(cancellation: leave.Token);
        await upstream.WaitForRequestsAsync(1, TimeSpan.FromSeconds(10));
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => posting);
        Assert.Equal(RequestEnd.AbortedByCaller, await upstream.Requests[0].End.WaitAsync(TimeSpan.FromSeconds(10)));

        // Whether the body had been handed over whole by then decides between an estimate and nothing; the small body always has been.
        Assert.Equal((ForwardOutcome.ClientAborted, UsageSource.Estimated), await OutcomeOf(gateway));
    }

    [Fact]
    public async Task A_client_that_reads_nothing_is_cut_and_the_upstream_with_it()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text(new string('x', 24_000_000)) with { Delivery = new Delivery { DeltaCharacters = 0, PieceBytes = 65536 } });
        await using var gateway = await StartAsync(
            upstream.BaseUrl, static options => options with { Proxy = options.Proxy with { ClientStallTimeout = TimeSpan.FromMilliseconds(500) } });

        using var response = await gateway.PostAsync();
        var row = await gateway.NextRowAsync();
        Assert.Equal(ForwardOutcome.ClientStalled, row.Outcome);

        // Reading had stopped with the client's. (The fake's own Kestrel goes on succeeding after the cut, so it may call this answered.)
        Assert.True(row.ResponseBytes < 24_000_000, $"{row.ResponseBytes} bytes were read for a client that took none.");
        await upstream.Requests[0].End.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_free_operation_has_a_row_without_tokens_or_cost()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.Client.PostAsync("/v1/messages/count_tokens?beta=true", GatewayInProcess.Body());
        Assert.Contains("input_tokens", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var row = await gateway.NextRowAsync();
        Assert.Equal((Operation.CountTokens, ForwardOutcome.Completed, UsageSource.None, default(TokenUsage)), (row.Endpoint, row.Outcome, row.UsageSource, row.Tokens));
        Assert.Equal(Nanodollars.Zero, row.Cost.Total);
    }

    [Fact]
    public async Task An_unknown_model_has_tokens_and_a_flag_but_no_dollars()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream.BaseUrl);
        using var response = await gateway.PostAsync(GatewayInProcess.Body("claude-opus-99"));
        await response.Content.ReadAsStringAsync();
        var row = await gateway.NextRowAsync();
        Assert.False(row.Priced);
        Assert.Equal((501, Nanodollars.Zero), (row.Tokens.Output, row.Cost.Total));
    }

    private static async Task<(ForwardOutcome Outcome, UsageSource Source)> OutcomeOf(GatewayInProcess gateway)
    {
        var row = await gateway.NextRowAsync();
        return (row.Outcome, row.UsageSource);
    }

    private static async Task<(long Bytes, bool IsBroken)> ReadToEitherEndAsync(HttpResponseMessage response)
    {
        await using var body = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[4096];
        for (var total = 0L; ;)
        {
            try
            {
                var read = await body.ReadAsync(buffer);
                if (read == 0)
                {
                    return (total, false);
                }

                total += read;
            }
            catch (IOException)
            {
                return (total, true);
            }
        }
    }

    private static int ClosedPort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>Over event loops and connections of our own.</summary>
public sealed class OutcomeOverLoopsTests() : OutcomeTests(ProxyTransport.Loops);

/// <summary>Over .NET's sockets and client.</summary>
public sealed class OutcomeOverSocketsTests() : OutcomeTests(ProxyTransport.Sockets);
