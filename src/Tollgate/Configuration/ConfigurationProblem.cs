using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Configuration;

/// <summary>One thing to change (a problem) or to look at (a warning).</summary>
/// <param name="Path">Where: <c>upstreams.anthropic.baseUrl</c>, <c>keys[0].id</c>; <c>(file)</c> for the file as a whole.</param>
/// <param name="Message">What is there, what is allowed, what to change. Never holds a secret.</param>
public sealed record ConfigurationProblem(string Path, string Message)
{
    /// <summary>The one line that is printed.</summary>
    public override string ToString() => $"{Path}: {Message}";
}

/// <summary>What reading the configuration came to.</summary>
/// <param name="File">The file read; null when all is default and environment.</param>
/// <param name="Options">The options; null when there is a problem.</param>
/// <param name="Problems">What stops the start; all of it.</param>
/// <param name="Warnings">What does not.</param>
public sealed record ConfigurationResult(
    string? File,
    TollgateOptions? Options,
    IReadOnlyList<ConfigurationProblem> Problems,
    IReadOnlyList<ConfigurationProblem> Warnings)
{
    /// <summary>Whether the gateway may start with this.</summary>
    [MemberNotNullWhen(true, nameof(Options))]
    public bool IsValid => Options is not null;
}

/// <summary>Collects problems and warnings while the configuration is read.</summary>
internal sealed class ProblemList
{
    private readonly List<ConfigurationProblem> _problems = [];
    private readonly List<ConfigurationProblem> _warnings = [];

    /// <summary>What stops the start, in the order found.</summary>
    public IReadOnlyList<ConfigurationProblem> Problems => _problems;

    /// <summary>What does not.</summary>
    public IReadOnlyList<ConfigurationProblem> Warnings => _warnings;

    /// <summary>Adds what stops the start.</summary>
    public void Add(string path, string message) => _problems.Add(new(path, message));

    /// <summary>Adds what does not.</summary>
    public void Warn(string path, string message) => _warnings.Add(new(path, message));

    /// <summary>Whether a problem was found at <paramref name="path"/> or below, so that a later rule need not repeat it.</summary>
    public bool Has(string path) => _problems.Exists(problem =>
        problem.Path.StartsWith(path, StringComparison.Ordinal) && (problem.Path.Length == path.Length || problem.Path[path.Length] is '.' or '['));
}

/// <summary>Paths as messages show them.</summary>
internal static partial class ConfigurationPath
{
    /// <summary>The path of the file as a whole.</summary>
    public const string WholeFile = "(file)";

    /// <summary><paramref name="path"/> and a key below it.</summary>
    public static string Join(string path, string key)
    {
        var shown = Plain.IsMatch(key) ? key : $"[\"{Printable(key)}\"]";
        return path.Length == 0 || shown[0] == '[' ? path + shown : $"{path}.{shown}";
    }

    /// <summary><paramref name="path"/> and an entry of its list.</summary>
    public static string Join(string path, int index) => $"{path}[{index}]";

    /// <summary>A text from the file in quotes, without control characters and cut at 80.</summary>
    public static string Quote(string text) => $"\"{Printable(text)}\"";

    private static string Printable(string text)
    {
        var shown = text.Length <= 80 ? text : string.Concat(text.AsSpan(0, 77), "...");
        return string.Create(shown.Length, shown, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) ? '?' : source[i];
            }
        });
    }

    [GeneratedRegex("^[A-Za-z0-9_$-]+$")]
    private static partial Regex Plain { get; }
}
