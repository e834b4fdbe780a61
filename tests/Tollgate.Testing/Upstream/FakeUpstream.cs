using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Tollgate.Testing.Upstream;

/// <summary>An upstream on a loopback port that speaks Anthropic's Messages API as far as the real clients need it.</summary>
/// <remarks>
/// Records every request and every reply it served. <see cref="Script"/> says what it answers; without one, every inference call
/// gets the text "ok" and the usage of <see cref="TokenFigures.OfReply"/>.
/// </remarks>
public sealed class FakeUpstream : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Journal<RecordedRequest> _requests = new();
    private readonly Journal<ServedReply> _replies = new();
    private int _ordinal;

    private FakeUpstream(WebApplication app, X509Certificate2? certificate)
    {
        _app = app;
        Certificate = certificate;
    }

    /// <summary>What it answers.</summary>
    public Script Script { get; } = new();

    /// <summary>Scheme, host and port, without a slash at the end.</summary>
    public string BaseUrl { get; private set; } = string.Empty;

    /// <summary>The certificate made for this run; null without TLS.</summary>
    public X509Certificate2? Certificate { get; }

    /// <summary>Every request so far.</summary>
    public IReadOnlyList<RecordedRequest> Requests => _requests.All;

    /// <summary>Every inference call so far.</summary>
    public IReadOnlyList<RecordedRequest> MessageRequests => [.. Requests.Where(static request => request.IsMessages)];

    /// <summary>Every answer to an inference call so far.</summary>
    public IReadOnlyList<ServedReply> Replies => _replies.All;

    /// <summary>Starts a fake on an ephemeral loopback port.</summary>
    /// <param name="tls">Serve https with a certificate of its own, offering HTTP/2 and HTTP/1.1.</param>
    public static async Task<FakeUpstream> StartAsync(bool tls = false)
    {
        var certificate = tls ? LoopbackCertificate.Create() : null;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.RequestHeaderEncodingSelector = static _ => System.Text.Encoding.Latin1;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = tls ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1;
                if (certificate is not null)
                {
                    listen.UseHttps(certificate);
                }

                listen.Use(RequestHeads.Capture);
            });
            if (tls)
            {
                kestrel.ConfigureHttpsDefaults(static https => https.ClientCertificateMode = ClientCertificateMode.NoCertificate);
            }
        });
        var app = builder.Build();
        var fake = new FakeUpstream(app, certificate);
        app.Run(fake.ServeAsync);
        await app.StartAsync();
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        fake.BaseUrl = addresses.Addresses.Single();
        return fake;
    }

    /// <summary>Every request, once there are <paramref name="count"/>.</summary>
    public Task<IReadOnlyList<RecordedRequest>> WaitForRequestsAsync(int count, TimeSpan timeout) => _requests.WaitForAsync(count, timeout);

    /// <summary>Every reply, once there are <paramref name="count"/>.</summary>
    public Task<IReadOnlyList<ServedReply>> WaitForRepliesAsync(int count, TimeSpan timeout) => _replies.WaitForAsync(count, timeout);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            await _app.StopAsync(now.Token);
        }
        catch (OperationCanceledException)
        {
            // A stalled answer of a test that has ended.
        }

        await _app.DisposeAsync();
        Certificate?.Dispose();
    }

    private async Task ServeAsync(HttpContext http)
    {
        var request = Record(http);
        try
        {
            request.SetEnd(await AnswerAsync(http, request));
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ConnectionAbortedException or Microsoft.AspNetCore.Http.BadHttpRequestException)
        {
            request.SetEnd(RequestEnd.AbortedByCaller);
        }
    }

    private async Task<RequestEnd> AnswerAsync(HttpContext http, RecordedRequest request)
    {
        if (!request.IsMessages)
        {
            await ReadBodyAsync(http, request);
            http.Response.Headers["request-id"] = Reply.NewId("req_");
            return await OtherEndpoints.AnswerAsync(http, request);
        }

        // A plan that answers before the upload can only be chosen by the head.
        var plan = Script.TakeEarly(request);
        if (plan is null)
        {
            await ReadBodyAsync(http, request);
            plan = Script.Take(request);
        }

        return plan.Body is { } body ? await AnswerBodyAsync(http, request, plan, body) : await AnswerMessageAsync(http, request, plan);
    }

    private async Task<RequestEnd> AnswerBodyAsync(HttpContext http, RecordedRequest request, Reply plan, ReadOnlyMemory<byte> body)
    {
        var requestId = Head(http, plan, plan.BodyType);
        _replies.Add(_ => new ServedReply(request, plan, 0, request.Model, null, string.Empty, requestId));
        if (plan.Delivery.Encoding == BodyEncoding.Identity && plan.Delivery.Ending == Ending.Whole)
        {
            http.Response.ContentLength = body.Length;
        }

        return await ReplyWriter.WriteAsync(http, plan.Delivery, [body.ToArray()]);
    }

    private async Task<RequestEnd> AnswerMessageAsync(HttpContext http, RecordedRequest request, Reply plan)
    {
        var ordinal = Interlocked.Increment(ref _ordinal);
        var figures = plan.Usage(TokenFigures.OfReply(ordinal));
        var model = plan.Model ?? request.Model;
        var messageId = Reply.NewId("msg_");
        var requestId = Head(http, plan, request.WantsStream ? "text/event-stream; charset=utf-8" : "application/json");
        _replies.Add(_ => new ServedReply(request, plan, ordinal, model, figures, messageId, requestId));
        if (request.WantsStream)
        {
            http.Response.Headers.CacheControl = "no-cache";
            return await ReplyWriter.WriteAsync(http, plan.Delivery, MessageText.Events(plan, figures, model, messageId));
        }

        return await ReplyWriter.WriteAsync(http, plan.Delivery, [MessageText.Whole(plan, figures, model, messageId)]);
    }

    private static string Head(HttpContext http, Reply plan, string contentType)
    {
        var requestId = Reply.NewId("req_");
        http.Response.StatusCode = plan.Status;
        http.Response.ContentType = contentType;
        http.Response.Headers["request-id"] = requestId;
        foreach (var (name, value) in plan.Headers)
        {
            http.Response.Headers.Append(name, value);
        }

        return requestId;
    }

    private RecordedRequest Record(HttpContext http)
    {
        byte[] head = http.Request.Protocol == "HTTP/2" ? [] : http.Features.Get<RequestHeads>()!.Take();
        var target = http.Features.Get<IHttpRequestFeature>()!.RawTarget;
        RecordedRequest? recorded = null;
        _requests.Add(number => recorded = new RecordedRequest
        {
            Number = number,
            ConnectionId = http.Connection.Id,
            Protocol = http.Request.Protocol,
            Method = http.Request.Method,
            Target = target,
            RawHead = head,
            Headers = head.Length > 0
                ? RequestHeads.Fields(head)
                : [.. http.Request.Headers.SelectMany(static header => header.Value.Select(value => new KeyValuePair<string, string>(header.Key, value ?? string.Empty)))],
        });
        return recorded!;
    }

    private static async Task ReadBodyAsync(HttpContext http, RecordedRequest request)
    {
        using var body = new MemoryStream();
        try
        {
            await http.Request.Body.CopyToAsync(body, http.RequestAborted);
            request.SetBody(body.ToArray(), complete: true);
        }
        catch
        {
            request.SetBody(body.ToArray(), complete: false);
            throw;
        }
        finally
        {
            http.Features.Get<RequestHeads>()?.Forget();
        }
    }
}
