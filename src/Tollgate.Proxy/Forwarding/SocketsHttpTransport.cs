using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Proxy.Forwarding;

/// <summary>Carries requests by .NET's own HTTP client, switched to relaying: no redirects, cookies, decompression or tracing headers.</summary>
/// <remarks>
/// .NET's client may send a request a second time when a kept connection turns out to be closed, but never one whose body it has begun to read
/// (<see cref="RequestBody"/> would refuse); so nothing is ever sent twice.
/// </remarks>
public sealed class SocketsHttpTransport : IUpstreamTransport, IDisposable
{
    private readonly HttpMessageInvoker _invoker;

    /// <summary>Opens no connection yet.</summary>
    /// <param name="options">How long connecting may take.</param>
    /// <param name="proxy">What stands between here and the upstream; null when nothing does.</param>
    public SocketsHttpTransport(UpstreamOptions options, IWebProxy? proxy = null)
    {
        _invoker = new HttpMessageInvoker(
            new SocketsHttpHandler
            {
                UseProxy = proxy is not null,
                Proxy = proxy,
                UseCookies = false,
                AllowAutoRedirect = false,
                AutomaticDecompression = DecompressionMethods.None,
                ActivityHeadersPropagator = null,
                ConnectTimeout = options.ConnectTimeout,
                EnableMultipleHttp2Connections = true,
                MaxConnectionsPerServer = int.MaxValue,
                MaxResponseHeadersLength = 64,
                // Below the minute after which load balancers commonly drop idle connections, so that we drop them first.
                PooledConnectionIdleTimeout = TimeSpan.FromSeconds(55),
                KeepAlivePingDelay = TimeSpan.FromSeconds(30),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
                RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
                ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
                SslOptions = new SslClientAuthenticationOptions(),
            },
            disposeHandler: true);
    }

    /// <inheritdoc/>
    public async ValueTask<IUpstreamResponse> SendAsync(UpstreamRequest request, CancellationToken cancellationToken)
    {
        var message = new HttpRequestMessage(new HttpMethod(request.Method), request.Address)
        {
            Version = request.Version,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            Content = request.Body is null ? null : new RelayedContent(request.Body),
        };
        var sink = new RequestHeaders(message);
        HeaderRules.CopyRequest(request.Headers, request.Credential, ref sink);
        try
        {
            var response = await _invoker.SendAsync(message, cancellationToken);
            return new SocketsHttpResponse(response, await response.Content.ReadAsStreamAsync(cancellationToken));
        }
        catch (HttpRequestException failed)
        {
            throw Explain(request, failed);
        }
        catch (OperationCanceledException timedOut) when (timedOut.InnerException is TimeoutException && !cancellationToken.IsCancellationRequested)
        {
            throw new UpstreamException($"{request.Address.Authority} could not be connected to in time.", nothingSent: true, timedOut);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _invoker.Dispose();

    private static UpstreamException Explain(UpstreamRequest request, HttpRequestException failed) => failed.HttpRequestError switch
    {
        HttpRequestError.NameResolutionError => new($"{request.Address.Host} could not be resolved to an address.", nothingSent: true, failed),
        HttpRequestError.ConnectionError => new($"{request.Address.Authority} could not be connected to.", nothingSent: true, failed),
        HttpRequestError.SecureConnectionError => new($"No trusted TLS connection to {request.Address.Authority} could be made.", nothingSent: true, failed),
        HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded =>
            new($"{request.Address.Authority} answered with something that is not a well-formed HTTP response.", nothingSent: false, failed),
        _ => new($"{request.Address.Authority} broke off before it answered.", nothingSent: false, failed),
    };

    private sealed class RelayedContent(RequestBody body) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
            body.CopyToAsync(stream, cancellationToken);

        protected override bool TryComputeLength(out long length)
        {
            length = body.Length ?? 0;
            return body.Length is not null;
        }
    }

    private readonly struct RequestHeaders(HttpRequestMessage message) : IHeaderSink
    {
        public void Add(string name, StringValues values)
        {
            // .NET keeps a body's own headers apart; a request without a body has nowhere for them, and they would mean nothing.
            var headers = values.Count == 1
                ? message.Headers.TryAddWithoutValidation(name, values[0])
                : message.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            if (!headers)
            {
                message.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }
    }

    private sealed class SocketsHttpResponse(HttpResponseMessage response, Stream body) : IUpstreamResponse
    {
        public int Status => (int)response.StatusCode;

        public string? ReasonPhrase => response.Version.Major >= 2 ? null : response.ReasonPhrase;

        public bool EndsWithConnection =>
            response.Version.Major < 2 && response.Content.Headers.ContentLength is null && response.Headers.TransferEncodingChunked is not true && MayHaveBody;

        private bool MayHaveBody =>
            response.RequestMessage?.Method != HttpMethod.Head && Status is not (StatusCodes.Status204NoContent or StatusCodes.Status304NotModified);

        public StringValues Header(string name) =>
            response.Headers.NonValidated.TryGetValues(name, out var values) || response.Content.Headers.NonValidated.TryGetValues(name, out values)
                ? ToStringValues(values)
                : StringValues.Empty;

        public void CopyHeadersTo<TSink>(ref TSink sink)
            where TSink : struct, IHeaderSink, allows ref struct
        {
            foreach (var (name, values) in response.Headers.NonValidated)
            {
                sink.Add(name, ToStringValues(values));
            }

            foreach (var (name, values) in response.Content.Headers.NonValidated)
            {
                sink.Add(name, ToStringValues(values));
            }
        }

        public bool TryRead(Span<byte> buffer, out int read)
        {
            // .NET's client does not tell what it has.
            read = 0;
            return false;
        }

        public ValueTask WaitToReadAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            try
            {
                return await body.ReadAsync(buffer, cancellationToken);
            }
            catch (Exception broken) when (broken is IOException or HttpRequestException)
            {
                throw new UpstreamException("The upstream broke off in the middle of its answer.", nothingSent: false, broken);
            }
        }

        public ValueTask DisposeAsync()
        {
            response.Dispose();
            return ValueTask.CompletedTask;
        }

        private static StringValues ToStringValues(HeaderStringValues values)
        {
            if (values.Count > 1)
            {
                return new StringValues(values.ToArray());
            }

            foreach (var value in values)
            {
                return new StringValues(value);
            }

            return StringValues.Empty;
        }
    }
}
