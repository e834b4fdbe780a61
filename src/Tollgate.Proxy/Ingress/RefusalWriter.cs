using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Ingress;

/// <summary>Writes Tollgate's own answers, in the shape of Anthropic's errors, so that clients treat them as they would the provider's.</summary>
public static class RefusalWriter
{
    /// <summary>Header that carries Tollgate's own request id on every answer.</summary>
    public const string RequestIdHeader = "x-tollgate-request-id";

    // The answer is JSON and never part of a page, so quotes and dots may stay what they are, for whoever reads it raw.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Sends <paramref name="refusal"/> as the whole answer. The answer must not have begun.</summary>
    public static async Task WriteAsync(HttpContext context, Refusal refusal, Guid requestId)
    {
        var response = context.Response;
        response.Clear();
        response.StatusCode = refusal.Status;
        response.ContentType = "application/json";
        response.Headers["x-should-retry"] = refusal.ShouldRetry ? "true" : "false";
        response.Headers[RequestIdHeader] = requestId.ToString();
        if (refusal.RetryAfter > TimeSpan.Zero)
        {
            response.Headers.RetryAfter = ((long)Math.Ceiling(refusal.RetryAfter.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        foreach (var (name, value) in refusal.Headers)
        {
            response.Headers[name] = value;
        }

        var body = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(body, Readable))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, "error"u8);
            json.WriteStartObject("error"u8);
            json.WriteString("type"u8, refusal.ErrorType);
            json.WriteString("message"u8, refusal.Message);
            json.WriteEndObject();
            json.WriteString("request_id"u8, requestId);
            json.WriteEndObject();
        }

        response.ContentLength = body.WrittenCount;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.BodyWriter.WriteAsync(body.WrittenMemory, context.RequestAborted);
        }
    }
}
