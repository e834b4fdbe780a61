using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Ingress;

namespace Tollgate.Proxy.Tests.Forwarding;

/// <summary>What counts as Tollgate's own time: the clock moves only where a fake says that its work, or a wait for it, took so long.</summary>
public class OwnTimeTests
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TapsWork = TimeSpan.FromMicroseconds(3);
    private static readonly TimeSpan LogsWork = TimeSpan.FromMicroseconds(5);
    private static readonly TimeSpan UntilSafe = TimeSpan.FromMilliseconds(2);
    private static readonly ForwardLimits Limits = new(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));

    private readonly FakeTimeProvider _time = new();

    // What waits goes on inside the call that lets it, so nothing runs beside the test.
    public OwnTimeTests() => SynchronizationContext.SetSynchronizationContext(null);

    [Fact]
    public async Task A_slow_upstream_is_no_work_on_an_answer_and_each_read_of_it_is()
    {
        var result = await ForwardAsync(new Client(isSlow: false), reads: 4);
        Assert.Equal((ForwardOutcome.Completed, (4 * TapsWork) + LogsWork + UntilSafe), (result.Outcome, OwnTimeOf(result)));
    }

    [Fact]
    public async Task A_slow_reader_is_no_work_on_an_answer()
    {
        var client = new Client(isSlow: true);
        var result = await ForwardAsync(client, reads: 4);
        Assert.Equal((ForwardOutcome.Completed, (4 * TapsWork) + LogsWork + UntilSafe, 4), (result.Outcome, OwnTimeOf(result), client.Waits));
    }

    [Fact]
    public async Task Neither_a_slow_upload_nor_a_slow_upstream_is_work_on_a_request_and_the_draft_is()
    {
        var pipe = new Pipe(new PipeOptions(readerScheduler: PipeScheduler.Inline));
        using var watchdog = new Watchdog(_time, default, default);
        var body = new RequestBody(pipe.Reader, 6, new BodyPeek(), watchdog, Limits, new Log(_time));
        _time.Advance(Wait);
        var copying = body.CopyToAsync(new SlowStream(_time), TestContext.Current.CancellationToken);
        foreach (var part in (string[])["ab", "cd", "ef"])
        {
            _time.Advance(Wait);
            await pipe.Writer.WriteAsync(Encoding.ASCII.GetBytes(part), TestContext.Current.CancellationToken);
        }

        await pipe.Writer.CompleteAsync();
        await copying;
        Assert.Equal((6, LogsWork.Ticks), (body.BytesSent, body.OwnTime));
        Assert.Equal(Wait, _time.GetElapsedTime(body.LastBytesAt));
    }

    private TimeSpan OwnTimeOf(ForwardResult result) => _time.GetElapsedTime(0, result.OwnTime);

    private async Task<ForwardResult> ForwardAsync(Client client, int reads)
    {
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(client));
        using var watchdog = new Watchdog(_time, default, default);
        var upstream = new Upstream("anthropic", new UpstreamOptions { BaseUrl = "http://upstream.test" }, new Transport(_time, reads));
        var request = new UpstreamRequest("GET", new Uri("http://upstream.test/"), new Version(1, 1), context.Request.Headers, new UpstreamCredential(string.Empty), Body: null);
        var forwarding = Forwarder.ForwardAsync(context, upstream, request, new Tap(_time, reads), new Log(_time), watchdog, Limits, _time);
        while (client.IsWaitedFor)
        {
            _time.Advance(Wait);
            client.Take();
        }

        return await forwarding;
    }

    private sealed class Transport(FakeTimeProvider time, int reads) : IUpstreamTransport
    {
        public ValueTask<IUpstreamResponse> SendAsync(UpstreamRequest request, CancellationToken cancellationToken)
        {
            time.Advance(Wait);
            return new(new Response(time, reads));
        }
    }

    private sealed class Response(FakeTimeProvider time, int reads) : IUpstreamResponse
    {
        private int _left = reads;

        public int Status => 200;

        public string? ReasonPhrase => null;

        public bool EndsWithConnection => false;

        public StringValues Header(string name) => StringValues.Empty;

        public void CopyHeadersTo<TSink>(ref TSink sink)
            where TSink : struct, IHeaderSink, allows ref struct
        {
        }

        public bool TryRead(Span<byte> buffer, out int read)
        {
            read = 0;
            return false;
        }

        public ValueTask WaitToReadAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            time.Advance(Wait);
            return new(_left-- > 0 ? 10 : 0);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Tap(FakeTimeProvider time, int reads) : IResponseTap
    {
        private int _left = reads;

        public bool LacksEnd => _left > 0;

        public bool HasEnd => _left == 0;

        public void OnHead(int status, string? contentType, string? contentEncoding)
        {
        }

        public void OnBytes(ReadOnlySpan<byte> bytes, long timestamp)
        {
            _left--;
            time.Advance(TapsWork);
        }

        public void OnEnd()
        {
        }
    }

    private sealed class Log(FakeTimeProvider time) : IAttemptLog
    {
        public void OnSending(long bytes, bool isLast) => time.Advance(LogsWork);

        public ValueTask OnAnswerWholeAsync(ForwardResult soFar, CancellationToken cancellationToken)
        {
            time.Advance(LogsWork + UntilSafe);
            return ValueTask.CompletedTask;
        }
    }

    private sealed class SlowStream(FakeTimeProvider time) : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            time.Advance(Wait);
            return base.WriteAsync(buffer, cancellationToken);
        }
    }

    /// <summary>The client's end of the answer; a slow one has what it was sent only when <see cref="Take"/> says so.</summary>
    private sealed class Client(bool isSlow) : MemoryStream
    {
        private TaskCompletionSource? _taken;

        public int Waits { get; private set; }

        public bool IsWaitedFor => _taken is not null;

        public void Take()
        {
            var taken = _taken!;
            _taken = null;
            taken.SetResult();
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!isSlow)
            {
                return ValueTask.CompletedTask;
            }

            Waits++;
            _taken = new TaskCompletionSource();
            return new ValueTask(_taken.Task);
        }
    }
}
