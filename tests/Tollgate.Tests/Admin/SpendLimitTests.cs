using System.Net;
using System.Text.Json;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Tests.Admin;

/// <summary>Caps in the shape of Anthropic's own gateway.</summary>
public sealed class SpendLimitTests
{
    private const string At = "/v1/organizations/spend_limits";

    [Theory]
    [InlineData("""{"scope":{"type":"organization"},"amount":"50000","period":"monthly"}""", ScopeKind.Everything, "", "month", 500)]
    [InlineData("""{"scope":{"type":"user","user_id":"alice"},"amount":"1","period":"daily"}""", ScopeKind.Developer, "alice", "day", 0.01)]
    [InlineData("""{"scope":{"type":"user","user_id":"*"},"amount":"0","period":"daily"}""", ScopeKind.Developer, "*", "day", 0)]
    [InlineData("""{"scope":{"type":"rbac_group","rbac_group_id":"search"},"amount":"250","period":"weekly"}""", ScopeKind.Team, "search", "week", 2.5)]
    public async Task A_cap_is_a_budget(string body, ScopeKind scope, string value, string window, double dollars)
    {
        await using var host = await AdminHost.StartAsync();
        var made = await host.PostAsync(At, body);
        Assert.Equal(HttpStatusCode.OK, made.Status);
        var id = made.Json.GetProperty("id").GetString()!;
        Assert.StartsWith("spl_", id, StringComparison.Ordinal);
        using var sent = JsonDocument.Parse(body);
        Assert.Equal(sent.RootElement.GetProperty("scope").ToString(), made.Json.GetProperty("scope").ToString());
        Assert.Equal(sent.RootElement.GetProperty("amount").GetString(), made.Json.GetProperty("amount").GetString());
        Assert.Equal(("spend_limit", "USD", true), (made.Json.GetProperty("type").GetString(), made.Json.GetProperty("currency").GetString(), made.Json.GetProperty("is_enabled").GetBoolean()));
        var budget = (await host.Store.FindAsync<BudgetOptions>(id[4..], CancellationToken.None))!.Value;
        Assert.Equal((scope, value, window, "UTC", Nanodollars.FromDollars((decimal)dollars)), (budget.Scope, budget.Value, budget.Window, budget.TimeZone, budget.LimitUsd!.Value));

        Assert.Equal(made.Body, (await host.GetAsync($"{At}/{id}")).Body);
        Assert.Equal(id, (await host.GetAsync(At)).Json.GetProperty("data")[0].GetProperty("id").GetString());
        Assert.Equal(HttpStatusCode.OK, (await host.DeleteAsync($"{At}/{id}", ifMatch: null)).Status);
        var gone = await host.GetAsync($"{At}/{id}");
        Assert.Equal("not_found_error", gone.Json.GetProperty("error").GetProperty("type").GetString());
    }

    [Fact]
    public async Task A_cap_of_the_same_scope_and_period_replaces_the_one_before_and_null_lifts_it()
    {
        await using var host = await AdminHost.StartAsync();
        var first = await host.PostAsync(At, """{"scope":{"type":"user","user_id":"alice"},"amount":"500","period":"daily"}""");
        var second = await host.PostAsync(At, """{"scope":{"type":"user","user_id":"alice"},"amount":null,"period":"daily"}""");
        Assert.Equal(first.Json.GetProperty("id").GetString(), second.Json.GetProperty("id").GetString());
        Assert.Equal(JsonValueKind.Null, second.Json.GetProperty("amount").ValueKind);
        Assert.Equal(BudgetMode.Watch, (await host.Store.FindAsync<BudgetOptions>(second.Json.GetProperty("id").GetString()![4..], CancellationToken.None))!.Value.Mode);
        var third = await host.PostAsync(At, """{"scope":{"type":"user","user_id":"alice"},"amount":"700","period":"daily"}""");
        Assert.Equal("700", third.Json.GetProperty("amount").GetString());
    }

    [Theory]
    [InlineData("""{"scope":{"type":"organization"},"period":"daily"}""")]
    [InlineData("""{"scope":{"type":"organization"},"amount":"5.5","period":"daily"}""")]
    [InlineData("""{"scope":{"type":"organization"},"amount":500,"period":"daily"}""")]
    [InlineData("""{"scope":{"type":"organization"},"amount":"500","period":"hourly"}""")]
    [InlineData("""{"scope":{"type":"organization","user_id":"a"},"amount":"500","period":"daily"}""")]
    [InlineData("""{"scope":{"type":"user"},"amount":"500","period":"daily"}""")]
    [InlineData("""{"scope":{"type":"workspace"},"amount":"500","period":"daily"}""")]
    [InlineData("""{"amount":"500","period":"daily"}""")]
    [InlineData("""{"scope":{"type":"organization"},"amount":"99999999999999","period":"daily"}""")]
    public async Task What_is_no_cap_is_refused_in_Anthropics_shape(string body)
    {
        await using var host = await AdminHost.StartAsync();
        var answer = await host.PostAsync(At, body);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Equal(("error", "invalid_request_error"), (answer.Json.GetProperty("type").GetString(), answer.Json.GetProperty("error").GetProperty("type").GetString()));
    }

    [Fact]
    public async Task The_effective_cap_of_a_developer_is_the_most_specific_with_what_they_spent()
    {
        await using var host = await AdminHost.StartAsync();
        await host.KeyOfAsync("alice01", "alice", "search");
        await host.KeyOfAsync("bob01", "bob", "search");
        await host.PostAsync(At, """{"scope":{"type":"organization"},"amount":"50000","period":"monthly"}""");
        await host.PostAsync(At, """{"scope":{"type":"rbac_group","rbac_group_id":"search"},"amount":"20000","period":"monthly"}""");
        var own = await host.PostAsync(At, """{"scope":{"type":"user","user_id":"alice"},"amount":"5000","period":"monthly"}""");
        var budget = (await host.Store.FindAsync<BudgetOptions>(own.Json.GetProperty("id").GetString()![4..], CancellationToken.None))!.Value;
        host.States.BudgetStates.Add(new BudgetState(budget, "alice", 412_801_250, 0, 50_000_000_000, null, null, true));

        var rows = (await host.GetAsync($"{At}/effective?period[]=monthly&sort=spend_desc")).Json.GetProperty("data");
        Assert.Equal(2, rows.GetArrayLength());
        Assert.Equal(("alice", "5000", "41.280125", "user"), Row(rows[0]));
        Assert.Equal(("bob", "20000", "0", "rbac_group"), Row(rows[1]));
        Assert.Equal("search", rows[0].GetProperty("groups")[0].GetString());

        // As Anthropic's own client asks.
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{At}/effective?user_ids[]=bob&user_ids[]=carol&limit=1");
        request.Headers.Add("x-api-key", AdminHost.Token);
        request.Headers.Add("anthropic-version", "2023-06-01");
        using var response = await host.Client.SendAsync(request);
        Assert.Equal("bob", JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("data")[0].GetProperty("actor").GetProperty("user_id").GetString());
        Assert.Equal(3, (await host.GetAsync($"{At}/audit")).Json.GetProperty("data").GetArrayLength());
        Assert.Equal(HttpStatusCode.BadRequest, (await host.GetAsync($"{At}/effective?page=x")).Status);
    }

    private static (string?, string?, string?, string?) Row(JsonElement row) => (
        row.GetProperty("actor").GetProperty("user_id").GetString(), row.GetProperty("amount").GetString(), row.GetProperty("period_to_date_spend").GetString(), row.GetProperty("source").GetProperty("type").GetString());
}
