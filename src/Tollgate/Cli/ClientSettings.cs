using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tollgate.Cli;

/// <summary>A settings file of Claude Code: what is in it, and what is put into its <c>env</c> without touching the rest.</summary>
internal sealed class ClientSettings
{
    private const string CustomHeaders = "ANTHROPIC_CUSTOM_HEADERS";

    // As the file's own writers do it: two spaces, and no letter escaped that needs no escape.
    private static readonly JsonSerializerOptions Layout = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private readonly JsonObject _root;
    private readonly List<string> _conflicts = [];

    private ClientSettings(JsonObject root) => _root = root;

    /// <summary>Values that are there already and differ, each with the one that was wanted.</summary>
    public IReadOnlyList<string> Conflicts => _conflicts;

    /// <summary>Whether anything was put in that was not there.</summary>
    public bool IsChanged { get; private set; }

    /// <summary>Reads the file's text; empty text is a file without settings.</summary>
    /// <exception cref="ClientSettingsException">It is not JSON, or not the shape that Claude Code reads.</exception>
    public static ClientSettings Parse(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return new ClientSettings([]);
        }

        JsonNode? root;
        try
        {
            root = JsonNode.Parse(text, documentOptions: Strict);
        }
        catch (JsonException exception)
        {
            throw new ClientSettingsException($"is not valid JSON: {exception.Message}");
        }

        return root switch
        {
            not JsonObject => throw new ClientSettingsException("must hold a JSON object"),
            JsonObject settings when settings["env"] is not (null or JsonObject) => throw new ClientSettingsException("has an \"env\" that is not an object"),
            JsonObject settings => new ClientSettings(settings),
        };
    }

    /// <summary>Sets a variable; one that has another value is kept and counts as a conflict, unless it may be replaced.</summary>
    public void Set(string name, string value, bool replace)
    {
        var present = Text(name);
        if (present == value)
        {
            return;
        }

        if (present is not null && !replace)
        {
            _conflicts.Add($"{name} is {JsonSerializer.Serialize(present, Layout)}, not {JsonSerializer.Serialize(value, Layout)}");
            return;
        }

        Put(name, value);
    }

    /// <summary>Sets one header among those that the client sends; the others stay.</summary>
    /// <remarks>The variable holds <c>Name: value</c> lines.</remarks>
    public void SetHeader(string name, string value, bool replace)
    {
        var wanted = $"{name}: {value}";
        var lines = (Text(CustomHeaders) ?? string.Empty).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToList();
        var at = lines.FindIndex(line => line.Split(':')[0].TrimEnd().Equals(name, StringComparison.OrdinalIgnoreCase));
        if (at < 0)
        {
            lines.Add(wanted);
        }
        else if (lines[at][(lines[at].IndexOf(':') + 1)..].Trim() == value)
        {
            return;
        }
        else if (!replace)
        {
            _conflicts.Add($"{CustomHeaders} has \"{lines[at]}\", not \"{wanted}\"");
            return;
        }
        else
        {
            lines[at] = wanted;
        }

        Put(CustomHeaders, string.Join('\n', lines));
    }

    /// <summary>The file's new text.</summary>
    public override string ToString() => _root.ToJsonString(Layout) + "\n";

    private string? Text(string name) => (_root["env"] as JsonObject)?[name] switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        var other => other.ToJsonString(Layout),
    };

    private void Put(string name, string value)
    {
        if (_root["env"] is not JsonObject environment)
        {
            _root["env"] = environment = [];
        }

        environment[name] = value;
        IsChanged = true;
    }
}

/// <summary>A settings file that is left as it is, and why; the reason continues a sentence that begins with the file's path.</summary>
internal sealed class ClientSettingsException(string reason) : Exception(reason);
