using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tollgate.Testing.Upstream;

namespace Tollgate.Proxy.Tests.Forwarding.Http1;

/// <summary>An upstream behind TLS, with a certificate that only the test trusts.</summary>
internal sealed class TlsUpstream : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly X509Certificate2 _certificate = LoopbackCertificate.Create();
    private readonly Task _serving;
    private readonly int _answersPerConnection;
    private readonly byte[] _answer;
    private int _connections;

    /// <summary>Answers each request with <paramref name="answer"/>, and closes after so many.</summary>
    public TlsUpstream(string answer, int answersPerConnection)
    {
        _answer = Encoding.Latin1.GetBytes(answer);
        _answersPerConnection = answersPerConnection;
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Completes when the server has closed its first connection.</summary>
    public TaskCompletionSource Closed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Url(string host) => $"https://{host}:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Trusts the certificate and nothing else.</summary>
    public X509ChainPolicy Trust() => new() { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { _certificate }, RevocationMode = X509RevocationMode.NoCheck };

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Dispose();
        _stop.Dispose();
        _certificate.Dispose();
    }

    private async Task ServeAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(ServeAsync(await _listener.AcceptSocketAsync(_stop.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            await using var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
            Interlocked.Increment(ref _connections);
            var buffer = new byte[64 * 1024];
            for (var answered = 0; answered < _answersPerConnection; answered++)
            {
                var text = string.Empty;
                while (!text.EndsWith("\r\n\r\n", StringComparison.Ordinal))
                {
                    var read = await tls.ReadAsync(buffer, _stop.Token);
                    if (read == 0)
                    {
                        return;
                    }

                    text += Encoding.Latin1.GetString(buffer, 0, read);
                }

                await tls.WriteAsync(_answer, _stop.Token);
            }

            await tls.ShutdownAsync();
        }
        catch (Exception ended) when (ended is IOException or OperationCanceledException or AuthenticationException)
        {
            // The caller left, which is what some tests are about.
        }
        finally
        {
            Closed.TrySetResult();
        }
    }
}
