using System.Net;
using Tollgate.Admin.Access;
using Tollgate.Control;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Tests.Admin;

/// <summary>Signing in with a provider, from the first redirect to the cookie.</summary>
public sealed class SignInTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Somebody_whose_group_has_a_role_gets_a_session_of_that_role(bool https)
    {
        await using var provider = await FakeOidcProvider.StartAsync();
        await using var host = await StartAsync(provider, https);
        provider.Claims = new() { ["sub"] = "subject-1", ["email"] = "alice@example.com", ["email_verified"] = true, ["groups"] = new[] { "staff", "leads" } };
        var (status, cookie) = await SignInAsync(host);
        Assert.Equal(HttpStatusCode.OK, status);
        var name = https ? Sessions.SecureCookie : Sessions.PlainCookie;
        Assert.StartsWith($"{name}=", cookie, StringComparison.Ordinal);
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("path=/", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(https, cookie.Contains("secure", StringComparison.OrdinalIgnoreCase));

        var me = await AskAsync(host, cookie);
        var caller = me.Json.GetProperty("caller");
        Assert.Equal(("alice@example.com", "person", "editor", "search"), (caller.GetProperty("id").GetString(), caller.GetProperty("kind").GetString(), caller.GetProperty("role").GetString(), caller.GetProperty("team").GetString()));
        Assert.Equal(https, me.Header("Strict-Transport-Security").Length > 0);

        // A second sign-in is the same person, with what the provider claims by then.
        provider.Claims["groups"] = new[] { "operators" };
        (_, var second) = await SignInAsync(host);
        Assert.NotEqual(cookie, second);
        Assert.Equal("administrator", (await AskAsync(host, second)).Json.GetProperty("caller").GetProperty("role").GetString());
        Assert.Single((await host.Store.ListAsync<Person>(new ListQuery(), CancellationToken.None)).Items);

        // Who leaves the group is out.
        provider.Claims["groups"] = new[] { "staff" };
        Assert.Equal(HttpStatusCode.Forbidden, (await SignInAsync(host)).Status);
        Assert.DoesNotContain(FakeOidcProvider.ClientSecret, host.Logs.All, StringComparison.Ordinal);
        Assert.DoesNotContain("an-access-token", host.Logs.All, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Somebody_who_was_added_signs_in_by_a_verified_address_alone()
    {
        await using var provider = await FakeOidcProvider.StartAsync();
        await using var host = await StartAsync(provider, https: false, withRoles: false);
        await host.Store.CreateAsync(new Person { Id = "bob", Email = "Bob@example.com", Role = Role.Viewer }, Actor.Configuration, CancellationToken.None);
        provider.Claims = new() { ["sub"] = "subject-2", ["email"] = "bob@example.com", ["groups"] = new[] { "operators" } };
        Assert.Equal(HttpStatusCode.Forbidden, (await SignInAsync(host)).Status);
        provider.Claims["email_verified"] = true;
        var (status, cookie) = await SignInAsync(host);
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("viewer", (await AskAsync(host, cookie)).Json.GetProperty("caller").GetProperty("role").GetString());

        // From then on it is the subject that counts: another with the address is not bob.
        provider.Claims = new() { ["sub"] = "subject-3", ["email"] = "bob@example.com", ["email_verified"] = true };
        Assert.Equal(HttpStatusCode.Forbidden, (await SignInAsync(host)).Status);
    }

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public async Task A_token_that_is_forged_or_of_another_sign_in_is_refused(bool signsWrongly, bool wrongNonce, bool withoutCookies)
    {
        await using var provider = await FakeOidcProvider.StartAsync();
        await using var host = await StartAsync(provider, https: false);
        provider.Claims = new() { ["sub"] = "subject-1", ["groups"] = new[] { "operators" } };
        provider.SignsWrongly = signsWrongly;
        provider.HasWrongNonce = wrongNonce;
        var (status, cookie) = await SignInAsync(host, withoutCookies);
        Assert.Equal(HttpStatusCode.Forbidden, status);
        Assert.Equal("", cookie);
        Assert.Empty((await host.Store.ListAsync<Person>(new ListQuery(), CancellationToken.None)).Items);
    }

    [Fact]
    public async Task Without_a_provider_there_is_no_way_to_sign_in()
    {
        await using var host = await AdminHost.StartAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await host.SendAsync(HttpMethod.Get, "/auth/login", token: "")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await host.SendAsync(HttpMethod.Get, "/auth/callback?code=x&state=y", token: "")).Status);
    }

    private static Task<AdminHost> StartAsync(FakeOidcProvider provider, bool https, bool withRoles = true) => AdminHost.StartAsync(
        options => options with
        {
            Oidc = new OidcOptions
            {
                Authority = provider.Issuer,
                ClientId = FakeOidcProvider.ClientId,
                ClientSecret = FakeOidcProvider.ClientSecret,
                Roles = withRoles ? [new() { Value = "operators", Role = "administrator" }, new() { Value = "leads", Role = "editor", Team = "search" }] : [],
            },
        },
        time: TimeProvider.System,
        https: https);

    /// <summary>What a browser does; returns the last answer's status and the session's cookie as it was set.</summary>
    private static async Task<(HttpStatusCode Status, string Cookie)> SignInAsync(AdminHost host, bool withoutCookies = false)
    {
        using var browser = host.NewClient();
        using var begun = await browser.GetAsync("/auth/login");
        Assert.Equal(HttpStatusCode.Redirect, begun.StatusCode);
        var cookies = string.Join("; ", begun.Headers.GetValues("Set-Cookie").Select(static cookie => cookie.Split(';')[0]));
        using var sent = await browser.GetAsync(begun.Headers.Location);
        using var request = new HttpRequestMessage(HttpMethod.Get, sent.Headers.Location);
        if (!withoutCookies)
        {
            request.Headers.Add("Cookie", cookies);
        }

        using var ended = await browser.SendAsync(request);
        var set = ended.Headers.TryGetValues("Set-Cookie", out var values) ? values.FirstOrDefault(static cookie => cookie.StartsWith("tollgate=", StringComparison.Ordinal) || cookie.StartsWith("__Host-tollgate=", StringComparison.Ordinal)) : null;
        return (ended.StatusCode, set ?? "");
    }

    private static Task<AdminHost.Answer> AskAsync(AdminHost host, string cookie) =>
        host.SendAsync(HttpMethod.Get, "/api/me", token: "", change: request => request.Headers.Add("Cookie", cookie.Split(';')[0]));
}
