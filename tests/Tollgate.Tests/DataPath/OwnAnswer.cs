using System.Net;
using System.Text.Json;

namespace Tollgate.Tests.DataPath;

/// <summary>What every answer of Tollgate's own must look like.</summary>
internal static class OwnAnswer
{
    /// <summary>Checks the envelope; returns the sentence that the client prints.</summary>
    public static async Task<string> AssertAsync(HttpResponseMessage response, HttpStatusCode status, string errorType, bool shouldRetry)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(shouldRetry ? "true" : "false", response.Headers.GetValues("x-should-retry").Single());
        using var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        Assert.Equal("error", json.RootElement.GetProperty("type").GetString());
        Assert.Equal(errorType, json.RootElement.GetProperty("error").GetProperty("type").GetString());
        Assert.Equal(response.Headers.GetValues("x-tollgate-request-id").Single(), json.RootElement.GetProperty("request_id").GetString());
        return json.RootElement.GetProperty("error").GetProperty("message").GetString()!;
    }
}
