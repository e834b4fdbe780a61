using System.Net;
using Tollgate.Demo.Team;
using Tollgate.Proxy.Facts;

namespace Tollgate.Demo.Live;

/// <summary>Sends planned attempts through the gateway with the headers that Claude Code sends.</summary>
/// <param name="proxy">The gateway's address.</param>
/// <param name="keys">Virtual keys by developer.</param>
/// <param name="time">The clock.</param>
internal sealed class LiveClient(string proxy, IReadOnlyDictionary<string, string> keys, TimeProvider time) : IDisposable
{
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30) });

    /// <summary>Sends one and reads its answer to the end, all of it <paramref name="speed"/> times as fast as planned.</summary>
    public async Task<CallResult> SendAsync(Session session, PlannedCall call, double speed, CancellationToken cancellationToken)
    {
        using var request = Request(session, call, speed);

        // A timer for a developer who stops it, linked with the end of the demo.
        using var stop = call.Ending == CallEnding.Aborted
            ? new CancellationTokenSource((call.FirstToken + ((call.Duration - call.FirstToken) / 2)) / speed, time)
            : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, cancellationToken);
        try
        {
            using var response = await _http.SendAsync(request, either.Token);
            await using var body = await response.Content.ReadAsStreamAsync(either.Token);
            await body.CopyToAsync(Stream.Null, either.Token);
            var isRefused = response.StatusCode == HttpStatusCode.TooManyRequests && response.Headers.TryGetValues("x-should-retry", out var retry) && retry.Contains("false");
            return isRefused ? CallResult.Refused
                : response.IsSuccessStatusCode && call.Ending is CallEnding.Completed or CallEnding.Aborted ? CallResult.Answered
                : CallResult.Failed;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return CallResult.Stopped;
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            return CallResult.Failed;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private HttpRequestMessage Request(Session session, PlannedCall call, double speed)
    {
        var path = call.Operation == Operation.CountTokens ? "/v1/messages/count_tokens" : "/v1/messages";
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"{proxy}/anthropic{path}?beta=true"))
        {
            Content = new PromptBody(call.Model, call.RequestBytes, call.IsStream),
        };
        var headers = request.Headers;
        headers.Add("x-api-key", keys[session.Developer.Name]);
        headers.Add("anthropic-version", "2023-06-01");
        headers.Add("x-app", "cli");
        headers.Add("x-project", session.Project);
        headers.Add("x-claude-code-session-id", session.Id.ToString());
        headers.TryAddWithoutValidation("User-Agent", "claude-cli/2.1.330 (external, cli)");
        Add(headers, "x-claude-code-request-class", call.RequestClass);
        Add(headers, "x-claude-code-prompt-id", call.PromptId);
        Add(headers, "x-claude-code-agent-id", call.Agent?.Id);
        Add(headers, "x-claude-code-parent-agent-id", call.Agent?.ParentId);
        Add(headers, "x-claude-code-agent-type", call.Agent?.Kind);
        headers.Add(AnswerPlan.Header, AnswerPlan.Of(call, speed).Write());
        return request;

        static void Add(System.Net.Http.Headers.HttpRequestHeaders headers, string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                headers.Add(name, value);
            }
        }
    }
}
