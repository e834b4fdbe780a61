using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Tollgate.Demo.History;
using Tollgate.Demo.Team;

namespace Tollgate.Demo.Live;

/// <summary>The <c>tollgate.json</c> of the demo: everybody's key, the teams and projects, and the budgets that follow from the history.</summary>
internal static class DemoConfiguration
{
    /// <summary>The file's text.</summary>
    /// <param name="places">Where everything listens and is kept.</param>
    /// <param name="provider">Where the simulated provider listens.</param>
    /// <param name="keys">Virtual keys by developer.</param>
    /// <param name="budgets">The budgets.</param>
    public static string Write(DemoPlaces places, string provider, IReadOnlyDictionary<string, string> keys, IReadOnlyList<DemoBudget> budgets) => new JsonObject
    {
        ["proxy"] = new JsonObject { ["listen"] = new JsonArray(places.Proxy) },
        ["admin"] = new JsonObject { ["listen"] = new JsonArray(places.Admin), ["token"] = $"file:{DemoPlaces.TokenFile}" },
        ["upstreams"] = new JsonObject { ["anthropic"] = new JsonObject { ["dialect"] = "anthropic", ["baseUrl"] = provider, ["apiKey"] = $"file:{DemoPlaces.ProviderKeyFile}" } },
        ["requireKey"] = true,
        ["storage"] = new JsonObject { ["mode"] = "embedded", ["listen"] = places.Store, ["dataDirectory"] = places.Directory },
        ["customers"] = new JsonArray(new JsonObject { ["id"] = DemoTeam.Customer, ["name"] = "Acme" }),
        ["teams"] = new JsonArray([.. DemoTeam.Teams.Select(static team => new JsonObject { ["id"] = team, ["customer"] = DemoTeam.Customer })]),
        ["projects"] = new JsonArray([.. DemoTeam.Projects.Select(static project => new JsonObject { ["id"] = project.Project, ["team"] = project.Team })]),
        ["keys"] = new JsonArray([.. DemoTeam.Developers.Select(developer => new JsonObject
        {
            ["id"] = developer.KeyId,
            ["name"] = $"{developer.Name}'s laptop",
            ["hash"] = DemoKeys.HashOf(keys[developer.Name]),
            ["developer"] = developer.Name,
            ["team"] = developer.Team,
            ["customer"] = DemoTeam.Customer,
        })]),
        ["budgets"] = new JsonArray([.. budgets.Select(Budget)]),
    }.ToJsonString(new JsonSerializerOptions { WriteIndented = true });

    private static JsonObject Budget(DemoBudget budget) => new()
    {
        ["id"] = budget.Id,
        ["scope"] = budget.Scope.ToString().ToLowerInvariant(),
        ["value"] = budget.Value,
        ["limitUsd"] = JsonNode.Parse(budget.Limit.ToDollars().ToString(CultureInfo.InvariantCulture)),
        ["window"] = string.Create(CultureInfo.InvariantCulture, $"{(int)budget.Window.TotalDays}d"),
        ["mode"] = budget.Mode,
        ["contact"] = "#ai-budget",
    };
}
