using Tollgate.EndToEnd.Clients;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>The lines that README.md asks a newcomer to paste, taken from it and run; only the ports are the test's.</summary>
public sealed class ReadmeTests
{
    private static readonly string[] Lines = File.ReadAllLines(RepositoryRoot.File("README.md"));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_readmes_lines_send_claude_through_the_gateway_and_tell_where_the_money_went()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl);

        var export = Lines.Single(static line => line.StartsWith("export ANTHROPIC_BASE_URL=", StringComparison.Ordinal)).Replace("http://127.0.0.1:8080", gateway.ProxyAddress, StringComparison.Ordinal);
        await Until.TrueAsync(() => gateway.Output.Contains($"  {export}\n  claude\n", StringComparison.Ordinal), Ledger.Patience, $"the gateway prints {export}", Cancellation);
        var session = await new ClaudeCodeSessions(upstream).PlainAsync(export.Split('=', 2)[1], Cancellation);
        Assert.False(session.Result.IsError, session.Result.Error);
        await gateway.RowsAsync("anthropic", upstream.Requests.Count, Cancellation);

        var query = Lines.Single(static line => line.StartsWith("curl ", StringComparison.Ordinal)).Replace("http://127.0.0.1:8123", gateway.StoreAddress, StringComparison.Ordinal);
        var asked = await ChildProcess.RunAsync(
            "bash", ["-c", query], RepositoryRoot.Path, new Dictionary<string, string> { ["NO_PROXY"] = "127.0.0.1" }, string.Empty, TimeSpan.FromSeconds(60), Cancellation);
        Assert.Equal(0, asked.ExitCode);
        Assert.All((string[])["claude-opus-4-8", "1001", "4100", "501", "0.0755925", session.Result.SessionId, "completed"], value => Assert.Contains(value, asked.Output, StringComparison.Ordinal));
    }
}
