using System.Text.Json;
using Tollgate.Configuration;

namespace Tollgate.Cli;

/// <summary>Prints what reading the configuration came to.</summary>
internal static class CheckReport
{
    /// <summary>The answer of <c>tollgate check</c>. Returns the exit code.</summary>
    public static int Write(ConfigurationResult result, bool json, TextWriter output)
    {
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(
                new
                {
                    valid = result.IsValid,
                    file = result.File,
                    proxy = result.IsValid ? result.Options.Proxy.Listen : [],
                    admin = result.IsValid ? result.Options.Admin.Listen : [],
                    problems = result.Problems,
                    warnings = result.Warnings,
                },
                CliJson.Options));
        }
        else
        {
            WriteFindings(result, output);
            if (result.IsValid)
            {
                output.WriteLine($"{result.File ?? "The defaults"}: valid.");
            }
        }

        return result.IsValid ? ExitCodes.Done : ExitCodes.WrongUse;
    }

    /// <summary>One line for each problem and warning.</summary>
    public static void WriteFindings(ConfigurationResult result, TextWriter output)
    {
        foreach (var problem in result.Problems)
        {
            output.WriteLine($"error: {problem}");
        }

        foreach (var warning in result.Warnings)
        {
            output.WriteLine($"warning: {warning}");
        }
    }
}
