using System.Net;
using System.Text.Json;
using Tollgate.Admin.Resources;
using Tollgate.Configuration;
using Tollgate.Control;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Keys;

namespace Tollgate.Tests.Admin;

public sealed class AdminResourceTests
{
    public static TheoryData<string, string> Kinds => new()
    {
        { "customers", Examples.Customer }, { "teams", Examples.Team }, { "projects", Examples.Project }, { "keys", Examples.Key }, { "budgets", Examples.Budget },
        { "limits", Examples.Limit }, { "provider-keys", Examples.ProviderKey }, { "webhooks", Examples.Webhook }, { "people", Examples.Person }, { "admin-tokens", Examples.AdminToken },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task An_object_is_made_read_listed_replaced_and_removed(string kind, string example)
    {
        await using var host = await AdminHost.StartAsync();
        var made = await host.PostAsync($"/api/{kind}", example);
        Assert.Equal(HttpStatusCode.Created, made.Status);
        var id = made.Json.GetProperty("id").GetString()!;
        Assert.Equal($"/api/{kind}/{id}", made.Header("Location"));

        var read = await host.GetAsync($"/api/{kind}/{id}");
        Assert.Equal(HttpStatusCode.OK, read.Status);
        Assert.Equal(made.ETag, read.ETag);
        var listed = await host.GetAsync($"/api/{kind}");
        Assert.Equal(id, Assert.Single(listed.Json.GetProperty("data").EnumerateArray()).GetProperty("id").GetString());
        Assert.False(listed.Json.GetProperty("hasMore").GetBoolean());

        Assert.Equal((HttpStatusCode)428, (await host.PutAsync($"/api/{kind}/{id}", example, ifMatch: null)).Status);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await host.PutAsync($"/api/{kind}/{id}", WithId(example, id), ifMatch: "\"999999\"")).Status);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await host.PutAsync($"/api/{kind}/{id}", WithId(example, id), ifMatch: "nonsense")).Status);
        var replaced = await host.PutAsync($"/api/{kind}/{id}", WithId(example, id), ifMatch: read.ETag);
        Assert.Equal(HttpStatusCode.OK, replaced.Status);
        Assert.NotEqual(read.ETag, replaced.ETag);

        Assert.Equal((HttpStatusCode)428, (await host.DeleteAsync($"/api/{kind}/{id}", ifMatch: null)).Status);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await host.DeleteAsync($"/api/{kind}/{id}", ifMatch: read.ETag)).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await host.DeleteAsync($"/api/{kind}/{id}", ifMatch: replaced.ETag)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await host.GetAsync($"/api/{kind}/{id}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await host.DeleteAsync($"/api/{kind}/{id}")).Status);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_field_that_may_not_be_set_from_outside_is_refused_by_name(string kind, string example)
    {
        await using var host = await AdminHost.StartAsync();
        foreach (var field in new[] { "hash", "previousHash", "spent", "revision", "isReadOnly", "role1", "raises", "Id", "__proto__", "$schema" })
        {
            var answer = await host.PostAsync($"/api/{kind}", $"{{\"{field}\":1,{example[1..]}");
            Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
            Assert.Contains(answer.Fields, found => found.Contains(field, StringComparison.Ordinal));
            Assert.Contains("is not a known key", answer.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }

        Assert.Empty((await host.GetAsync($"/api/{kind}")).Json.GetProperty("data").EnumerateArray());
    }

    [Fact]
    public async Task Everything_wrong_with_a_body_is_said_at_once_in_the_words_of_the_file()
    {
        await using var host = await AdminHost.StartAsync();
        var answer = await host.PostAsync("/api/budgets", """{"id":"UPPER","scop":"team","limitUsd":5,"limitTokens":-1,"window":"fortnight","thresholds":["a"]}""");
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Equal("application/problem+json", answer.Response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(["id", "limitTokens", "limitUsd", "scop", "thresholds[0]"], answer.Fields.Order(StringComparer.Ordinal));
        Assert.Contains("Did you mean \\u0022scope\\u0022?", answer.Body, StringComparison.Ordinal);

        var cross = await host.PostAsync("/api/budgets", """{"id":"a","scope":"team","limitUsd":"1","limitTokens":1,"window":"fortnight","timeZone":"Mars/Base"}""");
        Assert.Equal(["(body)", "value", "window"], cross.Fields.Order(StringComparer.Ordinal));

        // The same budget in the file has the same problems.
        var problems = new ProblemList();
        CrossFieldRules.Check(new TollgateOptions { Budgets = [new BudgetOptions { Id = "a", Scope = ScopeKind.Team, LimitUsd = new(1_000_000_000), LimitTokens = 1, Window = "fortnight", TimeZone = "Mars/Base" }] }, problems);
        Assert.Equal(cross.Fields.Order(StringComparer.Ordinal), problems.Problems.Select(static problem => problem.Path == "budgets[0]" ? "(body)" : problem.Path["budgets[0].".Length..]).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("10.0.0.0/8", true)]
    [InlineData("2001:db8::/32", true)]
    [InlineData("192.0.2.7/32", true)]
    [InlineData("10.0.0.0/33", false)]
    [InlineData("localhost", false)]
    public async Task A_network_of_a_key_is_one(string network, bool isOne)
    {
        await using var host = await AdminHost.StartAsync();
        var answer = await host.PostAsync("/api/keys", $$"""{"sourceNetworks":["{{network}}"]}""");
        Assert.Equal(isOne ? HttpStatusCode.Created : HttpStatusCode.BadRequest, answer.Status);
        Assert.True(isOne || answer.Fields is ["sourceNetworks[0]"]);
    }

    [Theory]
    [InlineData("5.00", "5.00")]
    [InlineData("0.000000001", "0.000000001")]
    [InlineData("123456789.123456789", "123456789.123456789")]
    [InlineData("0", "0.00")]
    [InlineData("1e3", null)]
    [InlineData("-1", null)]
    [InlineData("0.0000000001", null)]
    [InlineData("1,000", null)]
    [InlineData("NaN", null)]
    public async Task Money_is_text_and_exact(string given, string? kept)
    {
        await using var host = await AdminHost.StartAsync();
        var answer = await host.PostAsync("/api/budgets", $$"""{"id":"a","limitUsd":"{{given}}"}""");
        Assert.Equal(kept, answer.Status == HttpStatusCode.Created ? answer.Json.GetProperty("limitUsd").GetString() : null);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData(null)]
    public async Task A_body_that_a_page_could_post_without_asking_is_refused(string? type)
    {
        await using var host = await AdminHost.StartAsync();
        var answer = await host.SendAsync(HttpMethod.Post, "/api/teams", Examples.Team, change: request =>
        {
            request.Content!.Headers.ContentType = null;
            if (type is not null)
            {
                request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
            }
        });
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.Status);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"id":"a","id":"b"}""")]
    public async Task A_body_that_is_no_object_is_refused(string body)
    {
        await using var host = await AdminHost.StartAsync();
        Assert.Equal(HttpStatusCode.BadRequest, (await host.PostAsync("/api/teams", body)).Status);
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused()
    {
        await using var host = await AdminHost.StartAsync();
        var answer = await host.PostAsync("/api/teams", $$"""{"id":"a","name":"{{new string('x', 300_000)}}"}""");
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.Status);
    }

    [Fact]
    public async Task A_text_that_says_where_a_secret_is_stays_a_text()
    {
        await using var host = await AdminHost.StartAsync();
        var answer = await host.PostAsync("/api/provider-keys", """{"id":"a","upstream":"anthropic","secret":"env:PATH"}""");
        Assert.Equal(HttpStatusCode.Created, answer.Status);
        Assert.Equal("env:PATH", (await host.Store.FindAsync<ProviderKey>("a", CancellationToken.None))!.Value.Secret);
    }

    [Fact]
    public async Task Pages_join_to_the_whole_list_and_filters_hold()
    {
        await using var host = await AdminHost.StartAsync();
        for (var i = 0; i < 7; i++)
        {
            await host.KeyOfAsync($"key{i}", i % 2 == 0 ? "alice" : "bob");
        }

        var seen = new List<string>();
        for (string? after = ""; after is not null;)
        {
            var page = (await host.GetAsync($"/api/keys?limit=3{(after.Length > 0 ? $"&after={after}" : "")}")).Json;
            seen.AddRange(page.GetProperty("data").EnumerateArray().Select(static key => key.GetProperty("id").GetString()!));
            after = page.GetProperty("next").GetString();
            Assert.Equal(after is not null, page.GetProperty("hasMore").GetBoolean());
        }

        Assert.Equal(Enumerable.Range(0, 7).Select(static i => $"key{i}"), seen);
        Assert.Equal(4, (await host.GetAsync("/api/keys?developer=alice")).Json.GetProperty("data").GetArrayLength());
        Assert.Equal(1, (await host.GetAsync("/api/keys?text=EY3")).Json.GetProperty("data").GetArrayLength());
        var unknown = await host.GetAsync("/api/keys?develper=alice&limit=0");
        Assert.Equal(HttpStatusCode.BadRequest, unknown.Status);
        Assert.Contains("Did you mean \\u0022developer\\u0022?", unknown.Body, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await host.GetAsync("/api/keys?limit=0")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await host.GetAsync("/api/keys?limit=1&limit=2")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await host.GetAsync("/api/budgets?scope=nobody")).Status);
    }

    [Fact]
    public async Task A_key_is_shown_whole_once_and_works_until_it_is_rotated_or_revoked()
    {
        await using var host = await AdminHost.StartAsync();
        var made = await host.PostAsync("/api/keys", """{"id":"alice01","developer":"alice"}""");
        var first = made.Json.GetProperty("key").GetString()!;
        Assert.True(VirtualKeyFormat.TryParse(first, out _));
        Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/api/me", first)).Status);
        var rotated = await host.PostAsync("/api/keys/alice01/rotate", """{"overlap":"01:00:00"}""");
        var second = rotated.Json.GetProperty("key").GetString()!;
        Assert.Equal("2026-11-25T13:00:00Z", rotated.Json.GetProperty("previousKeyEndsAt").GetString());
        Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/api/me", first)).Status);
        Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/api/me", second)).Status);
        host.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(HttpStatusCode.Unauthorized, (await host.GetAsync("/api/me", first)).Status);
        Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/api/me", second)).Status);

        // A change of other fields does not touch the key.
        Assert.Equal(HttpStatusCode.OK, (await host.PutAsync("/api/keys/alice01", """{"developer":"alice","name":"renamed"}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/api/me", second)).Status);
        Assert.Equal(HttpStatusCode.OK, (await host.SendAsync(HttpMethod.Post, "/api/keys/alice01/revoke")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await host.GetAsync("/api/me", second)).Status);

        foreach (var path in new[] { "/api/keys", "/api/keys/alice01", "/api/audit" })
        {
            var body = (await host.GetAsync(path)).Body;
            Assert.DoesNotContain(first, body, StringComparison.Ordinal);
            Assert.DoesNotContain(second, body, StringComparison.Ordinal);
            Assert.DoesNotContain(VirtualKeyFormat.HashText(second)[7..], body, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_secret_left_out_of_a_change_stays()
    {
        await using var host = await AdminHost.StartAsync();
        Assert.Equal(HttpStatusCode.BadRequest, (await host.PostAsync("/api/provider-keys", """{"id":"a","upstream":"anthropic"}""")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await host.PostAsync("/api/provider-keys", """{"id":"a","upstream":"antropic","secret":"x"}""")).Status);
        await host.PostAsync("/api/provider-keys", """{"id":"a","upstream":"anthropic","secret":"first"}""");
        await host.PutAsync("/api/provider-keys/a", """{"upstream":"anthropic","name":"renamed"}""");
        var kept = (await host.Store.FindAsync<ProviderKey>("a", CancellationToken.None))!.Value;
        Assert.Equal(("first", "renamed"), (kept.Secret, kept.Name));
        await host.PutAsync("/api/provider-keys/a", """{"upstream":"anthropic","secret":"second"}""");
        Assert.Equal("second", (await host.Store.FindAsync<ProviderKey>("a", CancellationToken.None))!.Value.Secret);
    }

    [Theory]
    [InlineData("http://hooks.example.com")]
    [InlineData("https://user:password@hooks.example.com")]
    [InlineData("file:///etc/passwd")]
    [InlineData("hooks.example.com")]
    public async Task A_webhook_is_https_without_a_user(string url)
    {
        await using var host = await AdminHost.StartAsync();
        var answer = await host.PostAsync("/api/webhooks", $$"""{"id":"a","url":"{{url}}","secret":"0123456789abcdef"}""");
        Assert.Equal(["url"], answer.Fields);
        Assert.DoesNotContain("password", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_file_declares_is_read_only()
    {
        await using var host = await AdminHost.StartAsync(declared: new TollgateOptions { Teams = [new TeamOptions { Id = "search" }] });
        var read = await host.GetAsync("/api/teams/search");
        Assert.True(read.Json.GetProperty("isReadOnly").GetBoolean());
        foreach (var answer in new[] { await host.PutAsync("/api/teams/search", "{}"), await host.DeleteAsync("/api/teams/search"), await host.PostAsync("/api/teams", """{"id":"search"}""") })
        {
            Assert.Equal(HttpStatusCode.Conflict, answer.Status);
            Assert.Equal("urn:tollgate:problem:read-only", answer.Json.GetProperty("type").GetString());
            Assert.Contains("tollgate.json", answer.Body, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_budget_is_raised_until_a_time()
    {
        await using var host = await AdminHost.StartAsync();
        await host.PostAsync("/api/budgets", """{"id":"a","limitUsd":"5.00"}""");
        var raised = await host.PostAsync("/api/budgets/a/raises", """{"usd":"2.50","until":"2026-12-01T00:00:00Z"}""");
        Assert.Equal(HttpStatusCode.Created, raised.Status);
        Assert.Equal("2.50", raised.Json.GetProperty("raises")[0].GetProperty("usd").GetString());
        Assert.Equal(HttpStatusCode.BadRequest, (await host.PostAsync("/api/budgets/a/raises", """{"tokens":5,"until":"2026-12-01T00:00:00Z"}""")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await host.PostAsync("/api/budgets/a/raises", """{"usd":"1","until":"2026-11-25T12:00:00Z"}""")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await host.PostAsync("/api/budgets/a/raises", """{"usd":"1"}""")).Status);

        // A change of the budget leaves its raises.
        var replaced = await host.PutAsync("/api/budgets/a", """{"limitUsd":"6.00"}""");
        Assert.Equal(1, replaced.Json.GetProperty("raises").GetArrayLength());
    }

    [Fact]
    public async Task States_are_shown_in_what_the_budget_counts()
    {
        await using var host = await AdminHost.StartAsync();
        var usd = new BudgetOptions { Id = "usd", Scope = ScopeKind.Team, Value = "*", LimitUsd = Nanodollars.FromDollars(5) };
        var end = new DateTimeOffset(2026, 12, 1, 0, 0, 0, TimeSpan.Zero);
        host.States.BudgetStates.Add(new BudgetState(usd, "search", 1_500_000_001, 250_000_000, 5_000_000_000, end.AddMonths(-1), end, IsKnown: true));
        host.States.BudgetStates.Add(new BudgetState(usd, "ads", 0, 0, 5_000_000_000, end.AddMonths(-1), end, IsKnown: false));
        host.States.LimitStates.Add(new LimitState(new LimitOptions { Id = "rpm", Limit = 60 }, "", 7));
        var data = (await host.GetAsync("/api/budgets/state?limit=1")).Json;
        Assert.Equal("ads", data.GetProperty("data")[0].GetProperty("value").GetString());
        var second = (await host.GetAsync($"/api/budgets/state?after={Uri.EscapeDataString(data.GetProperty("next").GetString()!)}")).Json.GetProperty("data")[0];
        Assert.Equal(("1.500000001", "0.25", "5.00"), (second.GetProperty("spentUsd").GetString(), second.GetProperty("heldUsd").GetString(), second.GetProperty("limitUsd").GetString()));
        Assert.Equal(JsonValueKind.Null, second.GetProperty("spentTokens").ValueKind);
        Assert.Equal("2026-12-01T00:00:00Z", second.GetProperty("resetsAt").GetString());
        Assert.Equal(7, (await host.GetAsync("/api/limits/state")).Json.GetProperty("data")[0].GetProperty("used").GetInt64());
    }

    [Fact]
    public async Task A_key_holder_sees_what_bounds_their_own_key()
    {
        await using var host = await AdminHost.StartAsync();
        await host.PostAsync("/api/teams", """{"id":"search","customer":"acme"}""");
        foreach (var body in new[]
        {
            """{"id":"all","limitUsd":"1000"}""", """{"id":"acme","scope":"customer","value":"acme","limitUsd":"500"}""", """{"id":"each","scope":"developer","value":"*","limitUsd":"50"}""",
            """{"id":"bob","scope":"developer","value":"bob","limitUsd":"50"}""", """{"id":"ads","scope":"team","value":"ads","limitUsd":"50"}""",
        })
        {
            Assert.Equal(HttpStatusCode.Created, (await host.PostAsync("/api/budgets", body)).Status);
        }

        await host.PostAsync("/api/limits", """{"id":"rpm","scope":"key","value":"alice01","limit":60}""");
        var key = await host.KeyOfAsync("alice01", "alice", "search");
        var each = (await host.Store.FindAsync<BudgetOptions>("each", CancellationToken.None))!.Value;
        host.States.BudgetStates.Add(new BudgetState(each, "alice", 3_000_000_000, 0, 50_000_000_000, null, null, true));
        host.States.BudgetStates.Add(new BudgetState(each, "bob", 9_000_000_000, 0, 50_000_000_000, null, null, true));

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/me");
        request.Headers.Add("x-tollgate-key", key);
        using var response = await host.Client.SendAsync(request);
        var me = JsonElement.Parse(await response.Content.ReadAsStringAsync());
        Assert.Equal("alice01", Assert.Single(me.GetProperty("keys").EnumerateArray()).GetProperty("id").GetString());
        Assert.Equal(["acme", "all", "each"], me.GetProperty("budgets").EnumerateArray().Select(static budget => budget.GetProperty("id").GetString()));
        Assert.Equal("3.00", me.GetProperty("budgets")[2].GetProperty("spentUsd").GetString());
        Assert.Equal("rpm", Assert.Single(me.GetProperty("limits").EnumerateArray()).GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_change_is_written_down_with_who_made_it()
    {
        await using var host = await AdminHost.StartAsync();
        var editor = await host.TokenOfAsync("editor01", "editor");
        await host.PostAsync("/api/teams", Examples.Team, editor);
        await host.PostAsync("/api/provider-keys", Examples.ProviderKey);
        var entry = (await host.GetAsync("/api/audit?kind=team")).Json.GetProperty("data")[0];
        Assert.Equal(("editor01", "token", "create", "search", "127.0.0.1"), (
            entry.GetProperty("actorId").GetString(), entry.GetProperty("actorKind").GetString(), entry.GetProperty("action").GetString(), entry.GetProperty("objectId").GetString(), entry.GetProperty("address").GetString()));
        var viewer = await host.TokenOfAsync("viewer01", "viewer");
        Assert.Equal(["team"], (await host.GetAsync("/api/audit", viewer)).Json.GetProperty("data").EnumerateArray().Select(static one => one.GetProperty("kind").GetString()));
        Assert.Equal(HttpStatusCode.BadRequest, (await host.GetAsync("/api/audit?after=%27--")).Status);
    }

    [Fact]
    public void Every_field_that_may_be_posted_is_a_field_that_is_kept()
    {
        (Type Body, Type Item)[] pairs =
        [
            (typeof(CustomerBody), typeof(CustomerOptions)), (typeof(TeamBody), typeof(TeamOptions)), (typeof(ProjectBody), typeof(ProjectOptions)), (typeof(KeyBody), typeof(KeyOptions)),
            (typeof(BudgetBody), typeof(BudgetOptions)), (typeof(RaiseBody), typeof(RaiseOptions)), (typeof(LimitBody), typeof(LimitOptions)), (typeof(ProviderKeyBody), typeof(ProviderKey)),
            (typeof(WebhookBody), typeof(Webhook)), (typeof(PersonBody), typeof(Person)), (typeof(AdminTokenBody), typeof(AdminToken)),
        ];
        foreach (var (body, item) in pairs)
        {
            var (given, kept) = (Activator.CreateInstance(body)!, Activator.CreateInstance(item)!);
            foreach (var property in body.GetProperties().Where(static property => property.CanWrite))
            {
                Assert.Equal(property.PropertyType, item.GetProperty(property.Name)?.PropertyType);
                Assert.Equal(JsonSerializer.Serialize(item.GetProperty(property.Name)!.GetValue(kept)), JsonSerializer.Serialize(property.GetValue(given)));
            }

            string[] hidden = ["Hash", "PreviousHash", "PreviousHashExpiresAt", "Raises"];
            Assert.Empty(item.GetProperties().Where(static property => property.CanWrite).Select(static property => property.Name).Except(body.GetProperties().Select(static property => property.Name)).Except(hidden));
        }
    }

    private static string WithId(string example, string id)
    {
        var body = JsonSerializer.Deserialize<Dictionary<string, object>>(example)!;
        body["id"] = id;
        return JsonSerializer.Serialize(body);
    }
}
