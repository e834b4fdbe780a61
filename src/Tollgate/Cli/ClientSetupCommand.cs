using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Cli;

/// <summary><c>tollgate client-setup</c>: prints or writes the settings that send Claude Code through a gateway.</summary>
/// <param name="loader">Knows the environment and the working directory.</param>
/// <param name="time">Dates the copy of what was there.</param>
/// <param name="output">Where the settings go.</param>
/// <param name="error">Where everything else goes.</param>
internal sealed partial class ClientSetupCommand(ConfigurationLoader loader, TimeProvider time, TextWriter output, TextWriter error)
{
    private const string ManagedFile = "/etc/claude-code/managed-settings.json";
    private const string ProjectHeader = "X-Project";

    private static readonly string DefaultUrl = $"{new ProxyOptions().Listen[0]}/anthropic";
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Whose settings.</summary>
    private enum Scope
    {
        /// <summary>One person's, for everything that they do.</summary>
        User,

        /// <summary>A repository's, for everyone who works in it.</summary>
        Project,

        /// <summary>A machine's, which nobody on it can change.</summary>
        Managed,
    }

    /// <summary>The verb.</summary>
    public Command Create()
    {
        var scope = new Option<string>("--scope") { HelpName = "user|project|managed", Description = "Whose settings: yours, this repository's, or a machine's. Default: user.", DefaultValueFactory = static _ => "user" };
        scope.AcceptOnlyFromAmong("user", "project", "managed");
        var url = new Option<string?>("--url") { HelpName = "URL", Description = $"The gateway and the upstream's name in its path. Default: {DefaultUrl}; in a project's settings only when given." };
        var project = new Option<string?>("--project") { HelpName = "NAME", Description = "The project that the ledger counts requests for. Needed for a project's settings." };
        var print = new Option<bool>("--print") { Description = "Print the whole file as it would be written. The default." };
        var write = new Option<bool>("--write") { Description = "Write it, and keep a copy of what was there. Not for managed settings." };
        var force = new Option<bool>("--force") { Description = "Replace values that are there and differ." };
        var command = new Command("client-setup", "Print or write the settings that send Claude Code through a gateway. Exits with 1 when other values are there.") { scope, url, project, print, write, force };
        command.SetAction(parsed => Run(
            Enum.Parse<Scope>(parsed.GetRequiredValue(scope), ignoreCase: true), parsed.GetValue(url), parsed.GetValue(project), parsed.GetValue(print), parsed.GetValue(write), parsed.GetValue(force)));
        return command;
    }

    private int Run(Scope scope, string? url, string? project, bool print, bool write, bool force)
    {
        if (WrongUse(scope, url, project, print, write) is { } problem)
        {
            error.WriteLine(problem);
            return ExitCodes.WrongUse;
        }

        var file = FileOf(scope);
        ClientSettings settings;
        try
        {
            settings = ClientSettings.Parse(File.Exists(file) ? Read(file) : string.Empty);
        }
        catch (ClientSettingsException exception)
        {
            error.WriteLine($"{file} {exception.Message}. It is left as it is; correct it first.");
            return ExitCodes.Failed;
        }

        if (scope != Scope.Project || url is not null)
        {
            settings.Set("ANTHROPIC_BASE_URL", (url ?? DefaultUrl).TrimEnd('/'), force);
        }

        if (scope != Scope.Project)
        {
            // Claude Code then says which agent and prompt a request is for; the ledger has columns for both.
            settings.Set("CLAUDE_CODE_GATEWAY_HINT_HEADERS", "1", force);
        }

        if (project is not null)
        {
            settings.SetHeader(ProjectHeader, project, force);
        }

        if (settings.Conflicts.Count > 0)
        {
            error.WriteLine($"{file} has other values. Nothing was changed; --force replaces them:\n  {string.Join("\n  ", settings.Conflicts)}");
            return ExitCodes.Failed;
        }

        if (!write)
        {
            error.WriteLine($"For {file}:");
            output.Write(settings.ToString());
            return ExitCodes.Done;
        }

        output.WriteLine(settings.IsChanged ? Write(file, settings.ToString()) : $"{file} says so already.");
        return ExitCodes.Done;
    }

    private string? WrongUse(Scope scope, string? url, string? project, bool print, bool write)
    {
        if (print && write)
        {
            return "Say --print or --write, not both.";
        }

        if (url is not null && !(Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address is { Query: "", Fragment: "", UserInfo: "" }))
        {
            return $"--url is {ConfigurationPath.Quote(url)}, but must be http:// or https://, a host and the upstream's name, such as {DefaultUrl}.";
        }

        if (project is not null && !ProjectName().IsMatch(project))
        {
            return $"--project is {ConfigurationPath.Quote(project)}, but must be 1 to 100 letters, digits or . _ - / of ASCII, as it travels in a header.";
        }

        return scope switch
        {
            Scope.Project when project is null => "--project is not given, but is what a project's settings are for.",
            Scope.Managed when project is not null => "--project does not go with managed settings: they replace every project's own headers.",
            Scope.Managed when write => $"Managed settings are not written here: they need root, and often a tool that brings them to every machine. --print them for {ManagedFile}.",
            Scope.User when Home() is null => "HOME is not set, so it is not known where your settings are.",
            _ => null,
        };
    }

    private string FileOf(Scope scope) => scope switch
    {
        Scope.User => loader.PathOf(Path.Combine(Home()!, "settings.json")),
        Scope.Project => loader.PathOf(Path.Combine(".claude", "settings.json")),
        _ => ManagedFile,
    };

    private string? Home() => loader.Variable("CLAUDE_CONFIG_DIR") is { Length: > 0 } named ? named
        : loader.Variable("HOME") is { Length: > 0 } home ? Path.Combine(home, ".claude")
        : null;

    private static string Read(string file)
    {
        try
        {
            return Utf8.GetString(File.ReadAllBytes(file)).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException)
        {
            throw new ClientSettingsException("is not UTF-8");
        }
    }

    private string Write(string file, string text)
    {
        // Whoever keeps dotfiles elsewhere has a link here, which must stay one.
        var target = Path.Exists(file) ? File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? file : file;
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        var copy = File.Exists(target) ? $"{file}.{time.GetUtcNow().ToString("yyyyMMdd'T'HHmmssfff", CultureInfo.InvariantCulture)}.bak" : null;
        var unfinished = $"{target}.{Environment.ProcessId}.tmp";
        try
        {
            if (copy is not null)
            {
                File.Copy(target, copy, overwrite: false);
            }

            using (var stream = new FileStream(unfinished, FileMode.Create, FileAccess.Write))
            {
                if (copy is not null && !OperatingSystem.IsWindows())
                {
                    // The new file is another inode: without this, settings that were kept private would become readable.
                    File.SetUnixFileMode(stream.SafeFileHandle, File.GetUnixFileMode(target));
                }

                stream.Write(Utf8.GetBytes(text));
            }

            File.Move(unfinished, target, overwrite: true);
        }
        finally
        {
            File.Delete(unfinished);
        }

        return copy is null ? $"{file} is written." : $"{file} is written; {copy} is what was there.";
    }

    [GeneratedRegex(@"\A[A-Za-z0-9._/-]{1,100}\z")]
    private static partial Regex ProjectName();
}
