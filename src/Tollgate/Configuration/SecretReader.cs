namespace Tollgate.Configuration;

/// <summary>Follows <c>env:NAME</c> and <c>file:PATH</c> to a secret.</summary>
/// <param name="environment">Where <c>env:</c> looks.</param>
/// <param name="directory">What a relative <c>file:</c> path begins at: the configuration file's directory.</param>
/// <param name="problems">Where what is missing is reported; never with a secret in it.</param>
internal sealed class SecretReader(IReadOnlyDictionary<string, string> environment, string directory, ProblemList problems)
{
    private const string FromEnvironment = "env:";
    private const string FromFile = "file:";

    /// <summary>Whether <paramref name="text"/> says where a secret is, rather than being one.</summary>
    public static bool IsReference(string text) =>
        text.StartsWith(FromEnvironment, StringComparison.Ordinal) || text.StartsWith(FromFile, StringComparison.Ordinal);

    /// <summary>The secret that <paramref name="node"/> holds or points at; null after a problem.</summary>
    public string? Read(ConfigurationNode node, string path)
    {
        var text = node.Text;
        if (text.StartsWith(FromEnvironment, StringComparison.Ordinal))
        {
            return ReadVariable(text[FromEnvironment.Length..], path);
        }

        if (text.StartsWith(FromFile, StringComparison.Ordinal))
        {
            return ReadFile(text[FromFile.Length..], path);
        }

        if (text.Length > 0 && node.Variable is null)
        {
            problems.Warn(path, "is a secret in plain text in the file. Say \"env:NAME\" or \"file:PATH\" instead, so that the file may be shared.");
        }

        return Trim(text);
    }

    private string? ReadVariable(string name, string path)
    {
        if (!environment.TryGetValue(name, out var value))
        {
            problems.Add(path, $"says env:{name}, but there is no such environment variable. Set {name}, or remove the key.");
            return null;
        }

        return NotEmpty(value, path, $"the environment variable {name}");
    }

    private string? ReadFile(string name, string path)
    {
        var file = Path.GetFullPath(name, directory);
        try
        {
            var value = File.ReadAllText(file);
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & UnixFileMode.OtherRead) != 0)
            {
                problems.Warn(path, $"comes from {file}, which every user of this machine can read. Run chmod o-r on it.");
            }

            return NotEmpty(value, path, $"the file {file}");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            var reason = exception is FileNotFoundException or DirectoryNotFoundException ? "it does not exist" : "it can't be read by this user";
            problems.Add(path, $"says file:{name}, but {reason} ({file}). Put the secret there, or remove the key.");
            return null;
        }
    }

    private string? NotEmpty(string value, string path, string source)
    {
        var trimmed = Trim(value);
        if (trimmed.Length > 0)
        {
            return trimmed;
        }

        problems.Add(path, $"is read from {source}, which is empty. Put the secret there, or remove the key.");
        return null;
    }

    /// <summary>Editors and echo end a file with a newline that is not part of the secret.</summary>
    private static string Trim(string value) => value.TrimEnd('\r', '\n');
}
