using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Tollgate.Cli;

/// <summary><c>tollgate budgets</c>: how much may be spent, at a running gateway.</summary>
internal sealed class BudgetsCommand(AdminVerb admin, TimeProvider time, TextWriter output)
{
    private static readonly string[] Columns = ["id", "scope", "value", "limitUsd", "limitTokens", "window", "mode"];
    private static readonly string[] StateColumns = ["id", "scope", "value", "spentUsd", "heldUsd", "limitUsd", "spentTokens", "heldTokens", "limitTokens", "resetsAt"];

    // What an answer has beside what may be posted.
    private static readonly string[] NotPosted = ["revision", "changedAt", "isReadOnly", "raises"];

    /// <summary>The verb.</summary>
    public Command Create(Option<bool> json)
    {
        return new Command("budgets", "How much may be spent, at a running gateway.")
        {
            admin.Online(new Command("list", "List the budgets that you may see."), json, async (_, client, asJson, cancellation) =>
                admin.WriteList(await client.ListAsync("/api/budgets", cancellation), asJson, Columns)),
            CreateSet(json),
            CreateRaise(json),
            CreateDelete(json),
            admin.Online(new Command("state", "What is spent and held now."), json, async (_, client, asJson, cancellation) =>
                admin.WriteList(await client.ListAsync("/api/budgets/state", cancellation), asJson, StateColumns)),
        };
    }

    private Command CreateSet(Option<bool> json)
    {
        var id = Id();
        (string Field, Option<string?> Option)[] texts =
        [
            ("scope", Text("scope", "everything, customer, team, project, key, developer, model or session.")), ("value", Text("value", "Which one; * for each its own.")),
            ("limitUsd", Text("limit-usd", "US dollars, such as 5.00.")), ("window", Text("window", "day, month, 5h, lifetime, …")), ("timeZone", Text("time-zone", "An IANA name.")),
            ("mode", Text("mode", "strict, expected or watch.")), ("contact", Text("contact", "Whom to ask when it is spent.")),
        ];
        var tokens = new Option<long?>("--limit-tokens") { HelpName = "N", Description = "Tokens, instead of dollars." };
        var command = new Command("set", "Add a budget, or change what is given of one.") { id, tokens };
        foreach (var (_, option) in texts)
        {
            command.Add(option);
        }

        return admin.Online(command, json, async (parsed, client, asJson, cancellation) =>
        {
            var given = new JsonObject();
            foreach (var (field, option) in texts)
            {
                if (parsed.GetValue(option) is { } value)
                {
                    given[field] = value;
                }
            }

            if (parsed.GetValue(tokens) is { } count)
            {
                given["limitTokens"] = count;
            }

            admin.WriteObject(await SetAsync(client, parsed.GetRequiredValue(id), given, cancellation), asJson);
        });
    }

    private static async Task<JsonNode?> SetAsync(AdminClient client, string id, JsonObject given, CancellationToken cancellation)
    {
        AdminClient.Answer current;
        try
        {
            current = await client.SendAsync(HttpMethod.Get, At(id), null, null, cancellation);
        }
        catch (AdminRequestException exception) when (exception.Status == StatusCodes.Status404NotFound)
        {
            given["id"] = id;
            return (await client.SendAsync(HttpMethod.Post, "/api/budgets", given, null, cancellation)).Body;
        }

        var body = current.Body!.AsObject();
        foreach (var field in NotPosted)
        {
            body.Remove(field);
        }

        // A budget counts one thing: to give the one limit is to take the other away.
        if (given.ContainsKey("limitUsd") != given.ContainsKey("limitTokens"))
        {
            body.Remove(given.ContainsKey("limitUsd") ? "limitTokens" : "limitUsd");
        }

        foreach (var (field, value) in given)
        {
            body[field] = value?.DeepClone();
        }

        return (await client.SendAsync(HttpMethod.Put, At(id), body, current.ETag, cancellation)).Body;
    }

    private Command CreateRaise(Option<bool> json)
    {
        var id = Id();
        var usd = Text("usd", "US dollars to add.");
        var tokens = new Option<long?>("--tokens") { HelpName = "N", Description = "Tokens to add." };
        var until = Text("until", "When it ends, such as 2026-12-01T00:00:00Z.");
        var days = new Option<int?>("--days") { HelpName = "N", Description = "How many days it lasts, instead of --until." };
        return admin.Online(new Command("raise", "Add to a budget's limit for some time.") { id, usd, tokens, until, days }, json, async (parsed, client, asJson, cancellation) =>
        {
            var body = new JsonObject();
            if (parsed.GetValue(usd) is { } dollars)
            {
                body["usd"] = dollars;
            }

            if (parsed.GetValue(tokens) is { } count)
            {
                body["tokens"] = count;
            }

            if (parsed.GetValue(until) is { } end)
            {
                body["until"] = end;
            }
            else if (parsed.GetValue(days) is { } length)
            {
                body["until"] = time.GetUtcNow().AddDays(Math.Clamp(length, 0, 3660)).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
            }

            admin.WriteObject((await client.SendAsync(HttpMethod.Post, $"{At(parsed.GetRequiredValue(id))}/raises", body, null, cancellation)).Body, asJson);
        });
    }

    private Command CreateDelete(Option<bool> json)
    {
        var id = Id();
        return admin.Online(new Command("delete", "Remove a budget.") { id }, json, async (parsed, client, asJson, cancellation) =>
        {
            await client.SendAsync(HttpMethod.Delete, At(parsed.GetRequiredValue(id)), null, "*", cancellation);
            output.WriteLine(asJson ? "{}" : $"The budget {parsed.GetRequiredValue(id)} is removed.");
        });
    }

    private static Argument<string> Id() => new("ID") { Description = "The budget's id." };

    private static string At(string id) => $"/api/budgets/{Uri.EscapeDataString(id)}";

    private static Option<string?> Text(string name, string description) => new($"--{name}") { HelpName = "TEXT", Description = description };
}
