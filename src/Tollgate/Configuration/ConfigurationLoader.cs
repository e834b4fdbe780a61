using System.Collections;
using System.Text.Json;

namespace Tollgate.Configuration;

/// <summary>Reads <c>tollgate.json</c> and the environment into options, or into everything that is wrong with them.</summary>
/// <param name="environment">The environment's variables.</param>
/// <param name="directory">Where <see cref="DefaultFile"/> is looked for, and what a relative path begins at.</param>
public sealed class ConfigurationLoader(IReadOnlyDictionary<string, string> environment, string directory)
{
    /// <summary>The file read when none is named; it need not exist.</summary>
    public const string DefaultFile = "tollgate.json";

    /// <summary>A loader over this process's environment and working directory.</summary>
    public static ConfigurationLoader ForThisProcess() => new(
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? string.Empty, StringComparer.Ordinal),
        Environment.CurrentDirectory);

    /// <summary>An environment variable; null when it is not set.</summary>
    public string? Variable(string name) => environment.GetValueOrDefault(name);

    /// <summary>The file that <see cref="Load"/> reads, whether or not it exists.</summary>
    public string PathOf(string? file) => Path.GetFullPath(file ?? DefaultFile, directory);

    /// <summary>Reads the configuration.</summary>
    /// <param name="file">The file; null for <see cref="DefaultFile"/> if it exists. A named file must exist.</param>
    /// <remarks>Throws nothing for what a user can get wrong; all of it is in the result.</remarks>
    public ConfigurationResult Load(string? file)
    {
        var problems = new ProblemList();
        var path = PathOf(file);
        var exists = File.Exists(path);
        var root = exists ? Read(path, problems) : new ConfigurationNode { Kind = JsonValueKind.Object };
        if (!exists && file is not null)
        {
            problems.Add(ConfigurationPath.WholeFile, $"there is no file {path}. Correct --config, or leave it out to use {DefaultFile} here or, without one, the defaults.");
        }

        // After a broken file the rest would be read against defaults, and its problems would mislead.
        if (root is null || (!exists && file is not null))
        {
            return new ConfigurationResult(path, null, problems.Problems, problems.Warnings);
        }

        if (root.Kind == JsonValueKind.Object)
        {
            EnvironmentOverlay.Apply(root, environment, problems);
        }

        var secrets = new SecretReader(environment, Path.GetDirectoryName(path)!, problems);
        var options = new OptionsBinder(secrets, problems).Bind(root);
        CrossFieldRules.Check(options, problems);
        return new ConfigurationResult(exists ? path : null, problems.Problems.Count == 0 ? options : null, problems.Problems, problems.Warnings);
    }

    private static ConfigurationNode? Read(string path, ProblemList problems)
    {
        try
        {
            ReadOnlyMemory<byte> bytes = File.ReadAllBytes(path);

            // Some editors begin a file with a byte order mark, which JSON does not know.
            return ConfigurationNode.Parse(bytes.Span.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes, problems);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problems.Add(ConfigurationPath.WholeFile, $"{path} can't be read by this user. Change its owner or mode.");
            return null;
        }
    }
}
