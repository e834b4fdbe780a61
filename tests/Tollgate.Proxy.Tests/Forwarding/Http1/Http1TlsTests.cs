using System.Security.Cryptography.X509Certificates;
using Tollgate.Proxy.EventLoops;
using Tollgate.Proxy.Forwarding;

namespace Tollgate.Proxy.Tests.Forwarding.Http1;

/// <summary>TLS: whom we talk to is proven, and connections are kept as plain ones are.</summary>
public abstract class Http1TlsTests(EventLoop? loop)
{
    private const string Ok = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";

    [Theory]
    [InlineData("localhost")]
    [InlineData("127.0.0.1")]
    public async Task A_trusted_upstreams_connection_is_kept(string host)
    {
        await using var upstream = new TlsUpstream(Ok, answersPerConnection: 100);
        using var transport = Under(upstream.Url(host), trust: upstream.Trust());
        for (var request = 0; request < 20; request++)
        {
            Assert.Equal("ok", await transport.GetAsync());
        }

        Assert.Equal(1, upstream.Connections);
    }

    [Fact]
    public async Task An_upstream_that_nobody_vouches_for_is_told_nothing()
    {
        await using var upstream = new TlsUpstream(Ok, answersPerConnection: 1);
        using var transport = Under(upstream.Url("localhost"));
        var failed = await Assert.ThrowsAsync<UpstreamException>(() => transport.SendAsync());
        Assert.True(failed.NothingSent);
        Assert.Contains("No trusted TLS connection", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_for_another_name_is_not_enough()
    {
        // It leads to the same host, but the certificate does not say so.
        await using var upstream = new TlsUpstream(Ok, answersPerConnection: 1);
        using var transport = Under(upstream.Url("127.0.0.1").Replace("127.0.0.1", "[::ffff:127.0.0.1]", StringComparison.Ordinal), trust: upstream.Trust());
        Assert.True((await Assert.ThrowsAsync<UpstreamException>(() => transport.SendAsync())).NothingSent);
    }

    [Fact]
    public async Task Something_that_speaks_no_TLS_has_been_sent_nothing()
    {
        await using var upstream = new Testing.Upstream.RawUpstream(("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), Testing.Upstream.RawEnding.Fin));
        using var transport = Under(upstream.BaseUrl.Replace("http://", "https://", StringComparison.Ordinal));
        Assert.True((await Assert.ThrowsAsync<UpstreamException>(() => transport.SendAsync())).NothingSent);
    }

    [Fact]
    public async Task A_connection_that_the_upstream_closed_while_idle_is_exchanged()
    {
        await using var upstream = new TlsUpstream(Ok, answersPerConnection: 1);
        using var transport = Under(upstream.Url("127.0.0.1"), trust: upstream.Trust());
        Assert.Equal("ok", await transport.GetAsync());
        await upstream.Closed.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal("ok", await transport.GetAsync());
        Assert.Equal(2, upstream.Connections);
    }

    [Fact]
    public async Task Surplus_bytes_inside_of_TLS_answer_nothing()
    {
        await using var upstream = new TlsUpstream(Ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", answersPerConnection: 100);
        using var transport = Under(upstream.Url("127.0.0.1"), trust: upstream.Trust());
        for (var request = 0; request < 3; request++)
        {
            Assert.Equal("ok", await transport.GetAsync());
        }

        Assert.Equal(3, upstream.Connections);
    }

    [Fact]
    public async Task A_request_cancelled_on_a_kept_connection_ends_at_once()
    {
        await using var upstream = new TlsUpstream("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", answersPerConnection: 1_000);
        using var transport = Under(upstream.Url("127.0.0.1"), trust: upstream.Trust());
        await transport.GetAsync();

        // Cancelled while the answer is under way or just before or after: whichever, no hang and no wrong answer afterwards.
        for (var request = 0; request < 200; request++)
        {
            using var leave = new CancellationTokenSource();
            var sending = transport.SendAsync(cancellation: leave.Token);
            await leave.CancelAsync();
            try
            {
                await using var response = await sending.WaitAsync(TimeSpan.FromSeconds(20));
            }
            catch (OperationCanceledException)
            {
                // One of the ways it may go.
            }
        }

        Assert.Equal("ok", await transport.GetAsync());
    }

    private TransportUnderTest Under(string baseUrl, TimeProvider? time = null, X509ChainPolicy? trust = null) => new(baseUrl, time, trust, loop);
}

/// <summary>On the thread pool, over .NET's sockets.</summary>
public sealed class Http1TlsOverSocketsTests() : Http1TlsTests(null);

/// <summary>On an event loop, over its sockets.</summary>
public sealed class Http1TlsOverLoopsTests() : Http1TlsTests(Loop)
{
    private static readonly EventLoop Loop = new(0);
}
