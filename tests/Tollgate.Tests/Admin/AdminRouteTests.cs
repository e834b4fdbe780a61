using System.Net;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Tollgate.Admin.Access;
using Tollgate.Control;
using Tollgate.Tests.Repository;

namespace Tollgate.Tests.Admin;

/// <summary>Who may use which route: as a table that is approved, and as the listener answers (SEC-07).</summary>
public sealed class AdminRouteTests
{
    private static readonly (string Name, Role Role, bool IsConfined)[] Callers =
    [
        ("key", Role.Developer, true), ("viewer", Role.Viewer, false), ("lead-viewer", Role.Viewer, true), ("lead", Role.Editor, true), ("editor", Role.Editor, false),
        ("team-admin", Role.Administrator, true), ("admin", Role.Administrator, false),
    ];

    [Fact]
    public async Task Every_route_says_who_may_use_it_and_the_table_is_the_approved_one()
    {
        await using var host = await AdminHost.StartAsync(static options => options with { Oidc = new() { Authority = "https://login.example.com", ClientId = "x", ClientSecret = "y" } });
        var table = string.Concat(Routes(host).Select(static route =>
        {
            var access = route.Access ?? throw new InvalidOperationException($"{route.Method} {route.Pattern} says of nobody that they may use it: add For, ForUnconfined or ForEverybody.");
            var allowed = access.IsPublic ? "everybody" : string.Join(' ', Callers.Where(caller => access.Allows(caller.Role, caller.IsConfined)).Select(static caller => caller.Name));
            return $"{route.Method} {route.Pattern}: {allowed}\n";
        }));
        ApprovedFile.Compare("tests/Tollgate.Tests/Approved/admin-routes.txt", table);
    }

    [Fact]
    public async Task The_listener_lets_through_whom_the_table_lets_through_and_nobody_else()
    {
        await using var host = await AdminHost.StartAsync();
        var tokens = new Dictionary<string, string>
        {
            ["key"] = await host.KeyOfAsync("alice01", "alice", "search"),
            ["viewer"] = await host.TokenOfAsync("viewer", "viewer"),
            ["lead-viewer"] = await host.TokenOfAsync("leadviewer", "viewer", "search"),
            ["lead"] = await host.TokenOfAsync("lead", "editor", "search"),
            ["editor"] = await host.TokenOfAsync("editor", "editor"),
            ["team-admin"] = await host.TokenOfAsync("teamadmin", "administrator", "search"),
            ["admin"] = await host.TokenOfAsync("admin", "administrator"),
        };
        foreach (var (method, pattern, access) in Routes(host).Where(static route => route.Access is { IsPublic: false }))
        {
            var path = pattern.Replace("{id}", "nothing-of-this-id", StringComparison.Ordinal);
            foreach (var (name, role, isConfined) in Callers)
            {
                // A body that is never valid: nothing is changed by those who may.
                var answer = await host.SendAsync(new HttpMethod(method), path, method is "POST" or "PUT" ? "[]" : null, tokens[name]);
                var isRefused = answer.Status == HttpStatusCode.Forbidden;
                Assert.True(isRefused != access!.Allows(role, isConfined), $"{method} {path} answered {name} with {answer.Status}: {answer.Body}");
            }

            Assert.Equal(HttpStatusCode.Unauthorized, (await host.SendAsync(new HttpMethod(method), path, token: "")).Status);
        }
    }

    [Fact]
    public async Task A_route_that_says_nothing_is_refused_to_the_administrator_too()
    {
        await using var host = await AdminHost.StartAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await host.GetAsync("/api/nothing")).Status);
        var wrongMethod = await host.SendAsync(HttpMethod.Patch, "/api/keys", "{}");
        Assert.Equal(HttpStatusCode.MethodNotAllowed, wrongMethod.Status);
        Assert.Equal("urn:tollgate:problem:method-not-allowed", wrongMethod.Json.GetProperty("type").GetString());
        Assert.False(new RouteAccess(Role.Administrator).Allows(Role.Editor, isConfined: false));
    }

    [Theory]
    [InlineData("/metrics")]
    [InlineData("/healthz")]
    [InlineData("/readyz")]
    [InlineData("/")]
    public async Task What_operators_scrape_needs_no_credential(string path)
    {
        await using var host = await AdminHost.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await host.SendAsync(HttpMethod.Get, path, token: "")).Status);
    }

    [Fact]
    public async Task The_description_is_the_approved_one()
    {
        await using var host = await AdminHost.StartAsync();
        var answer = await host.SendAsync(HttpMethod.Get, "/openapi/v1.json", token: "");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        ApprovedFile.Compare("tests/Tollgate.Tests/Approved/openapi.json", answer.Body.ReplaceLineEndings("\n") + "\n");
    }

    private static IEnumerable<(string Method, string Pattern, RouteAccess? Access)> Routes(AdminHost host) => host.App.Services
        .GetRequiredService<EndpointDataSource>().Endpoints
        .OfType<RouteEndpoint>()
        .SelectMany(static endpoint => (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["*"])
            .Select(method => (method, $"/{endpoint.RoutePattern.RawText!.TrimStart('/')}", endpoint.Metadata.GetMetadata<RouteAccess>())))
        .OrderBy(static route => route.Item2, StringComparer.Ordinal).ThenBy(static route => route.method, StringComparer.Ordinal);
}
