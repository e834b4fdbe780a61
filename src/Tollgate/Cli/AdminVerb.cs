using System.CommandLine;
using System.Text.Json.Nodes;
using Tollgate.Configuration;

namespace Tollgate.Cli;

/// <summary>What the verbs that ask a running gateway have in common: where it is, what to present, how to print.</summary>
/// <param name="loader">Knows the environment.</param>
/// <param name="output">Where answers go.</param>
/// <param name="error">Where everything else goes.</param>
internal sealed class AdminVerb(ConfigurationLoader loader, TextWriter output, TextWriter error)
{
    private const string DefaultUrl = "http://127.0.0.1:8081";
    private const string TokenVariable = "TOLLGATE_ADMIN_TOKEN";

    /// <summary>Where the gateway is.</summary>
    public Option<string?> Url { get; } = new("--url") { HelpName = "URL", Description = $"The admin listener of a running gateway. Default: {DefaultUrl}." };

    /// <summary>What to present.</summary>
    public Option<string?> Token { get; } = new("--token") { HelpName = "TOKEN", Description = $"An admin token. Default: {TokenVariable}, which other users of the machine can't see." };

    /// <summary>Whether the command says anything of a gateway to ask.</summary>
    public bool IsOnline(ParseResult parsed) => parsed.GetValue(Url) is not null || TokenOf(parsed) is not null;

    /// <summary>Adds the options to a verb and has it run <paramref name="run"/> with a client.</summary>
    public Command Online(Command command, Option<bool> json, Func<ParseResult, AdminClient, bool, CancellationToken, Task> run)
    {
        command.Add(Url);
        command.Add(Token);
        command.Add(json);
        command.SetAction((parsed, cancellation) => RunAsync(parsed, parsed.GetValue(json), run, cancellation));
        return command;
    }

    /// <summary>Runs <paramref name="run"/> with a client, and says what went wrong.</summary>
    public async Task<int> RunAsync(ParseResult parsed, bool json, Func<ParseResult, AdminClient, bool, CancellationToken, Task> run, CancellationToken cancellation)
    {
        var url = parsed.GetValue(Url) ?? DefaultUrl;
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            await error.WriteLineAsync($"--url is {Tollgate.Configuration.ConfigurationPath.Quote(url)}, but must be http:// or https:// with a host, such as {DefaultUrl}.");
            return ExitCodes.WrongUse;
        }

        if (TokenOf(parsed) is not { } token)
        {
            await error.WriteLineAsync($"No admin token is given. Set {TokenVariable} to admin.token of tollgate.json, or to the one that the gateway printed when it started.");
            return ExitCodes.WrongUse;
        }

        using var client = new AdminClient(address, token);
        try
        {
            await run(parsed, client, json, cancellation);
            return ExitCodes.Done;
        }
        catch (AdminRequestException exception)
        {
            await error.WriteLineAsync(exception.Message);
            return exception.ExitCode;
        }
    }

    /// <summary>Prints an answer as JSON.</summary>
    public void WriteJson(JsonNode? body) => output.WriteLine(body?.ToJsonString(CliJson.Options) ?? "{}");

    /// <summary>Prints entries as JSON or as a table of some of their fields.</summary>
    public void WriteList(JsonArray entries, bool json, params string[] fields)
    {
        if (json)
        {
            WriteJson(entries);
            return;
        }

        var rows = new List<string[]> { fields };
        rows.AddRange(entries.Select(entry => fields.Select(field => Cell(entry![field])).ToArray()));
        TextTable.Write(rows, output);
    }

    /// <summary>Prints one object as JSON or as a line for each field.</summary>
    public void WriteObject(JsonNode? body, bool json)
    {
        if (json || body is not JsonObject fields)
        {
            WriteJson(body);
            return;
        }

        var width = fields.Max(static field => field.Key.Length);
        foreach (var (name, value) in fields)
        {
            output.WriteLine($"{name.PadRight(width)}  {Cell(value)}".TrimEnd());
        }
    }

    private static string Cell(JsonNode? value) => Printable(value switch
    {
        null => string.Empty,
        JsonArray array => string.Join(", ", array.Select(static item => item is JsonValue ? item.ToString() : item?.ToJsonString() ?? string.Empty)),
        _ => value.ToString(),
    });

    /// <summary>Names come from others and may hold what a terminal obeys.</summary>
    private static string Printable(string text) => string.Concat(text.Select(static character => char.IsControl(character) ? '?' : character));

    private string? TokenOf(ParseResult parsed) => parsed.GetValue(Token) is { Length: > 0 } given ? given : loader.Variable(TokenVariable) is { Length: > 0 } variable ? variable : null;
}
