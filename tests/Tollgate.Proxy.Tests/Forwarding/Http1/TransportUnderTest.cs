using System.IO.Pipelines;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.EventLoops;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Forwarding.Http1;
using Tollgate.Proxy.Ingress;

namespace Tollgate.Proxy.Tests.Forwarding.Http1;

/// <summary>A transport to one upstream, and requests for it, which run on a loop where there is one.</summary>
internal sealed class TransportUnderTest : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly ForwardLimits Limits = new(Patience, Patience, Patience);

    private readonly string _baseUrl;
    private readonly EventLoop? _loop;

    public TransportUnderTest(string baseUrl, TimeProvider? time = null, X509ChainPolicy? trust = null, EventLoop? loop = null)
    {
        _baseUrl = baseUrl;
        _loop = loop;
        Transport = new Http1Transport(new UpstreamOptions { BaseUrl = baseUrl, ConnectTimeout = TimeSpan.FromSeconds(5) }, time ?? TimeProvider.System, trust);
    }

    public Http1Transport Transport { get; }

    public void Dispose() => Transport.Dispose();

    /// <summary>A request; a body goes with its length, a pipe in chunks.</summary>
    public UpstreamRequest Request(string method = "GET", string? body = null, PipeReader? pipe = null, HeaderDictionary? headers = null)
    {
        var reader = pipe ?? (body is null ? null : PipeReader.Create(new MemoryStream(Encoding.Latin1.GetBytes(body))));
        var sent = reader is null ? null : new RequestBody(reader, body?.Length, new BodyPeek(), new Watchdog(TimeProvider.System, default, default), Limits, new NoLog());
        return new UpstreamRequest(method, new Uri($"{_baseUrl}/v1/x?y=%20"), new Version(1, 1), headers ?? [], new UpstreamCredential(string.Empty), sent);
    }

    public async Task<IUpstreamResponse> SendAsync(UpstreamRequest? request = null, CancellationToken cancellation = default)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(Patience);
        if (_loop is not null)
        {
            await _loop.EnterAsync();
        }

        return await Transport.SendAsync(request ?? Request(), late.Token);
    }

    /// <summary>Sends, reads to the end, disposes.</summary>
    public async Task<string> GetAsync(UpstreamRequest? request = null)
    {
        if (_loop is not null)
        {
            await _loop.EnterAsync();
        }

        await using var response = await SendAsync(request);
        return await ReadToEndAsync(response);
    }

    /// <summary>Reads to the end in reads of <paramref name="room"/> bytes.</summary>
    public static async Task<string> ReadToEndAsync(IUpstreamResponse response, int room = 4096)
    {
        using var late = new CancellationTokenSource(Patience);
        var text = new StringBuilder();
        var buffer = new byte[room];
        while (await response.ReadAsync(buffer, late.Token) is > 0 and var read)
        {
            text.Append(Encoding.Latin1.GetString(buffer, 0, read));
        }

        return text.ToString();
    }

    private sealed class NoLog : IAttemptLog
    {
        public void OnSending(long bytes, bool isLast)
        {
        }

        public ValueTask OnAnswerWholeAsync(ForwardResult soFar, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
