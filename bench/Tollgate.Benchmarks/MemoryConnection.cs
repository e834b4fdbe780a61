using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Tollgate.Benchmarks;

/// <summary>A client's side of one request after another, without a socket: the body is there, and what is sent is dropped.</summary>
/// <remarks>Made once and <see cref="Rewind"/>ed for each request, as Kestrel does with its own; so what is allocated is the gateway's.</remarks>
internal sealed class MemoryConnection :
    IHttpRequestFeature, IHttpResponseFeature, IHttpResponseBodyFeature, IHttpRequestBodyDetectionFeature, IHttpRequestLifetimeFeature, IRequestBodyPipeFeature
{
    private readonly Request _body;
    private readonly Response _answer = new();
    private readonly HeaderDictionary _responseHeaders = [];

    public MemoryConnection(string target, HeaderDictionary headers, byte[] body)
    {
        _body = new Request(body);
        RawTarget = target;
        Path = target[..target.IndexOf('?')];
        Headers = headers;
        headers.ContentLength = body.Length;
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(this);
        features.Set<IHttpResponseFeature>(this);
        features.Set<IHttpResponseBodyFeature>(this);
        features.Set<IHttpRequestBodyDetectionFeature>(this);
        features.Set<IHttpRequestLifetimeFeature>(this);
        features.Set<IRequestBodyPipeFeature>(this);
        Context = new DefaultHttpContext(features);
    }

    public HttpContext Context { get; }

    /// <summary>Bytes of the answer's body so far.</summary>
    public long Sent => _answer.Sent;

    public string Protocol { get; set; } = "HTTP/1.1";

    public string Scheme { get; set; } = "http";

    public string Method { get; set; } = "POST";

    public string PathBase { get; set; } = string.Empty;

    public string Path { get; set; }

    public string QueryString { get; set; } = string.Empty;

    public string RawTarget { get; set; }

    public IHeaderDictionary Headers { get; set; }

    IHeaderDictionary IHttpResponseFeature.Headers
    {
        get => _responseHeaders;
        set => throw new NotSupportedException();
    }

    Stream IHttpRequestFeature.Body { get; set; } = Stream.Null;

    Stream IHttpResponseFeature.Body { get; set; } = Stream.Null;

    public int StatusCode { get; set; }

    public string? ReasonPhrase { get; set; }

    public bool HasStarted { get; private set; }

    public bool CanHaveBody => true;

    public CancellationToken RequestAborted { get; set; }

    PipeReader IRequestBodyPipeFeature.Reader => _body;

    public Stream Stream => Stream.Null;

    public PipeWriter Writer => _answer;

    /// <summary>The next request.</summary>
    public void Rewind()
    {
        _body.Rewind();
        _answer.Rewind();
        _responseHeaders.Clear();
        StatusCode = 0;
        ReasonPhrase = null;
        HasStarted = false;
    }

    public void Abort() => throw new InvalidOperationException("Nothing goes wrong here.");

    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        HasStarted = true;
        return Task.CompletedTask;
    }

    public Task CompleteAsync() => Task.CompletedTask;

    public void DisableBuffering()
    {
    }

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public void OnStarting(Func<object, Task> callback, object state)
    {
    }

    public void OnCompleted(Func<object, Task> callback, object state)
    {
    }

    private sealed class Request(byte[] body) : PipeReader
    {
        private readonly ReadOnlySequence<byte> _whole = new(body);
        private ReadOnlySequence<byte> _left = new(body);

        public void Rewind() => _left = _whole;

        public override bool TryRead(out ReadResult result)
        {
            result = new ReadResult(_left, isCanceled: false, isCompleted: true);
            return true;
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            TryRead(out var result);
            return ValueTask.FromResult(result);
        }

        public override void AdvanceTo(SequencePosition consumed) => _left = _left.Slice(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => AdvanceTo(consumed);

        public override void CancelPendingRead()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }

    private sealed class Response : PipeWriter
    {
        private readonly byte[] _block = new byte[64 * 1024];

        public long Sent { get; private set; }

        public void Rewind() => Sent = 0;

        public override void Advance(int bytes) => Sent += bytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => _block.AsMemory(0, Math.Max(sizeHint, 4096));

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult(default(FlushResult));

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }
}
