using System.CommandLine;
using System.Text;
using Tollgate.Alerts;
using Tollgate.Configuration;

namespace Tollgate.Cli;

/// <summary><c>tollgate alerts render</c>: the alerts for Prometheus, with the thresholds of the configuration.</summary>
/// <param name="loader">Reads the configuration.</param>
/// <param name="output">Where the rules go.</param>
/// <param name="error">Where everything else goes.</param>
internal sealed class AlertsCommand(ConfigurationLoader loader, TextWriter output, TextWriter error)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>The verb.</summary>
    /// <param name="config">The option that names the configuration file.</param>
    public Command Create(Option<string?> config)
    {
        var file = new Option<string?>("--output") { HelpName = "FILE", Description = "Write them to this file, whole or not at all. Default: print them." };
        var check = new Option<bool>("--check") { Description = "Write nothing; exit with 1 if the file of --output is not what would be written." };
        var render = new Command("render", "Write the alert rules for Prometheus, with the thresholds of alerts in the configuration.") { config, file, check };
        render.SetAction(parsed => Render(parsed.GetValue(config), parsed.GetValue(file), parsed.GetValue(check)));
        return new Command("alerts", "Alerts for Prometheus.") { render };
    }

    private int Render(string? config, string? file, bool check)
    {
        if (check && file is null)
        {
            error.WriteLine("--check compares with a file. Name it with --output FILE.");
            return ExitCodes.WrongUse;
        }

        var configuration = loader.Load(config);
        CheckReport.WriteFindings(configuration, error);
        if (!configuration.IsValid)
        {
            return ExitCodes.WrongUse;
        }

        var rules = AlertRules.Render(configuration.Options);
        if (file is null)
        {
            output.Write(rules);
            return ExitCodes.Done;
        }

        var path = loader.PathOf(file);
        if (check)
        {
            return Check(path, rules);
        }

        Write(path, rules);
        output.WriteLine($"{path} is written. Have Prometheus read it: promtool check rules {file}, then SIGHUP or /-/reload.");
        return ExitCodes.Done;
    }

    private int Check(string path, string rules)
    {
        if (!File.Exists(path))
        {
            error.WriteLine($"There is no file {path}. Write it with tollgate alerts render --output.");
            return ExitCodes.Failed;
        }

        var written = File.ReadAllText(path, Utf8);
        if (written == rules)
        {
            output.WriteLine($"{path} is what the configuration says.");
            return ExitCodes.Done;
        }

        var (have, want) = (written.Split('\n'), rules.Split('\n'));
        var line = Enumerable.Range(0, Math.Max(have.Length, want.Length)).First(i => have.ElementAtOrDefault(i) != want.ElementAtOrDefault(i));
        error.WriteLine(
            $"{path} is not what the configuration says, from line {line + 1} on. Write it anew with tollgate alerts render --output.\n"
            + $"  the file:          {have.ElementAtOrDefault(line)?.Trim() ?? "(its end)"}\n"
            + $"  the configuration: {want.ElementAtOrDefault(line)?.Trim() ?? "(its end)"}");
        return ExitCodes.Failed;
    }

    /// <summary>By another file and a rename, so that Prometheus never reads half of it.</summary>
    private static void Write(string path, string rules)
    {
        // A link stays one: Prometheus's directory may be links into a repository.
        var target = Path.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path : path;
        var unfinished = $"{target}.{Environment.ProcessId}.tmp";
        try
        {
            using (var stream = new FileStream(unfinished, FileMode.Create, FileAccess.Write))
            {
                if (!OperatingSystem.IsWindows() && File.Exists(target))
                {
                    // The new file is another inode: without this, Prometheus may not be allowed to read it.
                    File.SetUnixFileMode(stream.SafeFileHandle, File.GetUnixFileMode(target));
                }

                stream.Write(Utf8.GetBytes(rules));
            }

            File.Move(unfinished, target, overwrite: true);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }
}
