using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Tollgate.Webhooks;

/// <summary>Sends one event to one webhook.</summary>
/// <remarks>
/// The name is resolved here, each of its addresses judged, and the connection made to the one that was judged: a name that resolves otherwise a moment
/// later gains nothing. No redirect is followed and no proxy used. Signature: <c>x-tollgate-signature: t=UNIX,v1=HEX</c>, the HMAC-SHA-256 of
/// <c>UNIX.BODY</c> under the webhook's secret.
/// </remarks>
internal sealed class WebhookClient : IDisposable
{
    /// <summary>One attempt takes no longer.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly AddressGuard _guard;
    private readonly TimeProvider _time;
    private readonly HttpMessageInvoker _http;

    /// <summary>A client.</summary>
    /// <param name="guard">What it may reach.</param>
    /// <param name="time">The clock.</param>
    /// <param name="tls">Whose certificates are trusted; null for those that the system trusts.</param>
    public WebhookClient(AddressGuard guard, TimeProvider time, SslClientAuthenticationOptions? tls = null)
    {
        _guard = guard;
        _time = time;
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ConnectTimeout = Timeout,
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            MaxResponseHeadersLength = 16,
            ConnectCallback = ConnectAsync,
            SslOptions = tls ?? new SslClientAuthenticationOptions(),
        });
    }

    /// <summary>Sends it.</summary>
    /// <returns>Why it did not arrive, without the address, which is a secret; null when it did.</returns>
    public async Task<string?> SendAsync(string url, string secret, string eventId, string body, CancellationToken cancellation)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttps || address.UserInfo.Length > 0)
        {
            return "Its address is not one of the form https://host/path.";
        }

        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var timer = _time.CreateTimer(static source => ((CancellationTokenSource)source!).Cancel(), late, Timeout, System.Threading.Timeout.InfiniteTimeSpan);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            request.Headers.TryAddWithoutValidation("x-tollgate-event-id", Uri.EscapeDataString(eventId)); // A name in it may be of any script.
            request.Headers.TryAddWithoutValidation("x-tollgate-signature", Sign(secret, body, _time.GetUtcNow()));
            using var response = await _http.SendAsync(request, late.Token);
            return (int)response.StatusCode is >= 200 and < 300 ? null : string.Create(CultureInfo.InvariantCulture, $"It answered with status {(int)response.StatusCode}.");
        }
        catch (HttpRequestException failed)
        {
            return failed.InnerException is NotAllowedException refused ? refused.Message : $"It could not be reached: {failed.HttpRequestError}.";
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return string.Create(CultureInfo.InvariantCulture, $"It did not answer within {Timeout.TotalSeconds:0} s.");
        }
    }

    /// <summary>The signature of a body at a moment.</summary>
    public static string Sign(string secret, string body, DateTimeOffset at)
    {
        var moment = at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var hash = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{moment}.{body}"));
        return $"t={moment},v1={Convert.ToHexStringLower(hash)}";
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancellation);
        var allowed = Array.FindAll(addresses, _guard.Allows);
        if (allowed.Length == 0)
        {
            throw new NotAllowedException("Its address is of a private network or this machine; webhooks.allowNetworks can allow that.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private sealed class NotAllowedException(string message) : IOException(message);
}
