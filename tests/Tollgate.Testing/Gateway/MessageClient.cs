using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Tollgate.Testing.Gateway;

/// <summary>What a call of <see cref="MessageClient"/> saw.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="RequestId"><c>x-tollgate-request-id</c>.</param>
/// <param name="SentSha256">Lower-case hex SHA-256 of the body sent.</param>
/// <param name="Text">The answer as far as it came.</param>
/// <param name="IsBroken">The answer broke off.</param>
public sealed record MessageAnswer(int Status, Guid RequestId, string SentSha256, string Text, bool IsBroken)
{
    /// <summary>A good stream, told to its last event.</summary>
    public bool IsWholeStream => Status == 200 && !IsBroken && Text.EndsWith("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", StringComparison.Ordinal);
}

/// <summary>Plain calls, where many are needed or where one has to misbehave.</summary>
public sealed class MessageClient : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(60) };

    /// <summary>A client that presents a virtual key and says in which session it is; none when they are empty.</summary>
    public MessageClient(string key = "", string session = "")
    {
        if (session.Length > 0)
        {
            _http.DefaultRequestHeaders.Add("x-claude-code-session-id", session);
        }

        if (key.Length > 0)
        {
            _http.DefaultRequestHeaders.Add("x-tollgate-key", key);
        }
    }

    /// <summary>Calls and reads to the end, good or broken.</summary>
    public async Task<MessageAnswer> CallAsync(string baseUrl, CancellationToken cancellationToken, string model = "claude-opus-4-8", bool stream = true)
    {
        var body = Body(model, stream);
        using var response = await SendAsync(baseUrl, body, cancellationToken);
        var text = new StringBuilder();
        var isBroken = false;
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken), Encoding.UTF8);
        var buffer = new char[4096];
        try
        {
            for (int read; (read = await reader.ReadAsync(buffer, cancellationToken)) > 0;)
            {
                text.Append(buffer, 0, read);
            }
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException)
        {
            isBroken = true;
        }

        var id = Guid.Parse(response.Headers.GetValues("x-tollgate-request-id").Single());
        return new MessageAnswer((int)response.StatusCode, id, Convert.ToHexStringLower(SHA256.HashData(body)), text.ToString(), isBroken);
    }

    /// <summary>Calls, reads some bytes of the answer and goes away.</summary>
    public async Task AbortAsync(string baseUrl, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(baseUrl, Body("claude-opus-4-8", stream: true), cancellationToken);
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        await stream.ReadExactlyAsync(new byte[16], cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendAsync(string baseUrl, byte[] body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(baseUrl + "/v1/messages")) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("x-api-key", "sk-ant-api03-end-to-end");
        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    private static byte[] Body(string model, bool stream) => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["model"] = model,
        ["max_tokens"] = 64,
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = $"grüße {Guid.NewGuid()} 🙂" }),
        ["stream"] = stream,
    }.ToJsonString());
}
