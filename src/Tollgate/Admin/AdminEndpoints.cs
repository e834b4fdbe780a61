using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Admin;

/// <summary>What operators ask: <c>/metrics</c>, <c>/healthz</c>, <c>/readyz</c>.</summary>
internal sealed class AdminEndpoints(GatewayMetrics metrics, Readiness readiness)
{
    private const string Help = """
        Tollgate, admin listener.

          /metrics   Prometheus
          /healthz   whether the process is alive, and its version
          /readyz    whether gateway, configuration, storage and schema are well; 503 with the reason when one is not

        """;

    private static readonly string Version =
        typeof(AdminEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? string.Empty;

    /// <summary>Serves one request; the terminal middleware of the admin listener.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = "GET, HEAD";
            return Task.CompletedTask;
        }

        context.Response.Headers.CacheControl = "no-store";
        return context.Request.Path.Value switch
        {
            "/metrics" => WriteMetricsAsync(context),
            "/healthz" => WriteHealthAsync(context),
            "/readyz" => WriteReadinessAsync(context),
            "/" => WriteTextAsync(context, StatusCodes.Status200OK, Help),
            var path => WriteTextAsync(context, StatusCodes.Status404NotFound, $"Nothing is at {path}.\n\n{Help}"),
        };
    }

    private async Task WriteMetricsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await metrics.Registry.CollectAndExportAsTextAsync(context.Response.Body, context.RequestAborted);
    }

    private static Task WriteHealthAsync(HttpContext context) => WriteJsonAsync(context, StatusCodes.Status200OK, static json =>
    {
        json.WriteString("status", "ok");
        json.WriteString("version", Version);
        json.WriteString("runtime", RuntimeInformation.FrameworkDescription);
    });

    private async Task WriteReadinessAsync(HttpContext context)
    {
        var parts = await readiness.CheckAsync(context.RequestAborted);
        var isReady = parts.All(static part => part.Value is null);
        await WriteJsonAsync(context, isReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable, json =>
        {
            json.WriteString("status", isReady ? "ready" : "not ready");
            json.WriteStartObject("parts");
            foreach (var (part, problem) in parts)
            {
                json.WriteString(part, problem ?? "ok");
            }

            json.WriteEndObject();
        });
    }

    private static Task WriteTextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    private static async Task WriteJsonAsync(HttpContext context, int status, Action<Utf8JsonWriter> write)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        write(json);
        json.WriteEndObject();
    }
}
