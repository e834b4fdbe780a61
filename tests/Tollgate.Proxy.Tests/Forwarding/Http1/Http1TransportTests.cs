using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.EventLoops;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Forwarding.Http1;
using Tollgate.Testing.Upstream;

namespace Tollgate.Proxy.Tests.Forwarding.Http1;

/// <summary>Our own connections against an upstream that says what the test says.</summary>
public abstract class Http1TransportTests(EventLoop? loop)
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(Ok, "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nx: y\r\n\r\n", "ok")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", "")]
    [InlineData("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", "")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + Ok, "ok")]
    public async Task A_connection_whose_answer_ended_cleanly_carries_the_next_request(string answer, string body)
    {
        await using var upstream = new RawUpstream((Bytes(answer), RawEnding.KeepOpen), (Bytes(answer), RawEnding.KeepOpen), (Bytes(Ok), RawEnding.KeepOpen));
        using var transport = Under(upstream.BaseUrl);
        Assert.Equal(body, await transport.GetAsync());
        Assert.Equal(body, await transport.GetAsync(transport.Request("POST", "x")));
        Assert.Equal("ok", await transport.GetAsync());
        Assert.Equal((1, 1), (upstream.Connections, transport.Transport.IdleCount));
    }

    [Theory]
    [InlineData(Ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")]
    [InlineData(Ok + "\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\nbody")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")]
    [InlineData("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")]
    public async Task A_connection_with_surplus_bytes_or_that_is_to_be_closed_carries_no_other_request(string answer)
    {
        await using var upstream = new RawUpstream((Bytes(answer), RawEnding.KeepOpen), (Bytes(Ok), RawEnding.KeepOpen));
        using var transport = Under(upstream.BaseUrl);
        await transport.GetAsync();
        Assert.Equal(0, transport.Transport.IdleCount);
        Assert.Equal("ok", await transport.GetAsync());
        Assert.Equal(2, upstream.Connections);
    }

    [Fact]
    public async Task A_connection_whose_answer_was_not_read_to_its_end_carries_no_other_request()
    {
        await using var upstream = new RawUpstream((Bytes(Ok), RawEnding.KeepOpen), (Bytes(Ok), RawEnding.KeepOpen));
        using var transport = Under(upstream.BaseUrl);
        await using (var response = await transport.SendAsync())
        {
            Assert.Equal(1, await response.ReadAsync(new byte[1], default));
        }

        Assert.Equal("ok", await transport.GetAsync());
        Assert.Equal(2, upstream.Connections);
    }

    [Fact]
    public async Task What_an_upstream_says_while_a_connection_is_idle_answers_nothing()
    {
        using var listener = new ScriptedListener();
        using var transport = Under(listener.BaseUrl);
        var getting = transport.GetAsync();
        using var first = await listener.AcceptAsync();
        await ScriptedListener.AnswerAsync(first, Ok);
        await getting;
        Assert.Equal(1, transport.Transport.IdleCount);

        await first.SendAsync(Bytes("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"));
        getting = transport.GetAsync();
        using var second = await listener.AcceptAsync();
        await ScriptedListener.AnswerAsync(second, Ok);
        Assert.Equal("ok", await getting);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_connection_closed_while_idle_is_exchanged_before_anything_is_sent(bool reset)
    {
        using var listener = new ScriptedListener();
        using var transport = Under(listener.BaseUrl);
        var getting = transport.GetAsync();
        var first = await listener.AcceptAsync();
        await ScriptedListener.AnswerAsync(first, Ok);
        await getting;
        first.Close(reset ? 0 : -1);

        getting = transport.GetAsync(transport.Request("POST", "body"));
        using var second = await listener.AcceptAsync();
        Assert.EndsWith("\r\n\r\nbody", await ScriptedListener.AnswerAsync(second, Ok), StringComparison.Ordinal);
        Assert.Equal("ok", await getting);
    }

    [Fact]
    public async Task A_connection_closed_while_the_body_is_waited_for_is_exchanged_too()
    {
        using var listener = new ScriptedListener();
        using var transport = Under(listener.BaseUrl);
        var getting = transport.GetAsync();
        var first = await listener.AcceptAsync();
        await ScriptedListener.AnswerAsync(first, Ok);
        await getting;

        var pipe = new Pipe();
        getting = transport.GetAsync(transport.Request("POST", pipe: pipe.Reader));
        first.Close();
        await pipe.Writer.WriteAsync("late"u8.ToArray());
        await pipe.Writer.CompleteAsync();
        using var second = await listener.AcceptAsync();
        await ScriptedListener.AnswerAsync(second, Ok);
        Assert.Equal("ok", await getting);
    }

    [Fact]
    public async Task An_upstream_that_closes_at_the_same_instant_never_sees_a_request_twice()
    {
        // The race that no look beforehand closes: the answer is an error that tells that something was sent, never a second try.
        using var listener = new ScriptedListener();
        using var transport = Under(listener.BaseUrl);
        var seen = new System.Collections.Concurrent.ConcurrentDictionary<string, int>();
        using var stop = new CancellationTokenSource();
        var serving = ServeAsync();
        var failed = 0;
        for (var number = 0; number < 1_000; number++)
        {
            try
            {
                Assert.Equal("ok", await transport.GetAsync(transport.Request("POST", $"{number:0000}")));
            }
            catch (UpstreamException lost)
            {
                Assert.False(lost.NothingSent);
                failed++;
            }
        }

        // The last connection may be kept: its end is what the upstream waits for.
        transport.Dispose();
        await stop.CancelAsync();
        await serving;
        Assert.All(seen, static request => Assert.Equal(1, request.Value));
        Assert.True(failed < 1_000, "Every request met a closed connection.");

        async Task ServeAsync()
        {
            var random = new Random(7);
            try
            {
                while (true)
                {
                    using var connection = await listener.AcceptAsync(stop.Token);
                    while (await ScriptedListener.ReadRequestAsync(connection) is { Length: > 0 } request)
                    {
                        seen.AddOrUpdate(request[^4..], 1, static (_, count) => count + 1);
                        await connection.SendAsync(Bytes(Ok));
                        if (random.Next(2) == 0)
                        {
                            // At once, or after as long as the next request takes to be sent.
                            Thread.SpinWait(random.Next(20_000));
                            break;
                        }
                    }
                }
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        }
    }

    [Fact]
    public async Task Many_requests_at_once_each_get_their_own_answer()
    {
        using var listener = new ScriptedListener();
        using var transport = Under(listener.BaseUrl);
        using var stop = new CancellationTokenSource();
        var serving = ServeAllAsync();
        await Parallel.ForEachAsync(Enumerable.Range(0, 3_200), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (number, cancellation) =>
        {
            var body = $"{number:0000}";
            Assert.Equal(body, await transport.GetAsync(transport.Request("POST", body)));
        });
        await stop.CancelAsync();
        transport.Dispose();
        await serving;
        Assert.InRange(transport.Transport.IdleCount, 0, IdleConnections.MostIdle);

        async Task ServeAllAsync()
        {
            var connections = new List<Task>();
            try
            {
                while (true)
                {
                    connections.Add(ServeAsync(await listener.AcceptAsync(stop.Token)));
                }
            }
            catch (OperationCanceledException)
            {
                await Task.WhenAll(connections);
            }
        }

        // By turns: a length, chunks, a close that is announced, and bytes that nobody asked for.
        async Task ServeAsync(Socket connection)
        {
            using var owned = connection;
            while (await ScriptedListener.ReadRequestAsync(connection) is { Length: > 0 } request)
            {
                var body = request[^4..];
                await connection.SendAsync(Bytes((body[^1] % 4) switch
                {
                    0 => $"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{body}",
                    1 => $"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{body[0]}\r\n3\r\n{body[1..]}\r\n0\r\n\r\n",
                    2 => $"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n{body}",
                    _ => $"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{body}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
                }));
            }
        }
    }

    [Fact]
    public async Task A_connection_idle_for_55_seconds_is_used_no_more()
    {
        var time = new FakeTimeProvider();
        await using var upstream = new RawUpstream((Bytes(Ok), RawEnding.KeepOpen), (Bytes(Ok), RawEnding.KeepOpen), (Bytes(Ok), RawEnding.KeepOpen));
        using var transport = Under(upstream.BaseUrl, time);
        await transport.GetAsync();
        time.Advance(TimeSpan.FromSeconds(54));
        await transport.GetAsync();
        Assert.Equal(1, upstream.Connections);
        time.Advance(TimeSpan.FromSeconds(66));
        Assert.Equal(0, transport.Transport.IdleCount);
        await transport.GetAsync();
        Assert.Equal(2, upstream.Connections);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nx", "ok")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\n0\r\n\r\n", "ok")]
    public async Task A_body_that_breaks_off_gives_what_there_was_and_then_says_so(string answer, string body)
    {
        await using var upstream = new RawUpstream((Bytes(answer), RawEnding.Fin));
        using var transport = Under(upstream.BaseUrl);
        await using var response = await transport.SendAsync();
        Assert.False(response.EndsWithConnection);
        var read = 0;
        var buffer = new byte[100];
        var broken = await Assert.ThrowsAsync<UpstreamException>(async () =>
        {
            while (await response.ReadAsync(buffer.AsMemory(read), default) is > 0 and var count)
            {
                read += count;
            }
        });
        Assert.False(broken.NothingSent);
        Assert.Equal(body, Encoding.Latin1.GetString(buffer, 0, read));
        await Assert.ThrowsAsync<UpstreamException>(async () => await response.ReadAsync(buffer, default));
    }

    [Fact]
    public async Task A_body_that_only_the_close_ends_says_so()
    {
        await using var upstream = new RawUpstream((Bytes("HTTP/1.1 200 OK\r\n\r\nto the end"), RawEnding.Fin));
        using var transport = Under(upstream.BaseUrl);
        await using var response = await transport.SendAsync();
        Assert.True(response.EndsWithConnection);
        Assert.Equal("to the end", await TransportUnderTest.ReadToEndAsync(response, room: 3));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "Content-Length is there twice")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "changes the protocol unasked")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "bare LF")]
    [InlineData("SSH-2.0-x\r\n", "status line is malformed")]
    [InlineData("", "broke off before it answered")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Le", "broke off before it answered")]
    public async Task What_is_no_head_is_an_upstreams_failure_that_says_why(string answer, string why)
    {
        await using var upstream = new RawUpstream((Bytes(answer), RawEnding.Fin));
        using var transport = Under(upstream.BaseUrl);
        var failed = await Assert.ThrowsAsync<UpstreamException>(() => transport.SendAsync());
        Assert.Contains(why, failed.Message, StringComparison.Ordinal);
        Assert.False(failed.NothingSent);
        Assert.Equal(0, transport.Transport.IdleCount);
    }

    [Fact]
    public async Task The_answer_to_a_HEAD_ends_with_its_head()
    {
        await using var upstream = new RawUpstream((Bytes("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), RawEnding.KeepOpen), (Bytes(Ok), RawEnding.KeepOpen));
        using var transport = Under(upstream.BaseUrl);
        Assert.Empty(await transport.GetAsync(transport.Request("HEAD")));
        Assert.Equal("ok", await transport.GetAsync());
        Assert.Equal(1, upstream.Connections);
    }

    [Fact]
    public async Task A_request_goes_out_byte_for_byte_as_it_should()
    {
        await using var upstream = new RawUpstream((Bytes(Ok), RawEnding.KeepOpen), (Bytes(Ok), RawEnding.KeepOpen), (Bytes(Ok), RawEnding.KeepOpen));
        using var transport = Under(upstream.BaseUrl);
        var host = new Uri(upstream.BaseUrl).Authority;
        await transport.GetAsync(transport.Request("POST", "{}", headers: new HeaderDictionary
        {
            ["x-b"] = "2",
            ["X-A"] = new(["1", "Gr\u00fc\u00dfe"]),
            ["Expect"] = "100-continue",
            ["Connection"] = "keep-alive, x-b",
            ["Cookie"] = new(["a=1", "b=2"]),
        }));
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync("hello"u8.ToArray());
        await pipe.Writer.CompleteAsync();
        await transport.GetAsync(transport.Request("POST", pipe: pipe.Reader));
        await transport.GetAsync();

        Assert.Equal(
            [
                $"POST /v1/x?y=%20 HTTP/1.1\r\nHost: {host}\r\nX-A: 1\r\nX-A: Gr\u00fc\u00dfe\r\nCookie: a=1; b=2\r\nContent-Length: 2\r\n\r\n{{}}",
                $"POST /v1/x?y=%20 HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                $"GET /v1/x?y=%20 HTTP/1.1\r\nHost: {host}\r\n\r\n",
            ],
            upstream.Requests.Select(Encoding.Latin1.GetString));
    }

    [Theory]
    [InlineData("x-evil", "a\r\nx-smuggled: 1")]
    [InlineData("x-evil", "a\nb")]
    [InlineData("x-evil", "a\0")]
    [InlineData("x-evil", "\u0141")]
    [InlineData("x evil", "a")]
    public async Task A_header_that_would_be_another_request_is_not_sent(string name, string value)
    {
        await using var upstream = new RawUpstream();
        using var transport = Under(upstream.BaseUrl);
        var failed = await Assert.ThrowsAsync<UpstreamException>(() => transport.SendAsync(transport.Request(headers: new HeaderDictionary { [name] = value })));
        Assert.True(failed.NothingSent);
        Assert.Empty(upstream.Requests);
    }

    [Theory]
    [InlineData(413, false)]
    [InlineData(200, true)]
    public async Task An_answer_that_comes_before_the_request_has_ended_is_given_on_at_once(int status, bool goesOn)
    {
        using var listener = new ScriptedListener();
        using var transport = Under(listener.BaseUrl);
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync("first"u8.ToArray());
        var request = transport.Request("POST", pipe: pipe.Reader);
        var sending = transport.SendAsync(request);
        using var connection = await listener.AcceptAsync();
        await ScriptedListener.ReadUntilAsync(connection, "first\r\n");
        await connection.SendAsync(Bytes($"HTTP/1.1 {status} x\r\nContent-Length: 2\r\n\r\nok"));

        await using (var response = await sending)
        {
            Assert.Equal((status, "ok"), (response.Status, await TransportUnderTest.ReadToEndAsync(response)));
            await pipe.Writer.WriteAsync("second"u8.ToArray());
            if (goesOn)
            {
                await ScriptedListener.ReadUntilAsync(connection, "second\r\n");
            }
            else
            {
                await request.Body!.StopAsync().WaitAsync(Patience);
            }
        }

        // Its upload never ended: no other request may be taken for the rest of this one.
        Assert.Equal(0, transport.Transport.IdleCount);
        Assert.DoesNotContain("0\r\n\r\n", await ScriptedListener.ReadToEndAsync(connection), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_upstream_that_refuses_and_closes_while_it_is_sent_to_is_heard()
    {
        using var listener = new ScriptedListener();
        using var transport = Under(listener.BaseUrl);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await pipe.Writer.WriteAsync(new byte[8_000_000]);
        var sending = transport.SendAsync(transport.Request("POST", pipe: pipe.Reader));
        using var connection = await listener.AcceptAsync();
        await ScriptedListener.ReadUntilAsync(connection, "\r\n\r\n");
        await connection.SendAsync(Bytes("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"));
        await using var response = await sending;
        Assert.Equal((413, "no"), (response.Status, await TransportUnderTest.ReadToEndAsync(response)));
    }

    [Fact]
    public async Task A_cancelled_request_closes_its_connection_at_once()
    {
        using var listener = new ScriptedListener();
        using var transport = Under(listener.BaseUrl);
        using var leave = new CancellationTokenSource();
        var sending = transport.SendAsync(cancellation: leave.Token);
        using var connection = await listener.AcceptAsync();
        await ScriptedListener.ReadUntilAsync(connection, "\r\n\r\n");
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        Assert.Empty(await ScriptedListener.ReadToEndAsync(connection));
    }

    [Fact]
    public async Task A_client_that_breaks_off_leaves_an_upload_that_never_ended()
    {
        using var listener = new ScriptedListener();
        using var transport = Under(listener.BaseUrl);
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync("first"u8.ToArray());
        var request = transport.Request("POST", pipe: pipe.Reader);
        var sending = transport.SendAsync(request);
        using var connection = await listener.AcceptAsync();
        await ScriptedListener.ReadUntilAsync(connection, "first\r\n");
        await pipe.Writer.CompleteAsync(new BadHttpRequestException("broke off"));
        await Assert.ThrowsAsync<BadHttpRequestException>(() => sending);
        Assert.NotNull(request.Body!.ClientFault);
        Assert.Empty(await ScriptedListener.ReadToEndAsync(connection));
    }

    [Fact]
    public async Task A_port_that_nobody_listens_on_has_been_sent_nothing()
    {
        var listener = new ScriptedListener();
        listener.Dispose();
        using var transport = Under(listener.BaseUrl);
        Assert.True((await Assert.ThrowsAsync<UpstreamException>(() => transport.SendAsync())).NothingSent);
    }

    [Fact]
    public async Task A_name_that_means_nothing_has_been_sent_nothing()
    {
        using var transport = Under("http://no-such-host.invalid:1");
        var failed = await Assert.ThrowsAsync<UpstreamException>(() => transport.SendAsync());
        Assert.True(failed.NothingSent);
        Assert.Contains("no-such-host.invalid", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_address_of_a_name_is_tried()
    {
        // On most hosts localhost is ::1 first, where nobody listens.
        await using var upstream = new RawUpstream((Bytes(Ok), RawEnding.KeepOpen));
        using var transport = Under(upstream.BaseUrl.Replace("127.0.0.1", "localhost", StringComparison.Ordinal));
        Assert.Equal("ok", await transport.GetAsync());
    }

    [Fact]
    public void An_upstream_behind_a_proxy_or_of_HTTP_2_is_left_to_the_platforms_client()
    {
        var proxy = new WebProxy("http://proxy.test:3128") { BypassList = ["^direct\\.test$"] };
        Assert.IsType<SocketsHttpTransport>(UpstreamTransports.For(new UpstreamOptions { BaseUrl = "https://api.test", Transport = UpstreamTransport.Own }, proxy));
        Assert.IsType<SocketsHttpTransport>(UpstreamTransports.For(new UpstreamOptions { BaseUrl = "https://api.test", Transport = UpstreamTransport.Client }, new WebProxy()));
        Assert.IsType<SocketsHttpTransport>(UpstreamTransports.For(new UpstreamOptions { BaseUrl = "http://127.0.0.1:1", HttpVersion = "2", Transport = UpstreamTransport.Own }, proxy));
        Assert.IsType<Http1Transport>(UpstreamTransports.For(new UpstreamOptions { BaseUrl = "http://127.0.0.1:1", Transport = UpstreamTransport.Own }, proxy));
        Assert.IsType<Http1Transport>(UpstreamTransports.For(new UpstreamOptions { BaseUrl = "https://api.test", Transport = UpstreamTransport.Own }, new WebProxy()));
    }

    [Fact]
    public async Task An_upstream_behind_a_proxy_is_reached_through_it()
    {
        using var proxy = new ScriptedListener();
        using var transport = new SocketsHttpTransport(new UpstreamOptions { BaseUrl = "http://api.test" }, new WebProxy(proxy.BaseUrl));
        var request = new UpstreamRequest("GET", new Uri("http://api.test/v1/models"), HttpVersion.Version11, new HeaderDictionary(), new UpstreamCredential(string.Empty), null);
        var sending = transport.SendAsync(request, CancellationToken.None).AsTask();
        using var connection = await proxy.AcceptAsync();
        Assert.StartsWith("GET http://api.test/v1/models HTTP/1.1\r\n", await ScriptedListener.AnswerAsync(connection, Ok), StringComparison.Ordinal);
        await using var response = await sending.WaitAsync(Patience);
        Assert.Equal("ok", await TransportUnderTest.ReadToEndAsync(response));
    }

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    private TransportUnderTest Under(string baseUrl, TimeProvider? time = null, X509ChainPolicy? trust = null) => new(baseUrl, time, trust, loop);
}

/// <summary>On the thread pool, over .NET's sockets.</summary>
public sealed class Http1TransportOverSocketsTests() : Http1TransportTests(null);

/// <summary>On an event loop, over its sockets.</summary>
public sealed class Http1TransportOverLoopsTests() : Http1TransportTests(Loop)
{
    private static readonly EventLoop Loop = new(0);
}
