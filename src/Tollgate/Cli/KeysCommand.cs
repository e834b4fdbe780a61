using System.CommandLine;
using System.Text.Json;
using Tollgate.Proxy.Keys;

namespace Tollgate.Cli;

/// <summary><c>tollgate keys create</c>: makes a key, prints it once, and the entry for <c>keys</c> in the configuration.</summary>
internal static class KeysCommand
{
    /// <summary>The verb.</summary>
    public static Command Create(TextWriter output, TextWriter error, Option<bool> json)
    {
        var id = new Option<string>("--id") { Required = true, HelpName = "ID", Description = "Public id: 4 to 32 of a-z and 0-9." };
        Option<string?>[] facts = [Text("name", "What people call the key."), Text("developer", "Who holds it."), Text("team", "The holder's team."), Text("project", "The project spent on."), Text("customer", "The organisation billed.")];
        var command = new Command("create", "Make a key. It is printed once and kept nowhere.") { id, json };
        foreach (var fact in facts)
        {
            command.Add(fact);
        }

        command.SetAction(parsed =>
        {
            var given = parsed.GetRequiredValue(id);
            if (!VirtualKeyFormat.IsId(given))
            {
                error.WriteLine($"--id is \"{given}\", but must be 4 to 32 characters of a-z and 0-9.");
                return ExitCodes.WrongUse;
            }

            var key = VirtualKeyFormat.Create(given);
            var entry = new Dictionary<string, string> { ["id"] = given, ["hash"] = VirtualKeyFormat.HashText(key) };
            foreach (var fact in facts)
            {
                if (parsed.GetValue(fact) is { Length: > 0 } value)
                {
                    entry[fact.Name.TrimStart('-')] = value;
                }
            }

            if (parsed.GetValue(json))
            {
                output.WriteLine(JsonSerializer.Serialize(new { key, entry }, CliJson.Options));
            }
            else
            {
                output.WriteLine($"The key, shown this once:\n\n  {key}\n\nAdd to \"keys\" in tollgate.json:\n\n{JsonSerializer.Serialize(entry, CliJson.Options)}");
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static Option<string?> Text(string name, string description) => new($"--{name}") { HelpName = "TEXT", Description = description };
}
