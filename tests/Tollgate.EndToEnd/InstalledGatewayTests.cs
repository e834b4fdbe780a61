using System.Globalization;
using System.Runtime.Versioning;
using Tollgate.EndToEnd.Clients;

namespace Tollgate.EndToEnd;

/// <summary>What `make dist` makes, installed and run as a user's service on what looks like a machine without .NET, Node or npm.</summary>
/// <remarks>A stand-in does what the installed units say; that a real systemd does the same is not shown here.</remarks>
[SupportedOSPlatform("linux")]
public sealed class InstalledGatewayTests(InstalledGateway installed, ITestOutputHelper output) : IClassFixture<InstalledGateway>
{
    private const string Rows = "SELECT request_id, outcome, toString(cost) FROM tollgate.requests FINAL WHERE provider = 'anthropic' ORDER BY wal_seq FORMAT TSV";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_runs_on_nothing_but_its_own_folder_and_the_systems_libraries()
    {
        foreach (var absent in (string[])["dotnet", "node", "npm"])
        {
            Assert.NotEqual(0, (await installed.RunAsync("sh", "-c", $"command -v {absent}")).ExitCode);
        }

        Assert.Contains("runs as the user service tollgate.service", installed.Said, StringComparison.Ordinal);
        await installed.ReadyAsync("/readyz");
        var mapped = (await File.ReadAllLinesAsync($"/proc/{installed.Manager.MainPid}/maps", Cancellation))
            .Select(static line => line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries))
            .Where(static fields => fields.Length > 5 && fields[5].EndsWith(".dll", StringComparison.Ordinal))
            .Select(static fields => fields[5].Trim())
            .Distinct();
        Assert.NotEmpty(mapped);
        Assert.All(mapped, file => Assert.StartsWith(installed.App + "/bin/", file, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Claude_Code_works_through_it_with_the_address_that_the_script_printed()
    {
        await installed.ReadyAsync("/healthz");
        var before = (await installed.LinesAsync(Rows, 0)).Length;
        var session = await new ClaudeCodeSessions(installed.Upstream).PlainAsync(installed.BaseUrl, Cancellation);

        Assert.False(session.Result.IsError, session.Result.Error);
        var rows = (await installed.LinesAsync(Rows, before + session.Calls))[before..];
        Assert.Equal(session.Calls, rows.Length);
        Assert.Equal(session.Result.TotalCostUsd, rows.Sum(static row => decimal.Parse(row.Split('\t')[2], CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task Killed_it_is_started_again_by_what_its_unit_says_and_every_call_is_a_row()
    {
        await installed.ReadyAsync("/readyz");
        using var client = new MessageClient();
        var answered = new List<Guid>();
        for (var call = 0; call < 20; call++)
        {
            var answer = await client.CallAsync(installed.BaseUrl, Cancellation);
            Assert.True(answer.IsWholeStream, answer.Text);
            answered.Add(answer.RequestId);
        }

        var (killed, starts) = (installed.Manager.MainPid, installed.Manager.Starts);
        Assert.Equal(0, (await installed.RunAsync("sh", "-c", $"kill -9 {killed}")).ExitCode);

        // The socket is the manager's: who connects now waits, and is served by the process that comes. On a connection to the killed one a request may be sent before it is seen to be gone.
        using var newcomer = new MessageClient();
        var meanwhile = await newcomer.CallAsync(installed.BaseUrl, Cancellation);
        Assert.True(meanwhile.IsWholeStream, meanwhile.Text);
        answered.Add(meanwhile.RequestId);
        Assert.NotEqual(killed, installed.Manager.MainPid);
        Assert.Equal(starts + 1, installed.Manager.Starts);

        await AssertEachIsOneRowAsync(answered);
    }

    [Fact]
    public async Task After_a_logout_and_a_login_it_serves_again_with_the_ledger_that_it_had()
    {
        await installed.ReadyAsync("/readyz");
        using var client = new MessageClient();
        var answered = new List<Guid> { (await client.CallAsync(installed.BaseUrl, Cancellation)).RequestId };
        var before = installed.Manager.MainPid;

        await installed.Manager.LogoutAsync();
        Assert.DoesNotContain(Processes(), group => group == before);
        Assert.False(LoopbackPort.Accepts(new Uri(installed.BaseUrl).Port));

        await installed.Manager.LoginAsync();
        var healthy = await installed.ReadyAsync("/healthz");
        output.WriteLine($"From the start to the first answer: {healthy.TotalSeconds:0.00} s");
        Assert.NotEqual(before, installed.Manager.MainPid);
        answered.Add((await client.CallAsync(installed.BaseUrl, Cancellation)).RequestId);

        await AssertEachIsOneRowAsync(answered);
    }

    private async Task AssertEachIsOneRowAsync(List<Guid> answered)
    {
        var list = string.Join(',', answered.Select(static id => $"'{id}'"));
        var rows = await installed.LinesAsync($"SELECT request_id, outcome FROM tollgate.requests FINAL WHERE request_id IN ({list}) ORDER BY wal_seq FORMAT TSV", answered.Count);
        Assert.Equal(answered.Select(static id => $"{id}\tcompleted").Order(StringComparer.Ordinal), rows.Order(StringComparer.Ordinal));
    }

    // The process groups that there are.
    private static IEnumerable<int> Processes() =>
        from directory in Directory.EnumerateDirectories("/proc")
        where int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out _)
        let stat = Read(Path.Combine(directory, "stat"))
        let fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)
        where fields.Length > 2
        select int.Parse(fields[2], CultureInfo.InvariantCulture);

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException)
        {
            return string.Empty;
        }
    }
}
