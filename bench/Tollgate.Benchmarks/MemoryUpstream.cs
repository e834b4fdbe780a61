using Microsoft.Extensions.Primitives;
using Tollgate.Proxy.Forwarding;

namespace Tollgate.Benchmarks;

/// <summary>An upstream that takes a request's body and has the same answer there at once, in reads as they come from a socket. One request at a time.</summary>
internal sealed class MemoryUpstream(string contentType, ReadOnlyMemory<byte>[] reads) : IUpstreamTransport, IUpstreamResponse
{
    private readonly KeyValuePair<string, StringValues>[] _headers =
    [
        new("Content-Type", contentType),
        new("Cache-Control", "no-cache"),
        new("request-id", "req_011CSHoEeqs5C35K2UUqR7Fy"),
        new("anthropic-organization-id", "6a1f6a2e-57b1-4f5a-9d27-1f5a0f4b7a11"),
        new("anthropic-ratelimit-unified-status", "allowed"),
        new("anthropic-ratelimit-unified-5h-utilization", "0.82"),
        new("Server", "cloudflare"),
    ];

    private int _next;

    public int Status => 200;

    public string? ReasonPhrase => "OK";

    public bool EndsWithConnection => false;

    public async ValueTask<IUpstreamResponse> SendAsync(UpstreamRequest request, CancellationToken cancellationToken)
    {
        _next = 0;
        if (request.Body is { } body)
        {
            await body.CopyToAsync(Stream.Null, cancellationToken);
        }

        return this;
    }

    public StringValues Header(string name)
    {
        foreach (var (header, values) in _headers)
        {
            if (header.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return values;
            }
        }

        return default;
    }

    public void CopyHeadersTo<TSink>(ref TSink sink)
        where TSink : struct, IHeaderSink, allows ref struct
    {
        foreach (var (header, values) in _headers)
        {
            sink.Add(header, values);
        }
    }

    public bool TryRead(Span<byte> buffer, out int read)
    {
        read = 0;
        return false;
    }

    public ValueTask WaitToReadAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (_next == reads.Length)
        {
            return ValueTask.FromResult(0);
        }

        var read = reads[_next++];
        read.CopyTo(buffer);
        return ValueTask.FromResult(read.Length);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
