using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Tollgate.Testing.Upstream;
using ZstdSharp;

namespace Tollgate.EndToEnd;

/// <summary>The fake upstreams break answers off the way they are told to.</summary>
public sealed class DeliverySelfChecks
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(BodyEncoding.Identity, 0)]
    [InlineData(BodyEncoding.Identity, 1)]
    [InlineData(BodyEncoding.Identity, int.MaxValue)]
    [InlineData(BodyEncoding.Gzip, 0)]
    [InlineData(BodyEncoding.Brotli, 7)]
    [InlineData(BodyEncoding.Deflate, 0)]
    [InlineData(BodyEncoding.Zstd, 0)]
    public async Task A_stream_is_whole_in_every_encoding_and_cut(BodyEncoding encoding, int pieceBytes)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("grüße 🙂") with { Delivery = Delivery.Plain with { Encoding = encoding, PieceBytes = pieceBytes, LineEnd = "\r\n" } });
        using var http = new HttpClient(new HttpClientHandler { AutomaticDecompression = DecompressionMethods.All });
        using var response = await SendAsync(http, upstream.BaseUrl);
        var body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        await using var decoded = encoding == BodyEncoding.Zstd ? new DecompressionStream(body) : body;
        using var reader = new StreamReader(decoded);
        var text = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.EndsWith("event: message_stop\r\ndata: {\"type\":\"message_stop\"}\r\n\r\n", text);
        Assert.Contains("grüße", text);
    }

    [Theory]
    [InlineData(Ending.Reset)]
    [InlineData(Ending.FinWithoutLastChunk)]
    public async Task A_cut_stream_ends_as_its_plan_says(Ending ending)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("ok") with { Delivery = new Delivery { Ending = ending, EndAfterEvents = 2 } });
        using var http = new HttpClient();

        // A reset may overtake the head that was sent before it.
        var failure = await Assert.ThrowsAsync<HttpRequestException>(async () =>
        {
            using var response = await SendAsync(http, upstream.BaseUrl);
            await ReadAllAsync(response);
        });

        if (ending == Ending.Reset)
        {
            var socket = Assert.IsType<SocketException>(failure.InnerException?.InnerException);
            Assert.Equal(SocketError.ConnectionReset, socket.SocketErrorCode);
        }
        else
        {
            Assert.Equal(HttpRequestError.ResponseEnded, failure.HttpRequestError);
        }

        Assert.Equal(RequestEnd.CutByPlan, await upstream.Requests.Single().End.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_short_stream_ends_properly()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("ok") with { Delivery = Delivery.CleanEndAfter(2) });
        using var http = new HttpClient();
        using var response = await SendAsync(http, upstream.BaseUrl);
        var text = await ReadAllAsync(response);

        Assert.Contains("message_start", text);
        Assert.DoesNotContain("message_stop", text);
    }

    [Fact]
    public async Task A_caller_that_leaves_a_stalled_stream_is_noticed()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("ok") with { Delivery = Delivery.StallAfter(1) });
        using (var http = new HttpClient())
        {
            using var response = await SendAsync(http, upstream.BaseUrl);
            Assert.False(upstream.Requests.Single().End.IsCompleted);
        }

        Assert.Equal(RequestEnd.AbortedByCaller, await upstream.Requests.Single().End.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_answer_before_the_upload_does_not_wait_for_the_body()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.BeforeUpload(static request => request.Header("x-refuse") == "1", Reply.Error(413));
        using var http = new HttpClient();
        using var request = Post(upstream.BaseUrl);
        request.Headers.Add("x-refuse", "1");
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.True(upstream.Requests.Single().Body.IsEmpty);
    }

    [Fact]
    public async Task Tls_offers_http_2()
    {
        await using var upstream = await FakeUpstream.StartAsync(tls: true);
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, given, _, _) => given!.Thumbprint == upstream.Certificate!.Thumbprint };
        using var http = new HttpClient(handler) { DefaultRequestVersion = HttpVersion.Version20 };
        using var response = await SendAsync(http, upstream.BaseUrl, HttpVersion.Version20);
        await ReadAllAsync(response);

        Assert.Equal("HTTP/2", upstream.Requests.Single().Protocol);
    }

    [Fact]
    public async Task An_echo_is_what_its_seed_says()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        var sent = EchoBody.Of(7, 300_000);
        using var http = new HttpClient();
        using var content = new ByteArrayContent(sent);
        using var response = await http.PostAsync(new Uri(upstream.BaseUrl + "/any/path?seed=9&bytes=500000"), content, TestContext.Current.CancellationToken);

        Assert.Equal(EchoBody.Of(9, 500_000), await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(sent)), response.Headers.GetValues(EchoBody.ReceivedHashHeader).Single());
    }

    [Fact]
    public async Task Raw_bytes_are_sent_as_given_and_a_wrong_length_shows()
    {
        var answer = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort");
        await using var upstream = new RawUpstream((answer, RawEnding.Fin), (answer, RawEnding.Reset));
        using var http = new HttpClient();
        for (var call = 0; call < 2; call++)
        {
            await Assert.ThrowsAnyAsync<Exception>(async () =>
            {
                using var response = await SendAsync(http, upstream.BaseUrl);
                await ReadAllAsync(response);
            });
        }

        var requests = await upstream.WaitForRequestsAsync(2, Patience);
        Assert.All(requests, static request => Assert.EndsWith("\"stream\":true}", Encoding.ASCII.GetString(request)));
        Assert.Equal(2, upstream.Connections);
    }

    private static HttpRequestMessage Post(string baseUrl) => new(HttpMethod.Post, baseUrl + "/v1/messages")
    {
        Content = new StringContent("{\"model\":\"claude-opus-5-5\",\"max_tokens\":8,\"messages\":[],\"stream\":true}"),
    };

    private static async Task<HttpResponseMessage> SendAsync(HttpClient http, string baseUrl, Version? version = null)
    {
        using var request = Post(baseUrl);
        request.Version = version ?? HttpVersion.Version11;
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    private static Task<string> ReadAllAsync(HttpResponseMessage response) => response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
}
