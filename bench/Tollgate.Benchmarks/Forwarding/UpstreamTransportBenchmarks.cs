using System.IO.Pipelines;
using System.Text;
using BenchmarkDotNet.Attributes;
using Microsoft.AspNetCore.Http;
using Tollgate.Benchmarks.Gate;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Forwarding.Http1;
using Tollgate.Proxy.Ingress;

namespace Tollgate.Benchmarks.Forwarding;

/// <summary>One small request and its answer over loopback on a kept connection, by each transport.</summary>
/// <remarks>
/// The time is mostly the kernel's and the upstream thread's wake-up, the same for both; the difference and the allocations are the transports' own. Both are given the same
/// request of a client and give its answer's head to a sink and its body to a buffer, as the forwarder has it done.
/// </remarks>
[MemoryDiagnoser]
[Tolerance(2.5)] // Mostly the kernel's time and other threads' wake-ups, which the calibration says nothing of.
public class UpstreamTransportBenchmarks
{
    private const string ShortBody = """{"model":"claude-opus-4-8","max_tokens":64,"messages":[{"role":"user","content":"hi"}],"stream":true}""";

    private static readonly ForwardLimits Limits = new(TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(1));
    private static readonly byte[] Body = Encoding.ASCII.GetBytes(ShortBody);
    private static readonly byte[] ShortAnswer = Encoding.ASCII.GetBytes(
        "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n" +
        "Cache-Control: no-cache\r\nrequest-id: req_011CSHoEeqs5C35K2UUqR7Fy\r\nanthropic-organization-id: 6a1f6a2e-57b1-4f5a-9d27-1f5a0f4b7a11\r\n" +
        "anthropic-ratelimit-unified-status: allowed\r\nanthropic-ratelimit-unified-5h-utilization: 0.82\r\nstrict-transport-security: max-age=31536000; includeSubDomains; preload\r\n" +
        "Server: cloudflare\r\nCF-RAY: 8f1b2c3d4e5f6a7b-FRA\r\ncf-cache-status: DYNAMIC\r\n\r\n" +
        "31\r\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\r\n0\r\n\r\n");

    private readonly HeaderDictionary _headers = new()
    {
        ["Accept"] = "application/json",
        ["Content-Type"] = "application/json",
        ["User-Agent"] = "claude-cli/2.1.330 (external, cli)",
        ["anthropic-version"] = "2023-06-01",
        ["anthropic-beta"] = "claude-code-20250219,interleaved-thinking-2025-05-14",
        ["x-api-key"] = "sk-ant-api03-0000000000000000000000",
        ["x-app"] = "cli",
    };

    private readonly byte[] _buffer = new byte[4096];
    private LoopbackUpstream _upstream = null!;
    private SocketsHttpTransport _platforms = null!;
    private Http1Transport _own = null!;
    private Uri _address = null!;

    [GlobalSetup]
    public void Start()
    {
        _upstream = new LoopbackUpstream(ShortAnswer);
        _address = new Uri(_upstream.BaseUrl + "/v1/messages?beta=true");
        var options = new UpstreamOptions { BaseUrl = _upstream.BaseUrl };
        _platforms = new SocketsHttpTransport(options);
        _own = new Http1Transport(options);
    }

    [GlobalCleanup]
    public void Stop()
    {
        _platforms.Dispose();
        _own.Dispose();
        _upstream.Dispose();
    }

    [Benchmark(Baseline = true)]
    public Task<long> PlatformsClient() => ExchangeAsync(_platforms);

    [Benchmark]
    [Allocates(2_048)] // 1,190 in a long run; in a short one, what sockets make once weighs more.
    public Task<long> OwnConnections() => ExchangeAsync(_own);

    private async Task<long> ExchangeAsync(IUpstreamTransport transport)
    {
        using var watchdog = new Watchdog(TimeProvider.System, CancellationToken.None, CancellationToken.None);
        var pipe = PipeReader.Create(new System.Buffers.ReadOnlySequence<byte>(Body));
        var body = new RequestBody(pipe, Body.Length, new BodyPeek(), watchdog, Limits, NoLog.Instance);
        var request = new UpstreamRequest("POST", _address, System.Net.HttpVersion.Version11, _headers, new UpstreamCredential(string.Empty), body);
        await using var response = await transport.SendAsync(request, watchdog.Token);
        var sink = new Counting();
        response.CopyHeadersTo(ref sink);
        var total = sink.Count + response.Header("Content-Type").Count;
        while (await response.ReadAsync(_buffer, watchdog.Token) is > 0 and var read)
        {
            total += read;
        }

        return total;
    }

    private struct Counting : IHeaderSink
    {
        public long Count;

        public void Add(string name, Microsoft.Extensions.Primitives.StringValues values) => Count += values.Count;
    }

    private sealed class NoLog : IAttemptLog
    {
        public static readonly NoLog Instance = new();

        public void OnSending(long bytes, bool isLast)
        {
        }

        public ValueTask OnAnswerWholeAsync(ForwardResult soFar, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
