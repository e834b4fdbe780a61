using System.Globalization;
using System.Text.Json.Nodes;

namespace Tollgate.EndToEnd.Clients;

/// <summary>Calls with the official JavaScript SDK, run by node.</summary>
internal static class JsSdk
{
    /// <summary>One call; <c>sdk.mjs</c> says what comes back.</summary>
    public static async Task<JsonNode> CallAsync(
        string baseUrl, string model, bool stream, int maxRetries, CancellationToken cancellationToken, string secret = "sk-ant-api03-end-to-end")
    {
        var directory = RepositoryRoot.File("tests", "Tollgate.EndToEnd", "clients");
        var finished = await ChildProcess.RunAsync(
            "node",
            ["sdk.mjs", baseUrl, model, stream ? "stream" : "whole", maxRetries.ToString(CultureInfo.InvariantCulture)],
            directory,
            new Dictionary<string, string> { ["ANTHROPIC_API_KEY"] = secret },
            string.Empty,
            TimeSpan.FromSeconds(60),
            cancellationToken);
        return finished.ExitCode == 0
            ? JsonNode.Parse(finished.Output)!
            : throw new InvalidOperationException($"node ended with {finished.ExitCode}. Installed? npm ci --prefix tests/Tollgate.EndToEnd/clients\n{finished.Error}");
    }
}
