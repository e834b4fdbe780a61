using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Tollgate.Testing.Upstream;

/// <summary>What the fake answers besides inference calls: probes, token counts, models, and echoes of any other path.</summary>
internal static class OtherEndpoints
{
    private static readonly string[] Models = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-4-8"];

    public static async Task<RequestEnd> AnswerAsync(HttpContext http, RecordedRequest request)
    {
        switch (request.Method, request.Path)
        {
            case ("HEAD", _):
                return RequestEnd.Answered;

            case ("POST", "/v1/messages/count_tokens"):
                return await JsonAsync(http, new JsonObject { ["input_tokens"] = request.Body.Length / 4 });

            case ("GET", "/v1/models"):
                return await JsonAsync(http, new JsonObject
                {
                    ["data"] = new JsonArray([.. Models.Select(static JsonNode (id) => new JsonObject
                    {
                        ["type"] = "model",
                        ["id"] = id,
                        ["display_name"] = id,
                        ["created_at"] = "2026-01-01T00:00:00Z",
                    })]),
                    ["has_more"] = false,
                    ["first_id"] = Models[0],
                    ["last_id"] = Models[^1],
                });

            default:
                return await EchoAsync(http, request);
        }
    }

    private static async Task<RequestEnd> JsonAsync(HttpContext http, JsonNode body)
    {
        http.Response.ContentType = "application/json";
        await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(MessageText.Json(body)), http.RequestAborted);
        return RequestEnd.Answered;
    }

    /// <summary>Answers <see cref="EchoBody"/> of the query's <c>seed</c> and <c>bytes</c> in chunks of random sizes.</summary>
    private static async Task<RequestEnd> EchoAsync(HttpContext http, RecordedRequest request)
    {
        var seed = int.TryParse(http.Request.Query["seed"], out var given) ? given : 1;
        var length = int.TryParse(http.Request.Query["bytes"], out var bytes) ? bytes : 1024;
        var body = EchoBody.Of(seed, length);
        http.Response.ContentType = "application/octet-stream";
        http.Response.Headers[EchoBody.ReceivedHashHeader] = request.BodySha256;
        foreach (var chunk in EchoBody.Chunks(seed, body))
        {
            await http.Response.Body.WriteAsync(chunk, http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
        }

        return RequestEnd.Answered;
    }
}
