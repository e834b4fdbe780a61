using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tollgate.Cli;

/// <summary>Asks a running gateway's admin API for a verb.</summary>
/// <param name="url">Where the admin listener is.</param>
/// <param name="token">What to present; never printed.</param>
internal sealed class AdminClient(Uri url, string token) : IDisposable
{
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(10) });

    /// <summary>An answer of the API.</summary>
    /// <param name="Body">What it answered; null for nothing.</param>
    /// <param name="ETag">The object's revision; null when it has none.</param>
    internal sealed record Answer(JsonNode? Body, string? ETag);

    /// <summary>Sends a request.</summary>
    /// <exception cref="AdminRequestException">It was refused, or could not be sent.</exception>
    public async Task<Answer> SendAsync(HttpMethod method, string path, JsonNode? body, string? ifMatch, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, new Uri(url, path));
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        }

        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        try
        {
            using var response = await _http.SendAsync(request, cancellation);
            var text = await response.Content.ReadAsStringAsync(cancellation);
            var json = text.Length == 0 ? null : JsonNode.Parse(text);
            return response.IsSuccessStatusCode ? new Answer(json, response.Headers.ETag?.Tag) : throw Refused((int)response.StatusCode, json);
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or IOException)
        {
            throw new AdminRequestException(0, $"The gateway's admin listener at {url} can't be reached: {exception.Message} Is it running, and is --url right?");
        }
        catch (JsonException)
        {
            throw new AdminRequestException(0, $"What answers at {url} is not Tollgate's admin API. Correct --url.");
        }
    }

    /// <summary>Every entry of a list, page by page.</summary>
    public async Task<JsonArray> ListAsync(string path, CancellationToken cancellation)
    {
        var all = new JsonArray();
        for (string? after = null; ;)
        {
            var page = (await SendAsync(HttpMethod.Get, $"{path}?limit=1000{(after is null ? string.Empty : $"&after={Uri.EscapeDataString(after)}")}", null, null, cancellation)).Body!;
            foreach (var entry in page["data"]!.AsArray())
            {
                all.Add(entry!.DeepClone());
            }

            after = page["next"]?.GetValue<string>();
            if (after is null)
            {
                return all;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static AdminRequestException Refused(int status, JsonNode? problem)
    {
        var errors = problem?["errors"]?.AsArray();
        var text = errors is { Count: > 0 }
            ? string.Join(Environment.NewLine, errors.Select(static error => $"{error!["field"]}: {error["message"]}"))
            : problem?["detail"]?.GetValue<string>() ?? $"The gateway answered {status}.";
        return new AdminRequestException(status, text);
    }
}

/// <summary>The admin API refused a request, or could not be asked.</summary>
/// <param name="status">The answer's status; 0 for none.</param>
/// <param name="message">What to print.</param>
internal sealed class AdminRequestException(int status, string message) : Exception(message)
{
    /// <summary>The answer's status; 0 for none.</summary>
    public int Status { get; } = status;

    /// <summary>What the verb exits with.</summary>
    public int ExitCode => Status == StatusCodes.Status400BadRequest ? ExitCodes.WrongUse : ExitCodes.Failed;
}
