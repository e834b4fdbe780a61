using System.Text.Json;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Tests.Admin;

/// <summary>Nobody is shown what belongs to another team or customer, whatever they list and filter (SEC-08).</summary>
public sealed class ReachTests
{
    private const int Customers = 2;
    private const int TeamsEach = 2;

    [Fact]
    public async Task No_list_filter_or_state_shows_what_is_anothers()
    {
        await using var host = await AdminHost.StartAsync();

        // Every id begins with whose it is: c0, c0t1. The oracle is the name.
        for (var c = 0; c < Customers; c++)
        {
            var customer = $"c{c}";
            await Post(host, "customers", new { id = customer });
            await Budget(host, $"{customer}-own", ScopeKind.Customer, customer);
            for (var t = 0; t < TeamsEach; t++)
            {
                var team = $"c{c}t{t}";
                await Post(host, "teams", new { id = team, customer });
                await Post(host, "projects", new { id = $"{team}p", team });
                await Post(host, "keys", new { id = $"{team}k1", team, customer, developer = "dev" });
                await Post(host, "keys", new { id = $"{team}k2", team, developer = "dev" });
                await Budget(host, $"{team}-own", ScopeKind.Team, team);
                await Budget(host, $"{team}-key", ScopeKind.Key, $"{team}k1");
                await Budget(host, $"{team}-project", ScopeKind.Project, $"{team}p");
                await Post(host, "limits", new { id = $"{team}-limit", scope = "key", value = $"{team}k2", limit = 5 });
            }
        }

        await Post(host, "keys", new { id = "nobodys", developer = "dev" });
        await Budget(host, "everything", ScopeKind.Everything, "");
        await Budget(host, "each-team", ScopeKind.Team, "*");
        await Budget(host, "developer", ScopeKind.Developer, "dev");

        string[] lists = ["customers", "teams", "projects", "keys", "budgets", "limits", "budgets/state", "limits/state"];
        string[] filters = ["", "text=c", "team=c1t1", "customer=c1", "developer=dev", "value=c1t1", "scope=team", "scope=key&limit=1"];
        foreach (var (token, own, above) in new[]
        {
            (await host.TokenOfAsync("team00", "editor", team: "c0t0"), "c0t0", "c0"),
            (await host.TokenOfAsync("team11", "viewer", team: "c1t1"), "c1t1", "c1"),
            (await host.TokenOfAsync("cust0", "administrator", customer: "c0"), "c0", "c0"),
        })
        {
            foreach (var list in lists)
            {
                foreach (var filter in filters)
                {
                    var answer = await host.GetAsync($"/api/{list}?{filter}", token);
                    if (answer.Status == System.Net.HttpStatusCode.BadRequest)
                    {
                        // This list has no such filter.
                        continue;
                    }

                    foreach (var entry in answer.Json.GetProperty("data").EnumerateArray())
                    {
                        var name = list.EndsWith("/state", StringComparison.Ordinal) ? entry.GetProperty("value").GetString()! : entry.GetProperty("id").GetString()!;
                        Assert.True(name.StartsWith(own, StringComparison.Ordinal) || (list == "customers" && name == above), $"{own} was shown {name} at /api/{list}?{filter}");
                    }
                }
            }
        }

        // And they are shown what is theirs.
        var lead = await host.TokenOfAsync("lead", "editor", team: "c0t0");
        Assert.Equal(["c0t0-key", "c0t0-own", "c0t0-project"], await Ids("budgets"));
        Assert.Equal(["c0t0k1", "c0t0k2"], await Ids("keys"));
        Assert.Equal(["c0t0-key", "c0t0-own", "c0t0-project"], await Ids("budgets/state"));

        async Task<IEnumerable<string?>> Ids(string list) => (await host.GetAsync($"/api/{list}", lead)).Json.GetProperty("data").EnumerateArray().Select(static entry => entry.GetProperty("id").GetString());
    }

    private static async Task Budget(AdminHost host, string id, ScopeKind scope, string value)
    {
        await Post(host, "budgets", new { id, scope = scope.ToString().ToLowerInvariant(), value, limitUsd = "5" });
        var budget = (await host.Store.FindAsync<BudgetOptions>(id, CancellationToken.None))!.Value;
        if (value != "*")
        {
            host.States.BudgetStates.Add(new BudgetState(budget, value, 1, 0, 5, null, null, true));
        }
    }

    private static async Task Post(AdminHost host, string kind, object body) =>
        Assert.Equal(System.Net.HttpStatusCode.Created, (await host.PostAsync($"/api/{kind}", JsonSerializer.Serialize(body))).Status);
}
