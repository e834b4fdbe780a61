using System.Net;
using System.Text;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;
using Tollgate.Testing.Upstream;

namespace Tollgate.Tests.DataPath;

/// <summary>What can't be taken back is written down first: the request before its bytes go up, the figures before the client sees the end.</summary>
public sealed class DraftTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_request_is_drafted_whole_before_its_first_byte_goes_up()
    {
        using var upstream = new ProbedUpstream();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        var atDraft = new List<string>();
        gateway.Recorder.Drafted = _ => atDraft.Add(upstream.Received());
        var body = await GatewayInProcess.Body().ReadAsStringAsync();
        var posting = gateway.PostAsync();
        await upstream.UntilAsync(body);

        Assert.Equal([""], atDraft);
        var draft = Assert.Single(Assert.Single(gateway.Recorder.Attempts).Drafts);
        Assert.Equal((ForwardOutcome.Crashed, "claude-opus-4-8", body.Length), (draft.Outcome, draft.ModelRequested, (int)draft.RequestBytes));
        Assert.Equal((UsageSource.Estimated, (body.Length + 3L) / 4), (draft.UsageSource, draft.Tokens.Input));
        Assert.True(draft is { Priced: true, Sequence: 0, Provider: "anthropic" } && draft.Cost.Total > Nanodollars.Zero && draft.AttemptId != Guid.Empty);

        await upstream.SayAsync(Ok);
        using var response = await posting;
        Assert.Equal("{}", await response.Content.ReadAsStringAsync());
        var attempt = await gateway.NextAttemptAsync();
        Assert.Equal((draft.AttemptId, draft.RequestId), (attempt.Row!.AttemptId, attempt.Row.RequestId));
    }

    [Fact]
    public async Task A_body_of_many_reads_is_drafted_before_its_first_byte_and_before_its_last()
    {
        using var upstream = new ProbedUpstream();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        var atDraft = new List<string>();
        gateway.Recorder.Drafted = _ => atDraft.Add(upstream.Received());
        var body = Encoding.Latin1.GetBytes($$"""{"model":"claude-opus-4-8","messages":"{{new string('m', 200_000)}}THE LAST BYTES"}""");
        var posting = gateway.PostAsync(new HalvedContent(body, announceLength: true, () => gateway.Recorder.Attempts.Any(static attempt => attempt.Drafts.Count > 0)));
        await upstream.UntilAsync("THE LAST BYTES\"}");

        Assert.Equal(2, atDraft.Count);
        Assert.Empty(atDraft[0]);
        Assert.DoesNotContain("THE LAST BYTES\"}", atDraft[1], StringComparison.Ordinal);
        var drafts = Assert.Single(gateway.Recorder.Attempts).Drafts;
        Assert.Equal([body.Length, body.Length], drafts.Select(static draft => draft.RequestBytes));

        // Killed after the first, the upstream may not have had a request to bill.
        Assert.Equal([UsageSource.None, UsageSource.Estimated], drafts.Select(static draft => draft.UsageSource));
        await upstream.SayAsync(Ok);
        using var response = await posting;
    }

    [Fact]
    public async Task A_chunked_body_is_drafted_before_the_chunk_that_ends_it()
    {
        const string LastChunk = "\r\n0\r\n\r\n";
        using var upstream = new ProbedUpstream();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        var atDraft = new List<string>();
        gateway.Recorder.Drafted = _ => atDraft.Add(upstream.Received());
        var body = Encoding.Latin1.GetBytes($$"""{"model":"claude-opus-4-8","messages":"{{new string('m', 200_000)}}"}""");
        var posting = gateway.PostAsync(
            new HalvedContent(body, announceLength: false, () => gateway.Recorder.Attempts.Any(static attempt => attempt.Drafts.Count > 0)),
            static request => request.Headers.TransferEncodingChunked = true);
        await upstream.UntilAsync(LastChunk);

        Assert.Equal(2, atDraft.Count);
        Assert.Empty(atDraft[0]);
        Assert.DoesNotContain(LastChunk, atDraft[1], StringComparison.Ordinal);
        var drafts = Assert.Single(gateway.Recorder.Attempts).Drafts;
        Assert.InRange(drafts[0].RequestBytes, 1, body.Length - 1);
        Assert.Equal((body.Length, UsageSource.Estimated), ((int)drafts[1].RequestBytes, drafts[1].UsageSource));
        await upstream.SayAsync(Ok);
        using var response = await posting;
    }

    [Fact]
    public async Task A_request_without_a_body_is_drafted_before_its_head()
    {
        using var upstream = new ProbedUpstream();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        var atDraft = new List<string>();
        gateway.Recorder.Drafted = _ => atDraft.Add(upstream.Received());
        var getting = gateway.Client.GetAsync("/anthropic/v1/models");
        await upstream.UntilAsync("\r\n\r\n");

        Assert.Equal([""], atDraft);
        var draft = Assert.Single(Assert.Single(gateway.Recorder.Attempts).Drafts);
        Assert.Equal((Operation.Models, UsageSource.None, 0L), (draft.Endpoint, draft.UsageSource, draft.RequestBytes));
        await upstream.SayAsync(Ok);
        using var response = await getting;
        Assert.Equal(2, (await gateway.NextAttemptAsync()).Drafts.Count);
    }

    public static TheoryData<string> WholeAnswers =>
    [
        "a stream", "a stream in chunks", "a stream until the connection ends", "a stream that fails", "JSON", "JSON in chunks", "an error", "an error in chunks",
    ];

    [Theory]
    [MemberData(nameof(WholeAnswers))]
    public async Task A_clients_answer_ends_only_after_its_row_is_drafted_with_the_final_figures(string name)
    {
        using var upstream = new ProbedUpstream();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        var drafted = new TaskCompletionSource<UsageRow>(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        gateway.Recorder.Safe = (row, cancellation) =>
        {
            drafted.SetResult(row);
            return new ValueTask(release.Task.WaitAsync(cancellation));
        };
        var posting = gateway.PostAsync();
        await upstream.UntilAsync(await GatewayInProcess.Body().ReadAsStringAsync());
        await SayAsync(upstream, name);
        using var response = await posting;
        var reading = response.Content.ReadAsByteArrayAsync();

        var draft = await drafted.Task.WaitAsync(Patience);
        Assert.False(reading.IsCompleted);
        release.SetResult();
        Assert.Equal(Encoding.Latin1.GetBytes(Answer(name).Body), await reading);

        var attempt = await gateway.NextAttemptAsync();
        var (outcome, source) = Expected(name);
        Assert.Equal((outcome, source), (draft.Outcome, draft.UsageSource));
        Assert.Equal(Figures(draft), Figures(attempt.Row!));
        Assert.Equal(2, attempt.Drafts.Count);
    }

    [Theory]
    [MemberData(nameof(WholeAnswers))]
    public async Task A_client_never_sees_an_end_that_was_not_safe(string name)
    {
        using var upstream = new ProbedUpstream();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        var drafted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        gateway.Recorder.Safe = (_, cancellation) =>
        {
            drafted.SetResult();
            return new ValueTask(Task.Delay(Timeout.Infinite, cancellation));
        };
        var posting = gateway.PostAsync();
        await upstream.UntilAsync(await GatewayInProcess.Body().ReadAsStringAsync());
        await SayAsync(upstream, name);
        using var response = await posting;
        var reading = ReadToEitherEndAsync(response);
        await drafted.Task.WaitAsync(Patience);

        // The answer is cut where it stands: what the client gets then is all that had been let out.
        await gateway.StopAsync(TimeSpan.Zero).WaitAsync(Patience);
        var (text, isBroken) = await reading;
        Assert.True(isBroken);
        Assert.DoesNotContain("message_stop", text, StringComparison.Ordinal);
        if (Answer(name).Head.Contains("Content-Length", StringComparison.Ordinal))
        {
            Assert.True(text.Length < Answer(name).Body.Length);
        }

        Assert.Equal((1, ForwardOutcome.GatewayStopped), ((await gateway.NextAttemptAsync()).Closes, Assert.Single(gateway.Recorder.Attempts).Row!.Outcome));
    }

    [Fact]
    public async Task A_slow_disk_is_not_taken_for_a_silent_upstream()
    {
        var idle = TimeSpan.FromMilliseconds(100);
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(
            upstream.BaseUrl, options => options with { Proxy = options.Proxy with { UpstreamIdleTimeout = idle, ClientStallTimeout = idle } });
        gateway.Recorder.Safe = (_, cancellation) => new ValueTask(Task.Delay(5 * idle, TimeProvider.System, cancellation));
        using var response = await gateway.PostAsync();
        Assert.Contains("message_stop", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(ForwardOutcome.Completed, (await gateway.NextRowAsync()).Outcome);
    }

    [Fact]
    public async Task However_many_reads_a_request_and_its_answer_take_there_are_three_drafts_at_most()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text(new string('x', 4_000)) with { Delivery = new Delivery { PieceBytes = 16 } });
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        for (var size = 1; size <= 1 << 20; size *= 32)
        {
            using var response = await gateway.PostAsync(GatewayInProcess.Body(model: new string('m', size)));
            await response.Content.ReadAsStringAsync();
            Assert.InRange((await gateway.NextAttemptAsync()).Drafts.Count, 2, KeptAttempt.MostDrafts);
        }
    }

    [Fact]
    public async Task A_full_spool_that_blocks_refuses_inference_alone_and_leaves_no_row()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        gateway.Recorder.CanBegin = false;
        using (var refused = await gateway.PostAsync())
        {
            var sentence = await OwnAnswer.AssertAsync(refused, HttpStatusCode.ServiceUnavailable, "overloaded_error", shouldRetry: true);
            Assert.Contains("spool.maxBytes", sentence, StringComparison.Ordinal);
            Assert.Equal(TimeSpan.FromSeconds(30), refused.Headers.RetryAfter!.Delta);
        }

        Assert.Empty(upstream.Requests);
        Assert.Empty(gateway.Recorder.Attempts);

        using var counted = await gateway.Client.PostAsync("/v1/messages/count_tokens?beta=true", GatewayInProcess.Body());
        Assert.Equal(HttpStatusCode.OK, counted.StatusCode);
        Assert.Equal(Operation.CountTokens, (await gateway.NextRowAsync()).Endpoint);

        gateway.Recorder.CanBegin = true;
        using var served = await gateway.PostAsync();
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
    }

    [Theory]
    [InlineData("http", 1)]
    [InlineData("h2c", 1)]
    [InlineData("http", 2)]
    [InlineData("h2c", 2)]
    public async Task A_client_that_leaves_while_its_row_is_drafted_leaves_one_row(string scheme, int atDraft)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl, scheme: scheme);
        using var leave = new CancellationTokenSource();
        var drafts = 0;
        gateway.Recorder.Drafted = _ =>
        {
            if (Interlocked.Increment(ref drafts) == atDraft)
            {
                leave.Cancel();
            }
        };
        try
        {
            using var response = await gateway.PostAsync(cancellation: leave.Token);
            await response.Content.ReadAsStringAsync(leave.Token);
        }
        catch (Exception left) when (left is OperationCanceledException or HttpRequestException)
        {
            // As meant.
        }

        Assert.Equal(1, (await gateway.NextAttemptAsync()).Closes);
    }

    // What holds for every attempt is checked when the gateway is let go: see GatewayInProcess.DisposeAsync.
    [Theory]
    [InlineData("http")]
    [InlineData("h2c")]
    public async Task Clients_that_leave_at_any_moment_leave_one_row_each(string scheme)
    {
        const int Clients = 400;
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("told in many pieces, so that there are many moments to leave at"));
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl, scheme: scheme);
        await Parallel.ForEachAsync(Enumerable.Range(0, Clients), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (seed, _) =>
        {
            var random = new Random(seed);
            using var leave = new CancellationTokenSource();
            leave.CancelAfter(TimeSpan.FromMilliseconds(random.Next(25)));
            try
            {
                using var response = await gateway.PostAsync(GatewayInProcess.Body(model: new string('m', 1 << random.Next(18))), cancellation: leave.Token);
                await response.Content.ReadAsStringAsync(leave.Token);
            }
            catch (Exception left) when (left is OperationCanceledException or HttpRequestException)
            {
                // As meant.
            }
        });

        await gateway.StopAsync(Patience);
        Assert.NotEmpty(gateway.Recorder.Attempts);
        Assert.Equal(gateway.Recorder.Attempts.Count, gateway.Recorder.Closed.Count);
    }

    private static (ForwardOutcome Outcome, UsageSource Source) Expected(string name) => name switch
    {
        "an error" or "an error in chunks" => (ForwardOutcome.UpstreamError, UsageSource.None),
        "a stream that fails" => (ForwardOutcome.ErrorEvent, UsageSource.Partial),
        _ => (ForwardOutcome.Completed, UsageSource.Final),
    };

    private static object Figures(UsageRow row) => (
        row.Outcome, row.HttpStatus, row.UsageSource, row.Tokens, row.Cost, row.ErrorType, row.StopReason, row.ResponseBytes, row.RequestBytes, row.UpstreamRequestId,
        row.MessageId.ToString(), row.FirstByteMicroseconds, row.TtftMicroseconds, row.MaxGapMicroseconds, row.Model);

    private static async Task SayAsync(ProbedUpstream upstream, string name)
    {
        var (head, body) = Answer(name);
        var isChunked = head.Contains("chunked", StringComparison.Ordinal);
        var half = body.Length / 2;
        var text = isChunked ? $"{head}{half:x}\r\n{body[..half]}\r\n{body.Length - half:x}\r\n{body[half..]}\r\n0\r\n\r\n" : head + body;
        await (name == "a stream until the connection ends" ? upstream.SayAllAsync(text) : upstream.SayAsync(text));
    }

    private static (string Head, string Body) Answer(string name)
    {
        const string Start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-opus-4-8\",\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\n";
        const string Text = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n";
        const string Final = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":20}}\n\n";
        const string Stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
        const string Error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
        const string Message = "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-opus-4-8\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":100,\"output_tokens\":20}}";
        const string Refused = "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}";
        return name switch
        {
            "a stream" => Of(200, "text/event-stream", Start + Text + Final + Stop, isChunked: false),
            "a stream in chunks" => Of(200, "text/event-stream", Start + Text + Final + Stop, isChunked: true),
            "a stream that fails" => Of(200, "text/event-stream", Start + Text + Error, isChunked: true),
            "JSON" => Of(200, "application/json", Message, isChunked: false),
            "JSON in chunks" => Of(200, "application/json", Message, isChunked: true),
            "a stream until the connection ends" => ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", Start + Text + Final + Stop),
            "an error" => Of(529, "application/json", Refused, isChunked: false),
            _ => Of(529, "application/json", Refused, isChunked: true),
        };

        static (string, string) Of(int status, string type, string body, bool isChunked) =>
            ($"HTTP/1.1 {status} x\r\nContent-Type: {type}\r\nrequest-id: req_1\r\n{(isChunked ? "Transfer-Encoding: chunked" : $"Content-Length: {body.Length}")}\r\n\r\n", body);
    }

    private static async Task<(string Text, bool IsBroken)> ReadToEitherEndAsync(HttpResponseMessage response)
    {
        await using var body = await response.Content.ReadAsStreamAsync();
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (true)
        {
            try
            {
                var read = await body.ReadAsync(buffer);
                if (read == 0)
                {
                    return (text.ToString(), false);
                }

                text.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
            catch (Exception broken) when (broken is IOException or HttpRequestException)
            {
                return (text.ToString(), true);
            }
        }
    }

    /// <summary>A body whose second half is sent only when <paramref name="isTime"/>.</summary>
    private sealed class HalvedContent(byte[] body, bool announceLength, Func<bool> isTime) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            var half = body.Length / 2;
            await stream.WriteAsync(body.AsMemory(0, half));
            await stream.FlushAsync();
            using var late = new CancellationTokenSource(Patience);
            while (!isTime())
            {
                await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, late.Token);
            }

            await stream.WriteAsync(body.AsMemory(half));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = body.Length;
            return announceLength;
        }
    }
}
