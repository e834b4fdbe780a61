using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Tollgate.Admin.Access;
using Tollgate.Admin.Resources;
using Tollgate.Control;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Tests.Admin;

public sealed class AdminSecurityTests
{
    private static readonly string[] Payloads =
    [
        "' OR '1'='1", "'; DROP TABLE keys; --", "\" OR \"\"=\"", "1); DELETE FROM objects; --", "' UNION SELECT hash FROM keys --", "%27%20OR%201=1", "admin'--", "{x:String}", "$(id)", "`id`", "{{7*7}}",
        "<script>alert(1)</script>", "../../etc/passwd", "=cmd|' /C calc'!A0", "\u202Eexe.txt", "☃ snow", "a\\u0000b", "null", "%00", "\\", "'", "%",
    ];

    private static readonly string[] Lines = ["a\r\nSet-Cookie: x=y", "a\nb", "\u0000", "tab\there", "\u001b[2J", "\u0085"];

    [Fact]
    public async Task Answers_carry_the_headers_that_keep_browsers_from_guessing_and_keeping()
    {
        await using var host = await AdminHost.StartAsync();
        foreach (var (path, token) in new[] { ("/api/keys", AdminHost.Token), ("/api/keys", ""), ("/api/nothing", AdminHost.Token), ("/openapi/v1.json", ""), ("/v1/organizations/spend_limits", AdminHost.Token), ("/api/keys?x=1", AdminHost.Token) })
        {
            var answer = await host.SendAsync(HttpMethod.Get, path, token: token);
            Assert.Equal("no-store", answer.Header("Cache-Control"));
            Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
            Assert.Equal("no-referrer", answer.Header("Referrer-Policy"));
            Assert.Equal("same-origin", answer.Header("Cross-Origin-Opener-Policy"));
            Assert.Equal("same-origin", answer.Header("Cross-Origin-Resource-Policy"));
            Assert.Equal("DENY", answer.Header("X-Frame-Options"));
            Assert.StartsWith("default-src 'none'", answer.Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.Equal("", answer.Header("Server"));
            Assert.Equal("", answer.Header("Access-Control-Allow-Origin"));
        }
    }

    [Fact]
    public async Task No_credential_a_wrong_one_an_ended_one_and_a_disabled_one_get_the_same_answer()
    {
        await using var host = await AdminHost.StartAsync();
        var key = await host.KeyOfAsync("alice01");
        var ended = await host.PostAsync("/api/admin-tokens", """{"id":"ended","role":"administrator","expiresAt":"2026-11-25T12:00:00Z"}""");
        var disabled = await host.PostAsync("/api/admin-tokens", """{"id":"disabled","role":"administrator","disabled":true}""");
        var valid = await host.TokenOfAsync("valid", "administrator");
        string[] wrong =
        [
            "", "nonsense", AdminHost.Token + "x", AdminHost.Token[..^1], ended.Json.GetProperty("token").GetString()!, disabled.Json.GetProperty("token").GetString()!, valid[..^1] + (valid[^1] == 'a' ? 'b' : 'a'),
            valid.Replace("valid", "other", StringComparison.Ordinal), key[..^1],
        ];
        var bodies = new HashSet<string>();
        foreach (var token in wrong)
        {
            var answer = await host.GetAsync("/api/me", token);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
            Assert.Equal("Bearer", answer.Header("WWW-Authenticate"));
            bodies.Add(answer.Body);
        }

        Assert.Single(bodies);
        Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/api/me", valid)).Status);
    }

    [Fact]
    public async Task A_hash_is_no_credential_and_a_key_is_no_token()
    {
        await using var host = await AdminHost.StartAsync();
        var key = await host.KeyOfAsync("alice01");
        var token = await host.TokenOfAsync("valid", "administrator");
        var keyHash = (await host.Store.FindAsync<KeyOptions>("alice01", CancellationToken.None))!.Value.Hash;
        var tokenHash = (await host.Store.FindAsync<AdminToken>("valid", CancellationToken.None))!.Value.Hash;
        foreach (var presented in new[] { keyHash, tokenHash, keyHash[7..], tokenHash[7..] })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await host.GetAsync("/api/me", presented)).Status);
        }

        Assert.Equal(HttpStatusCode.Forbidden, (await host.GetAsync("/api/keys", key)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await host.GetAsync("/api/keys", "tg_" + token["tgadmin_".Length..])).Status);
    }

    [Fact]
    public async Task Wrong_credentials_slow_their_address_down_and_keep_nobody_out_who_has_a_right_one()
    {
        await using var host = await AdminHost.StartAsync();
        for (var i = 0; i < FailedAttempts.Burst; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await host.GetAsync("/api/me", "wrong")).Status);
        }

        Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/api/me", AdminHost.Token)).Status);
        var slowed = await host.GetAsync("/api/me", "wrong too");
        Assert.Equal(HttpStatusCode.TooManyRequests, slowed.Status);
        Assert.Equal("6", slowed.Header("Retry-After"));
        host.Time.Advance(FailedAttempts.Refill);
        Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/api/me")).Status);
        Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/metrics", "")).Status);
    }

    [Fact]
    public void Addresses_that_failed_are_bounded_and_a_subscriber_of_IPv6_counts_once()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var failures = new FailedAttempts(time);
        for (var i = 0; i < FailedAttempts.MostAddresses * 2; i++)
        {
            failures.Add(new IPAddress([10, 1, (byte)(i >> 8), (byte)i]));
            failures.Add(new IPAddress([11, 1, (byte)(i >> 8), (byte)i]));
        }

        Assert.Equal(FailedAttempts.MostAddresses, failures.Count);
        for (var i = 0; i < FailedAttempts.Burst; i++)
        {
            failures.Add(IPAddress.Parse($"2001:db8:1:2::{i + 1}"));
        }

        Assert.True(failures.MustWait(IPAddress.Parse("2001:db8:1:2:ffff::1")) > TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, failures.MustWait(IPAddress.Parse("2001:db8:1:3::1")));
        time.Advance(FailedAttempts.Refill * FailedAttempts.Burst);
        Assert.Equal(TimeSpan.Zero, failures.MustWait(IPAddress.Parse("2001:db8:1:2::1")));
    }

    public static TheoryData<string, string> Kinds => AdminResourceTests.Kinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Whatever_a_field_says_is_kept_as_text_or_refused(string kind, string example)
    {
        await using var host = await AdminHost.StartAsync();
        var tables = (await host.GetAsync("/api/audit")).Status;
        Assert.Equal(HttpStatusCode.OK, tables);
        var fields = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(example)!;
        var number = 0;
        foreach (var field in fields.Where(static pair => pair.Value.ValueKind == JsonValueKind.String).Select(static pair => pair.Key).Append("name").Distinct().ToArray())
        {
            foreach (var payload in Payloads)
            {
                var body = fields.ToDictionary(static pair => pair.Key, static pair => (object)pair.Value);
                body["id"] = $"item{number++}";
                body[field] = payload;
                var answer = await host.PostAsync($"/api/{kind}", JsonSerializer.Serialize(body));
                Assert.True(answer.Status is HttpStatusCode.Created or HttpStatusCode.BadRequest, $"{kind}.{field} = {payload}: {answer.Status} {answer.Body}");
                if (answer.Status == HttpStatusCode.Created && field is not ("secret" or "url"))
                {
                    var read = await host.GetAsync($"/api/{kind}/{Uri.EscapeDataString(answer.Json.GetProperty("id").GetString()!)}");
                    Assert.Equal(payload, read.Json.GetProperty(field).GetString());
                }
            }

            foreach (var line in Lines)
            {
                var body = fields.ToDictionary(static pair => pair.Key, static pair => (object)pair.Value);
                body[field] = line;
                var answer = await host.PostAsync($"/api/{kind}", JsonSerializer.Serialize(body));
                Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
                Assert.Equal("", answer.Header("Set-Cookie"));
            }
        }
    }

    [Fact]
    public async Task Whatever_a_filter_a_path_or_a_failed_log_in_says_finds_nothing_and_breaks_nothing()
    {
        await using var host = await AdminHost.StartAsync();
        await host.KeyOfAsync("alice01", "alice");
        foreach (var payload in Payloads.Concat(Lines))
        {
            foreach (var parameter in new[] { "developer", "team", "customer", "project", "email", "text", "after" })
            {
                var answer = await host.GetAsync($"/api/keys?{parameter}={Uri.EscapeDataString(payload)}");
                Assert.True(answer.Status is HttpStatusCode.OK or HttpStatusCode.BadRequest, $"{parameter} = {payload}: {answer.Status}");
                if (answer.Status == HttpStatusCode.OK && parameter != "after")
                {
                    Assert.Empty(answer.Json.GetProperty("data").EnumerateArray());
                }
            }

            Assert.True((await host.GetAsync($"/api/keys/{Uri.EscapeDataString(payload)}")).Status is HttpStatusCode.NotFound or HttpStatusCode.BadRequest);
            Assert.True((await host.GetAsync($"/api/audit?kind={Uri.EscapeDataString(payload)}&after={Uri.EscapeDataString(payload)}")).Status is HttpStatusCode.BadRequest or HttpStatusCode.OK);
            if (payload.All(static character => character is >= ' ' and <= '~'))
            {
                host.Time.Advance(TimeSpan.FromHours(1));
                Assert.Equal(HttpStatusCode.Unauthorized, (await host.GetAsync("/api/keys", payload)).Status);
                Assert.Equal(HttpStatusCode.Unauthorized, (await host.GetAsync("/api/keys", $"tgadmin_{payload}_{new string('a', 43)}")).Status);
                Assert.Equal(HttpStatusCode.Unauthorized, (await host.SendAsync(HttpMethod.Get, "/api/keys", token: "", change: request => request.Headers.TryAddWithoutValidation("Cookie", $"tollgate={Uri.EscapeDataString(payload)}"))).Status);
            }
        }

        Assert.Single((await host.GetAsync("/api/keys")).Json.GetProperty("data").EnumerateArray());
    }

    [Fact]
    public async Task No_secret_comes_out_again_in_an_answer_or_a_log_line()
    {
        await using var host = await AdminHost.StartAsync();
        var secrets = new List<string> { AdminHost.Token };
        var canary = 0;
        string Canary()
        {
            var secret = $"canary{canary++}x{Guid.NewGuid():N}";
            secrets.Add(secret);
            return secret;
        }

        var answers = new StringBuilder();
        async Task Send(HttpMethod method, string path, string? body, string? token = null)
        {
            var answer = await host.SendAsync(method, path, body, token, "*");
            answers.AppendLine($"{answer.Body} {answer.Response.Headers} {answer.Response.Content.Headers}");
        }

        // Right, wrong by value, wrong by type, of an unknown name, too long, in a header, in a query.
        foreach (var secret in new[] { $"\"{Canary()}\"", $"[\"{Canary()}\"]", $"{{\"a\":\"{Canary()}\"}}", $"\"{Canary()} with a space\"", $"\"{Canary()}\\n\"", $"\"{Canary()}{new string('x', 5000)}\"" })
        {
            await Send(HttpMethod.Post, "/api/provider-keys", $$"""{"id":"a","upstream":"anthropic","secret":{{secret}}}""");
            await Send(HttpMethod.Put, "/api/provider-keys/a", $$"""{"upstream":"anthropic","secret":{{secret}}}""");
            await Send(HttpMethod.Post, "/api/webhooks", $$"""{"id":"a","url":"https://hooks.example.com/x","secret":{{secret}}}""");
            await Send(HttpMethod.Post, "/api/webhooks", $$"""{"id":"b","url":"ftp://{{secrets[^1]}}/","secret":{{secret}}}""");
            await Send(HttpMethod.Post, "/api/admin-tokens", $$"""{"id":"abcd","hash":{{secret}}}""");
            await Send(HttpMethod.Post, "/api/keys", $$"""{"id":"abcd","hash":{{secret}}}""");
        }

        await Send(HttpMethod.Post, "/api/provider-keys", $"{{\"id\":\"a\",\"secret\":{Canary()}");
        await Send(HttpMethod.Get, "/api/keys", null, Canary());
        await Send(HttpMethod.Get, "/api/keys", null, $"tg_alice_{Canary()}");
        await Send(HttpMethod.Get, "/api/keys", null, $"tgadmin_alice_{Canary()}");
        var key = await host.KeyOfAsync("alice01");
        var token = await host.TokenOfAsync("token01", "administrator");
        secrets.AddRange([key, token, .. (await host.Store.ReadAsync(CancellationToken.None)).Keys.Select(static one => one.Hash[7..])]);
        await Send(HttpMethod.Get, "/api/me", null, key);
        foreach (var path in new[] { "/api/keys", "/api/admin-tokens", "/api/provider-keys", "/api/webhooks", "/api/audit?limit=1000", "/openapi/v1.json", "/metrics", "/readyz", "/healthz", "/api/me" })
        {
            await Send(HttpMethod.Get, path, null, token);
        }

        foreach (var secret in secrets)
        {
            Assert.DoesNotContain(secret, answers.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain(secret, host.Logs.All, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("attacker.example:8081", HttpStatusCode.Forbidden)]
    [InlineData("127.0.0.1.attacker.example", HttpStatusCode.Forbidden)]
    [InlineData("169.254.169.254", HttpStatusCode.Forbidden)]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("LOCALHOST:9", HttpStatusCode.OK)]
    [InlineData("[::1]:8081", HttpStatusCode.OK)]
    [InlineData("tollgate.example.com", HttpStatusCode.OK)]
    public async Task A_name_that_is_not_ours_is_refused_on_loopback(string name, HttpStatusCode status)
    {
        await using var host = await AdminHost.StartAsync(static options => options with { Hosts = ["tollgate.example.com"] });
        Assert.Equal(status, (await host.SendAsync(HttpMethod.Get, "/api/me", change: request => request.Headers.Host = name)).Status);
    }

    [Fact]
    public async Task Headers_that_claim_another_address_or_route_change_nothing()
    {
        await using var host = await AdminHost.StartAsync();
        var viewer = await host.TokenOfAsync("viewer", "viewer");
        var answer = await host.SendAsync(HttpMethod.Get, "/api/people", token: viewer, change: static request =>
        {
            request.Headers.Add("X-Original-URL", "/healthz");
            request.Headers.Add("X-Rewrite-URL", "/api/me");
            request.Headers.Add("X-Forwarded-For", "10.0.0.1");
            request.Headers.Add("X-HTTP-Method-Override", "GET");
        });
        Assert.Equal(HttpStatusCode.Forbidden, answer.Status);
        for (var i = 0; i <= FailedAttempts.Burst; i++)
        {
            answer = await host.SendAsync(HttpMethod.Get, "/api/me", token: "wrong", change: request => request.Headers.Add("X-Forwarded-For", $"10.0.0.{i}"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, answer.Status);
    }

    [Fact]
    public async Task A_lead_rules_their_own_team_and_sees_nothing_else()
    {
        await using var host = await AdminHost.StartAsync();
        foreach (var (path, body) in new[]
        {
            ("teams", """{"id":"search","customer":"acme"}"""), ("teams", """{"id":"ads","customer":"acme"}"""), ("customers", """{"id":"acme"}"""), ("customers", """{"id":"other"}"""),
            ("keys", """{"id":"ours","team":"search"}"""), ("keys", """{"id":"theirs","team":"ads"}"""), ("projects", """{"id":"ranking","team":"search"}"""),
            ("budgets", """{"id":"ours","scope":"team","value":"search","limitUsd":"5"}"""), ("budgets", """{"id":"theirs","scope":"team","value":"ads","limitUsd":"5"}"""),
            ("budgets", """{"id":"all","limitUsd":"5"}"""), ("budgets", """{"id":"their-key","scope":"key","value":"theirs","limitUsd":"5"}"""),
        })
        {
            Assert.Equal(HttpStatusCode.Created, (await host.PostAsync($"/api/{path}", body)).Status);
        }

        var lead = await host.TokenOfAsync("lead", "editor", "search");
        async Task<string[]> Ids(string path) => [.. (await host.GetAsync(path, lead)).Json.GetProperty("data").EnumerateArray().Select(static one => one.GetProperty("id").GetString()!)];
        Assert.Equal(["ours"], await Ids("/api/keys"));
        Assert.Equal(["search"], await Ids("/api/teams"));
        Assert.Equal(["acme"], await Ids("/api/customers"));
        Assert.Equal(["ours"], await Ids("/api/budgets"));
        Assert.Empty(await Ids("/api/keys?team=ads"));

        // What they can't see does not exist for them.
        Assert.Equal(HttpStatusCode.NotFound, (await host.GetAsync("/api/keys/theirs", lead)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await host.DeleteAsync("/api/keys/theirs", token: lead)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await host.PutAsync("/api/budgets/their-key", """{"scope":"key","value":"theirs","limitUsd":"1"}""", token: lead)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await host.SendAsync(HttpMethod.Post, "/api/keys/theirs/revoke", token: lead)).Status);

        // Their own: a key falls into their team by itself.
        var made = await host.PostAsync("/api/keys", """{"id":"new1"}""", lead);
        Assert.Equal("search", made.Json.GetProperty("team").GetString());
        Assert.Equal(HttpStatusCode.Created, (await host.PostAsync("/api/budgets", """{"id":"new1","scope":"key","value":"new1","limitUsd":"5"}""", lead)).Status);
        Assert.Equal(HttpStatusCode.Created, (await host.PostAsync("/api/limits", """{"id":"new1","scope":"project","value":"ranking","limit":5}""", lead)).Status);

        // Nothing that would widen their own rights.
        foreach (var (method, path, body) in new (HttpMethod, string, string)[]
        {
            (HttpMethod.Post, "/api/keys", """{"id":"evil","team":"ads"}"""), (HttpMethod.Post, "/api/keys", """{"id":"evil","customer":"other"}"""), (HttpMethod.Put, "/api/keys/ours", """{"team":"ads"}"""),
            (HttpMethod.Put, "/api/keys/ours", """{}"""), (HttpMethod.Put, "/api/budgets/ours", """{"scope":"team","value":"search","limitUsd":"500"}"""), (HttpMethod.Delete, "/api/budgets/ours", ""),
            (HttpMethod.Post, "/api/budgets/ours/raises", """{"usd":"500","until":"2027-01-01T00:00:00Z"}"""), (HttpMethod.Post, "/api/budgets", """{"id":"evil","limitUsd":"5"}"""),
            (HttpMethod.Put, "/api/teams/search", """{"customer":"other"}"""), (HttpMethod.Post, "/api/admin-tokens", """{"role":"administrator"}"""), (HttpMethod.Post, "/api/people", """{"id":"me","role":"administrator"}"""),
            (HttpMethod.Post, "/api/projects", """{"id":"evil","team":"ads"}"""), (HttpMethod.Put, "/api/budgets/new1", """{"scope":"team","value":"search","limitUsd":"5"}"""),
        })
        {
            var answer = await host.SendAsync(method, path, body.Length > 0 ? body : null, lead, "*");
            Assert.True(answer.Status == HttpStatusCode.Forbidden, $"{method} {path} {body}: {answer.Status} {answer.Body}");
        }

        Assert.Equal(HttpStatusCode.NoContent, (await host.DeleteAsync("/api/budgets/new1", token: lead)).Status);
    }

    [Fact]
    public async Task A_session_ends_when_idle_when_old_when_signed_out_and_when_its_person_is_shut_out()
    {
        await using var host = await AdminHost.StartAsync();
        var person = new Person { Id = "alice", Role = Role.Viewer };
        async Task<HttpStatusCode> Ask(string cookie) => (await host.SendAsync(HttpMethod.Get, "/api/keys", token: "", change: request => request.Headers.Add("Cookie", cookie))).Status;

        var (cookie, csrf) = await host.SignInAsync(person);
        for (var passed = TimeSpan.Zero; passed < Sessions.Longest - TimeSpan.FromMinutes(25); passed += TimeSpan.FromMinutes(25))
        {
            Assert.Equal(HttpStatusCode.OK, await Ask(cookie));
            host.Time.Advance(TimeSpan.FromMinutes(25));
        }

        host.Time.Advance(TimeSpan.FromMinutes(25));
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(cookie));

        (cookie, _) = await host.SignInAsync(person);
        host.Time.Advance(Sessions.Idle);
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(cookie));

        (cookie, csrf) = await host.SignInAsync(person);
        var signedOut = await host.SendAsync(HttpMethod.Post, "/auth/logout", token: "", change: request => { request.Headers.Add("Cookie", cookie); request.Headers.Add(Sessions.CsrfHeader, csrf); });
        Assert.Equal(HttpStatusCode.NoContent, signedOut.Status);
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(cookie));

        (cookie, _) = await host.SignInAsync(person);
        Assert.Equal(HttpStatusCode.OK, await Ask(cookie));
        Assert.Equal(HttpStatusCode.OK, (await host.PutAsync("/api/people/alice", """{"role":"viewer","disabled":true}""")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(cookie));
    }

    [Theory]
    [InlineData(null, null, null, HttpStatusCode.Forbidden)]
    [InlineData("wrong", null, null, HttpStatusCode.Forbidden)]
    [InlineData("right", "cross-site", null, HttpStatusCode.Forbidden)]
    [InlineData("right", "same-site", null, HttpStatusCode.Forbidden)]
    [InlineData("right", "same-origin", "https://attacker.example", HttpStatusCode.Forbidden)]
    [InlineData("right", null, "null", HttpStatusCode.Forbidden)]
    [InlineData("right", "same-origin", "own", HttpStatusCode.Created)]
    [InlineData("right", "none", null, HttpStatusCode.Created)]
    public async Task A_change_with_a_cookie_needs_the_sessions_token_and_our_own_origin(string? csrf, string? site, string? origin, HttpStatusCode status)
    {
        await using var host = await AdminHost.StartAsync();
        var (cookie, token) = await host.SignInAsync(new Person { Id = "alice", Role = Role.Administrator });
        var me = await host.SendAsync(HttpMethod.Get, "/api/me", token: "", change: request => request.Headers.Add("Cookie", cookie));
        Assert.Equal(token, me.Json.GetProperty("caller").GetProperty("csrf").GetString());
        var answer = await host.SendAsync(HttpMethod.Post, "/api/teams", Examples.Team, "", change: request =>
        {
            request.Headers.Add("Cookie", cookie);
            if (csrf is not null)
            {
                request.Headers.Add(Sessions.CsrfHeader, csrf == "right" ? token : csrf);
            }

            if (site is not null)
            {
                request.Headers.Add("Sec-Fetch-Site", site);
            }

            if (origin is not null)
            {
                request.Headers.Add("Origin", origin == "own" ? host.Address.GetLeftPart(UriPartial.Authority) : origin);
            }
        });
        Assert.Equal(status, answer.Status);
    }

    [Fact]
    public async Task A_store_that_is_away_gets_503_and_what_its_driver_said_stays_in_the_log()
    {
        await using var host = await AdminHost.StartAsync(wrap: static _ => DispatchProxy.Create<IControlStore, AwayStore>());
        var valid = await host.GetAsync("/api/keys");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, valid.Status);
        Assert.Equal("urn:tollgate:problem:unavailable", valid.Json.GetProperty("type").GetString());
        var other = await host.GetAsync("/api/me", AdminTokenFormat.Create("other"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, other.Status);
        Assert.DoesNotContain(AwayStore.Said, valid.Body + other.Body, StringComparison.Ordinal);
        Assert.Contains(AwayStore.Said, host.Logs.All, StringComparison.Ordinal);
    }

    /// <summary>A control store that can't be reached.</summary>
    public class AwayStore : DispatchProxy
    {
        public const string Said = "what the driver said of 10.1.2.3";

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => throw new ControlUnavailableException(new IOException(Said));
    }

    [Fact]
    public async Task Bytes_that_are_no_HTTP_get_400_and_the_listener_goes_on()
    {
        await using var host = await AdminHost.StartAsync();
        using var socket = new TcpClient();
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync("GET /api/keys HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\0b\r\n\r\n"u8.ToArray());
        var buffer = new byte[64];
        var read = await stream.ReadAsync(buffer);
        Assert.StartsWith("HTTP/1.1 400", Encoding.ASCII.GetString(buffer, 0, read), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/api/me")).Status);
    }
}
