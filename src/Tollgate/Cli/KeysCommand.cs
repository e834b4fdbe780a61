using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Tollgate.Proxy.Keys;

namespace Tollgate.Cli;

/// <summary><c>tollgate keys</c>: makes, lists, rotates and revokes keys at a running gateway; without one, makes a key for the file.</summary>
internal sealed class KeysCommand(AdminVerb admin, TextWriter output, TextWriter error)
{
    private static readonly string[] Columns = ["id", "name", "developer", "team", "customer", "disabled", "expiresAt"];

    /// <summary>The verb.</summary>
    public Command Create(Option<bool> json)
    {
        var id = new Argument<string>("ID") { Description = "The key's id." };
        var overlap = new Option<string?>("--overlap") { HelpName = "hh:mm:ss", Description = "How long the old key works on. Default: one day." };
        return new Command("keys", "Virtual keys.")
        {
            CreateCreate(json),
            admin.Online(new Command("list", "List the keys that you may see."), json, async (_, client, asJson, cancellation) =>
                admin.WriteList(await client.ListAsync("/api/keys", cancellation), asJson, Columns)),
            admin.Online(new Command("show", "Show one key's facts; never the key.") { id }, json, async (parsed, client, asJson, cancellation) =>
                admin.WriteObject((await client.SendAsync(HttpMethod.Get, At(parsed.GetRequiredValue(id)), null, null, cancellation)).Body, asJson)),
            admin.Online(new Command("rotate", "Replace a key's secret. The new key is printed once.") { id, overlap }, json, async (parsed, client, asJson, cancellation) =>
            {
                var body = parsed.GetValue(overlap) is { } given ? new JsonObject { ["overlap"] = given } : [];
                WriteKey((await client.SendAsync(HttpMethod.Post, $"{At(parsed.GetRequiredValue(id))}/rotate", body, null, cancellation)).Body!, asJson);
            }),
            admin.Online(new Command("revoke", "End a key at once.") { id }, json, async (parsed, client, asJson, cancellation) =>
            {
                var answer = await client.SendAsync(HttpMethod.Post, $"{At(parsed.GetRequiredValue(id))}/revoke", null, null, cancellation);
                if (asJson)
                {
                    admin.WriteJson(answer.Body);
                }
                else
                {
                    output.WriteLine($"The key {parsed.GetRequiredValue(id)} is revoked.");
                }
            }),
        };
    }

    private Command CreateCreate(Option<bool> json)
    {
        var id = new Option<string?>("--id") { HelpName = "ID", Description = "Public id: 4 to 32 of a-z and 0-9. Needed without a gateway; else one is made." };
        var offline = new Option<bool>("--offline") { Description = "Ask no gateway: print the key and the entry for tollgate.json. The default without --url and token." };
        Option<string?>[] facts = [Text("name", "What people call the key."), Text("developer", "Who holds it."), Text("team", "The holder's team."), Text("project", "The project spent on."), Text("customer", "The organisation billed.")];
        var command = new Command("create", "Make a key. It is printed once and kept nowhere.") { id, offline, admin.Url, admin.Token, json };
        foreach (var fact in facts)
        {
            command.Add(fact);
        }

        command.SetAction((parsed, cancellation) =>
        {
            var entry = new JsonObject();
            foreach (var option in facts.Prepend(id))
            {
                if (parsed.GetValue(option) is { Length: > 0 } value)
                {
                    entry[option.Name.TrimStart('-')] = value;
                }
            }

            return parsed.GetValue(offline) || !admin.IsOnline(parsed)
                ? Task.FromResult(CreateOffline(parsed.GetValue(id), entry, parsed.GetValue(json)))
                : admin.RunAsync(
                    parsed,
                    parsed.GetValue(json),
                    async (_, client, asJson, cancel) => WriteKey((await client.SendAsync(HttpMethod.Post, "/api/keys", entry, null, cancel)).Body!, asJson),
                    cancellation);
        });
        return command;
    }

    private int CreateOffline(string? id, JsonObject facts, bool json)
    {
        if (id is null || !VirtualKeyFormat.IsId(id))
        {
            error.WriteLine($"--id is {(id is null ? "not given" : $"\"{id}\"")}, but must be 4 to 32 characters of a-z and 0-9.");
            return ExitCodes.WrongUse;
        }

        var key = VirtualKeyFormat.Create(id);
        var entry = new Dictionary<string, string> { ["id"] = id, ["hash"] = VirtualKeyFormat.HashText(key) };
        foreach (var (name, value) in facts)
        {
            entry[name] = value!.GetValue<string>();
        }

        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(new { key, entry }, CliJson.Options));
        }
        else
        {
            output.WriteLine($"The key, shown this once:\n\n  {key}\n\nAdd to \"keys\" in tollgate.json:\n\n{JsonSerializer.Serialize(entry, CliJson.Options)}");
        }

        return ExitCodes.Done;
    }

    private void WriteKey(JsonNode body, bool json)
    {
        if (json)
        {
            admin.WriteJson(body);
            return;
        }

        output.WriteLine($"The key, shown this once:\n\n  {body["key"]}\n");
        if (body["previousKeyEndsAt"]?.GetValue<string>() is { } end)
        {
            output.WriteLine($"The old key works on until {end}.");
        }
    }

    private static string At(string id) => $"/api/keys/{Uri.EscapeDataString(id)}";

    private static Option<string?> Text(string name, string description) => new($"--{name}") { HelpName = "TEXT", Description = description };
}
