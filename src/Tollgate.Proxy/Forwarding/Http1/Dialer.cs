using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Tollgate.Proxy.EventLoops;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>Opens connections to one upstream: name, TCP and TLS, all within one limit.</summary>
/// <param name="address">Scheme, host and port.</param>
/// <param name="limit">How long all of it may take.</param>
/// <param name="time">The clock.</param>
/// <param name="trust">Whom to trust instead of the system's authorities; null for those. For tests: nothing in the configuration leads here.</param>
internal sealed class Dialer(Uri address, TimeSpan limit, TimeProvider time, X509ChainPolicy? trust)
{
    private readonly bool _isTls = address.Scheme == Uri.UriSchemeHttps;

    /// <summary>Opens one. The name is resolved anew each time.</summary>
    /// <exception cref="UpstreamException">It could not be opened; nothing was sent.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> fired.</exception>
    public async ValueTask<Http1Connection> OpenAsync(CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            var socket = await ConnectAsync(either.Token);
            return _isTls ? await SecureAsync(socket, either.Token) : new Http1Connection(socket, null);
        }
        catch (OperationCanceledException cancelled) when (!cancellationToken.IsCancellationRequested)
        {
            throw new UpstreamException($"{address.Authority} could not be connected to in time.", nothingSent: true, cancelled);
        }
    }

    private async Task<UpstreamSocket> ConnectAsync(CancellationToken cancellationToken)
    {
        var addresses = await ResolveAsync(cancellationToken);
        var began = time.GetTimestamp();
        Exception? last = null;
        for (var at = 0; at < addresses.Length; at++)
        {
            // Each of those left has its share of the time left: one that swallows packets doesn't use it all up.
            var share = (limit - time.GetElapsedTime(began)) / (addresses.Length - at);
            try
            {
                return await ConnectAsync(addresses[at], share > TimeSpan.Zero ? share : TimeSpan.Zero, cancellationToken);
            }
            catch (Exception failed) when (failed is SocketException or IOException || (failed is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                last = failed;
            }
        }

        throw last is OperationCanceledException
            ? new UpstreamException($"{address.Authority} could not be connected to in time.", nothingSent: true, last)
            : new UpstreamException($"{address.Authority} could not be connected to.", nothingSent: true, last);
    }

    private async Task<IPAddress[]> ResolveAsync(CancellationToken cancellationToken)
    {
        try
        {
            var addresses = IPAddress.TryParse(address.DnsSafeHost, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(address.DnsSafeHost, cancellationToken);
            if (addresses.Length > 0)
            {
                return addresses;
            }
        }
        catch (Exception failed) when (failed is SocketException or ArgumentException)
        {
            throw new UpstreamException($"{address.Host} could not be resolved to an address.", nothingSent: true, failed);
        }

        throw new UpstreamException($"{address.Host} could not be resolved to an address.", nothingSent: true);
    }

    private async Task<UpstreamSocket> ConnectAsync(IPAddress to, TimeSpan share, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(share, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        if (EventLoop.Current is { } loop)
        {
            return new UpstreamSocket.OfLoop(await LoopSocket.ConnectAsync(loop, new IPEndPoint(to, address.Port), either.Token));
        }

        var socket = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(to, address.Port), either.Token);
            return new UpstreamSocket.OfThreadPool(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<Http1Connection> SecureAsync(UpstreamSocket socket, CancellationToken cancellationToken)
    {
        var tls = new SslStream(socket.AsStream());
        try
        {
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = address.IdnHost,
                    ApplicationProtocols = [SslApplicationProtocol.Http11],
                    AllowRenegotiation = false,
                    CertificateChainPolicy = trust,
                },
                cancellationToken);
            return new Http1Connection(socket, tls);
        }
        catch (Exception failed)
        {
            await tls.DisposeAsync();
            socket.Dispose();

            // Cancelling closes a loop's socket; that is what failed then.
            cancellationToken.ThrowIfCancellationRequested();
            if (failed is AuthenticationException || Http1Connection.IsBreak(failed))
            {
                throw new UpstreamException($"No trusted TLS connection to {address.Authority} could be made.", nothingSent: true, failed);
            }

            throw;
        }
    }
}
