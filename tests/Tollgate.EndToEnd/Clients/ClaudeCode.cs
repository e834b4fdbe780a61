using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Tollgate.EndToEnd.Clients;

/// <summary>Which credential the CLI is given, and so which header it sends.</summary>
internal enum ClaudeCredential
{
    /// <summary><c>ANTHROPIC_API_KEY</c>: <c>x-api-key</c>.</summary>
    ApiKey,

    /// <summary><c>ANTHROPIC_AUTH_TOKEN</c>: <c>Authorization: Bearer</c>.</summary>
    AuthToken,

    /// <summary><c>CLAUDE_CODE_OAUTH_TOKEN</c>: <c>Authorization: Bearer</c>, and writes to the one-hour cache.</summary>
    OAuthToken,
}

/// <summary>One run of the CLI in print mode.</summary>
internal sealed record ClaudeRun
{
    /// <summary>Where it sends its calls.</summary>
    public required string BaseUrl { get; init; }

    /// <summary>User prompts of one session, in order.</summary>
    public required IReadOnlyList<string> Prompts { get; init; }

    /// <summary>Model; empty for the CLI's default.</summary>
    public string Model { get; init; } = "claude-opus-4-8";

    /// <summary>Kind of credential.</summary>
    public ClaudeCredential Credential { get; init; }

    /// <summary>The credential.</summary>
    public string Secret { get; init; } = "sk-ant-api03-end-to-end";

    /// <summary>Tools it may run without asking.</summary>
    public IReadOnlyList<string> AllowedTools { get; init; } = [];

    /// <summary>More environment; wins over the driver's.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>More arguments.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>When the run is given up and its processes are killed.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(180);
}

/// <summary>What the CLI said of a run.</summary>
internal sealed record ClaudeResult
{
    /// <summary>Exit code.</summary>
    public required int ExitCode { get; init; }

    /// <summary>The last <c>result</c> object printed; null when there was none.</summary>
    public required JsonNode? Json { get; init; }

    /// <summary>Every object printed, one per line of output.</summary>
    public required IReadOnlyList<JsonNode> Messages { get; init; }

    /// <summary>Standard error.</summary>
    public required string Error { get; init; }

    /// <summary>From start to exit.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Lines of every transcript the run wrote: the session's, then its sub-agents'.</summary>
    public required IReadOnlyList<JsonNode> Transcript { get; init; }

    /// <summary><c>total_cost_usd</c> to the trillionth of a dollar, -1 when there is none.</summary>
    /// <remarks>The CLI adds in binary floating point and prints, say, 0.058674000000000004; a ledger's nano-dollars are far above that noise.</remarks>
    public decimal TotalCostUsd => Json?["total_cost_usd"] is { } cost
        ? decimal.Round(decimal.Parse(cost.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture), 12)
        : -1;

    /// <summary><c>session_id</c>.</summary>
    public string SessionId => Json?["session_id"]?.GetValue<string>() ?? string.Empty;

    /// <summary><c>is_error</c>; true when there is no result at all.</summary>
    public bool IsError => Json?["is_error"]?.GetValue<bool>() ?? true;

    /// <summary><c>result</c>: the last answer's text.</summary>
    public string Text => Json?["result"]?.GetValue<string>() ?? string.Empty;

    /// <summary><c>modelUsage</c>: figures by model, sub-agents and compaction included.</summary>
    public JsonObject ModelUsage => Json?["modelUsage"] as JsonObject ?? [];
}

/// <summary>Runs the real Claude Code CLI, offline, with a home of its own.</summary>
/// <remarks>
/// Installed by <c>npm ci --prefix tests/Tollgate.EndToEnd/clients</c>. The native executable is started directly, so that neither Node's
/// version nor npm's permission for install scripts matters.
/// </remarks>
internal static class ClaudeCode
{
    private static readonly string Executable = RepositoryRoot.File(
        "tests",
        "Tollgate.EndToEnd",
        "clients",
        "node_modules",
        "@anthropic-ai",
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "claude-code-linux-arm64" : "claude-code-linux-x64",
        "claude");

    /// <summary>Runs one session to its end.</summary>
    /// <exception cref="InvalidOperationException">The client is not installed.</exception>
    /// <exception cref="TimeoutException">It did not end in time.</exception>
    public static async Task<ClaudeResult> RunAsync(ClaudeRun run, CancellationToken cancellationToken)
    {
        if (!File.Exists(Executable))
        {
            throw new InvalidOperationException("Claude Code is not installed. Run: npm ci --prefix tests/Tollgate.EndToEnd/clients");
        }

        using var home = new TemporaryDirectory();
        var configuration = home.Subdirectory("config");
        var work = home.Subdirectory("work");
        var arguments = new List<string> { "--print", "--verbose", "--input-format", "stream-json", "--output-format", "stream-json" };
        if (run.Model.Length > 0)
        {
            arguments.AddRange(["--model", run.Model]);
        }

        if (run.AllowedTools.Count > 0)
        {
            arguments.AddRange(["--allowedTools", string.Join(',', run.AllowedTools)]);
        }

        arguments.AddRange(run.Arguments);
        var finished = await ChildProcess.RunAsync(
            Executable,
            arguments,
            work,
            EnvironmentOf(run, home.Path, configuration),
            string.Concat(run.Prompts.Select(UserMessage)),
            run.Timeout,
            cancellationToken);
        var messages = Lines(finished.Output);
        return new ClaudeResult
        {
            ExitCode = finished.ExitCode,
            Json = messages.LastOrDefault(static message => message["type"]?.GetValue<string>() == "result"),
            Messages = messages,
            Error = finished.Error,
            Duration = finished.Duration,
            Transcript =
            [
                .. Directory.EnumerateFiles(configuration, "*.jsonl", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
                    .SelectMany(static file => Lines(File.ReadAllText(file))),
            ],
        };
    }

    private static Dictionary<string, string> EnvironmentOf(ClaudeRun run, string home, string configuration)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["HOME"] = home,
            ["CLAUDE_CONFIG_DIR"] = configuration,
            ["ANTHROPIC_BASE_URL"] = run.BaseUrl,
            [CredentialName(run.Credential)] = run.Secret,
            ["CLAUDE_CODE_GATEWAY_HINT_HEADERS"] = "1",
            // Nothing may leave the machine, and nothing may be waited for that can't come.
            ["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] = "1",
            ["DISABLE_TELEMETRY"] = "1",
            ["DISABLE_ERROR_REPORTING"] = "1",
            ["DISABLE_AUTOUPDATER"] = "1",
            ["NO_PROXY"] = "127.0.0.1,localhost",
        };
        foreach (var (name, value) in run.Environment)
        {
            environment[name] = value;
        }

        return environment;
    }

    private static string CredentialName(ClaudeCredential credential) => credential switch
    {
        ClaudeCredential.ApiKey => "ANTHROPIC_API_KEY",
        ClaudeCredential.AuthToken => "ANTHROPIC_AUTH_TOKEN",
        ClaudeCredential.OAuthToken => "CLAUDE_CODE_OAUTH_TOKEN",
        _ => throw new ArgumentOutOfRangeException(nameof(credential), credential, "Unknown credential."),
    };

    private static string UserMessage(string text) => new JsonObject
    {
        ["type"] = "user",
        ["message"] = new JsonObject { ["role"] = "user", ["content"] = text },
    }.ToJsonString() + "\n";

    private static List<JsonNode> Lines(string text)
    {
        var nodes = new List<JsonNode>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith('{') && JsonNode.Parse(line) is { } node)
            {
                nodes.Add(node);
            }
        }

        return nodes;
    }
}
