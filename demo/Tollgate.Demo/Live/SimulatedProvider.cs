using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Tollgate.Demo.Team;

namespace Tollgate.Demo.Live;

/// <summary>A provider that speaks Anthropic's Messages API and thinks nothing: it answers as an <see cref="AnswerPlan"/> says.</summary>
/// <remarks>A request without a plan, such as a real Claude Code's, gets a sentence; its tokens are guessed from its length.</remarks>
internal sealed class SimulatedProvider : IAsyncDisposable
{
    private const string Sentence = "This is the demo's simulated provider: it has no model, and only counts what you send. ";

    private readonly WebApplication _application;
    private readonly TimeProvider _time;
    private long _answers;

    private SimulatedProvider(TimeProvider time)
    {
        _time = time;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(static kestrel => kestrel.Limits.MaxRequestBodySize = null);
        _application = builder.Build();
        _application.MapPost("/v1/messages", AnswerAsync);
        _application.MapPost("/v1/messages/count_tokens", CountAsync);
        _application.MapGet("/v1/models", static () => Results.Json(new JsonObject { ["data"] = new JsonArray(), ["has_more"] = false }));
    }

    /// <summary>Where it listens.</summary>
    public string Address => _application.Urls.First();

    /// <summary>Starts one on a free port.</summary>
    public static async Task<SimulatedProvider> StartAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var provider = new SimulatedProvider(time);
        await provider._application.StartAsync(cancellationToken);
        return provider;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task CountAsync(HttpContext http)
    {
        var body = await BodyHead.ReadAsync(http.Request);
        await http.Response.WriteAsJsonAsync(new JsonObject { ["input_tokens"] = body.Length / 4 }, http.RequestAborted);
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var body = await BodyHead.ReadAsync(http.Request);
        var number = Interlocked.Increment(ref _answers);
        http.Response.Headers["request-id"] = string.Create(CultureInfo.InvariantCulture, $"req_demo{number:D16}");
        var plan = AnswerPlan.Parse(http.Request.Headers[AnswerPlan.Header]) ?? new AnswerPlan { Stream = body.IsStream, FirstMs = 300, TotalMs = 900, Input = body.Length / 4, Output = 22 };
        var answer = new MessageAnswer(plan, body.Model, string.Create(CultureInfo.InvariantCulture, $"msg_demo{number:D16}"), Sentence);
        try
        {
            switch (plan.Ending)
            {
                case CallEnding.Overloaded:
                    await ErrorAsync(http, 529, "overloaded_error", "Overloaded");
                    break;
                case CallEnding.RateLimited:
                    await ErrorAsync(http, 429, "rate_limit_error", "Number of request tokens has exceeded your per-minute rate limit.");
                    break;
                case CallEnding.ServerError:
                    await ErrorAsync(http, 500, "api_error", "Internal server error");
                    break;
                case var _ when plan.Stream:
                    await StreamAsync(http, plan, answer);
                    break;
                default:
                    await PauseAsync(plan.TotalMs, http);
                    http.Response.ContentType = "application/json";
                    await http.Response.Body.WriteAsync(answer.Whole(), http.RequestAborted);
                    break;
            }
        }
        catch (OperationCanceledException)
        {
            // The developer stopped it.
        }
    }

    private async Task StreamAsync(HttpContext http, AnswerPlan plan, MessageAnswer answer)
    {
        http.Response.ContentType = "text/event-stream; charset=utf-8";
        http.Response.Headers.CacheControl = "no-cache";
        await SendAsync(http, answer.Start());
        await PauseAsync(plan.FirstMs, http);
        var pieces = answer.Pieces;
        var sent = plan.Ending == CallEnding.Completed ? pieces : Math.Max(1, pieces / 2);
        for (var piece = 0; piece < sent; piece++)
        {
            await SendAsync(http, answer.Piece(piece));
            await PauseAsync((plan.TotalMs - plan.FirstMs) / pieces, http);
        }

        switch (plan.Ending)
        {
            case CallEnding.ErrorEvent:
                await SendAsync(http, MessageAnswer.Error("overloaded_error", "Overloaded"));
                break;
            case CallEnding.Truncated:
                http.Abort();
                break;
            default:
                await SendAsync(http, answer.End());
                break;
        }
    }

    private static async Task ErrorAsync(HttpContext http, int status, string type, string message)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(MessageAnswer.ErrorBody(type, message), http.RequestAborted);
    }

    private static async Task SendAsync(HttpContext http, byte[] events)
    {
        await http.Response.Body.WriteAsync(events, http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
    }

    private Task PauseAsync(int milliseconds, HttpContext http) =>
        milliseconds <= 0 ? Task.CompletedTask : Task.Delay(TimeSpan.FromMilliseconds(milliseconds), _time, http.RequestAborted);
}
