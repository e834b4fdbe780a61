using System.Text.Json;
using Tollgate.Cli;
using Tollgate.Configuration;
using Tollgate.Proxy.Keys;

namespace Tollgate.Tests.Admin;

/// <summary>The verbs that ask a running gateway.</summary>
public sealed class AdminCommandTests
{
    [Fact]
    public async Task Keys_are_made_listed_shown_rotated_and_revoked()
    {
        await using var host = await AdminHost.StartAsync();
        var (code, output, error) = await RunAsync(host, "keys", "create", "--developer", "alice", "--json");
        Assert.Equal((0, ""), (code, error));
        var made = JsonElement.Parse(output);
        var id = made.GetProperty("id").GetString()!;
        Assert.True(VirtualKeyFormat.TryParse(made.GetProperty("key").GetString(), out _));
        Assert.Contains(id, (await RunAsync(host, "keys", "list")).Output, StringComparison.Ordinal);
        Assert.Contains("alice", (await RunAsync(host, "keys", "show", id)).Output, StringComparison.Ordinal);
        Assert.Contains("The old key works on until 2026-11-25T13:00:00Z.", (await RunAsync(host, "keys", "rotate", id, "--overlap", "01:00:00")).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(host, "keys", "revoke", id)).Code);
        Assert.True(JsonElement.Parse((await RunAsync(host, "keys", "show", id, "--json")).Output).GetProperty("disabled").GetBoolean());
    }

    [Fact]
    public async Task Budgets_are_set_changed_raised_listed_and_removed()
    {
        await using var host = await AdminHost.StartAsync();
        Assert.Equal(0, (await RunAsync(host, "budgets", "set", "search", "--scope", "team", "--value", "search", "--limit-usd", "5.00")).Code);
        Assert.Equal(0, (await RunAsync(host, "budgets", "set", "search", "--limit-tokens", "100")).Code);
        Assert.Equal(0, (await RunAsync(host, "budgets", "set", "search", "--limit-usd", "6.00")).Code);
        Assert.Equal(0, (await RunAsync(host, "budgets", "raise", "search", "--usd", "1.50", "--days", "3")).Code);
        var budget = JsonElement.Parse((await RunAsync(host, "budgets", "list", "--json")).Output)[0];
        Assert.Equal(("team", "6.00", "1.50"), (budget.GetProperty("scope").GetString(), budget.GetProperty("limitUsd").GetString(), budget.GetProperty("raises")[0].GetProperty("usd").GetString()));
        Assert.Equal(0, (await RunAsync(host, "budgets", "state")).Code);
        Assert.Equal(0, (await RunAsync(host, "budgets", "delete", "search")).Code);
        Assert.Equal("[]", (await RunAsync(host, "budgets", "list", "--json")).Output.Trim());
    }

    [Fact]
    public async Task A_verb_exits_with_1_when_refused_and_2_when_used_wrongly()
    {
        await using var host = await AdminHost.StartAsync();
        Assert.Equal(1, (await RunAsync(host, "keys", "show", "nothing")).Code);
        Assert.Equal(1, (await RunAsync(host, "budgets", "delete", "nothing")).Code);
        var wrong = await RunAsync(host, "budgets", "set", "a", "--limit-usd", "5", "--window", "fortnight");
        Assert.Equal(2, wrong.Code);
        Assert.Contains("window: is \"fortnight\"", wrong.Error, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync(host, "keys", "list", "--token", "wrong")).Code);
        Assert.Equal(2, (await RunAsync(null, "keys", "list")).Code);
        Assert.Equal(2, (await RunAsync(host, "keys", "list", "--url", "nonsense")).Code);
        var away = await RunAsync(host, "keys", "list", "--url", "http://127.0.0.1:1");
        Assert.Equal(1, away.Code);
        Assert.Contains("can't be reached", away.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_is_made_without_a_gateway_when_asked_or_when_none_is_named()
    {
        await using var host = await AdminHost.StartAsync();
        Assert.Contains("\"hash\"", (await RunAsync(host, "keys", "create", "--id", "alice01", "--offline")).Output, StringComparison.Ordinal);
        Assert.Contains("\"hash\"", (await RunAsync(null, "keys", "create", "--id", "alice01")).Output, StringComparison.Ordinal);
        Assert.Equal("[]", (await RunAsync(host, "keys", "list", "--json")).Output.Trim());
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(AdminHost? host, params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var environment = new Dictionary<string, string>();
        if (host is not null)
        {
            environment["TOLLGATE_ADMIN_TOKEN"] = AdminHost.Token;
            arguments = [.. arguments, .. arguments.Contains("--url") ? Array.Empty<string>() : ["--url", host.Address.ToString()]];
        }

        var code = await new CommandLine(new ConfigurationLoader(environment, "/"), host?.Time ?? TimeProvider.System, static (_, _) => Task.FromResult(0)).RunAsync(arguments, output, error, CancellationToken.None);
        Assert.DoesNotContain(AdminHost.Token, $"{output}{error}", StringComparison.Ordinal);
        return (code, output.ToString(), error.ToString());
    }
}
