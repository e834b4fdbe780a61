using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;

namespace Tollgate.EndToEnd;

/// <summary>deploy/install.sh from a folder as make dist lays it out, into a home of its own, beside a stand-in for systemctl.</summary>
/// <remarks>The folder has the usual build's files, which need the SDK's runtime. What a real systemd does with the units is not shown here.</remarks>
[SupportedOSPlatform("linux")]
public sealed class InstallScriptTests : IDisposable
{
    // Starts and ends the process that the installed unit names; the unit's socket is left out, so the gateway binds its own address.
    private const string Manager =
        """
        #!/bin/sh
        echo "$*" >> "$MANAGER/calls"
        unit=$HOME/.config/systemd/user/tollgate.service
        runs() { [ -f "$MANAGER/pid" ] && [ -e "/proc/$(cat "$MANAGER/pid")/exe" ]; }
        case $2 in
          enable)
            cd "$(sed -n 's/^WorkingDirectory=//p' "$unit")"
            $(sed -n 's/^ExecStart=//p' "$unit") > "$MANAGER/log" 2>&1 &
            echo $! > "$MANAGER/pid" ;;
          stop | disable)
            if runs; then kill "$(cat "$MANAGER/pid")"; while runs; do sleep 0.05; done; fi ;;
          is-active) if runs; then echo active; else echo failed; fi ;;
        esac
        """;

    private const string NoManager = "#!/bin/sh\necho 'Failed to connect to bus' >&2; exit 1\n";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly TemporaryDirectory _directory = new();
    private readonly int[] _ports = [LoopbackPort.Free(), LoopbackPort.Free(), LoopbackPort.Free()];

    private string Home => _directory.Subdirectory("home");

    private string Folder => Path.Combine(_directory.Path, "unpacked");

    private string App => Path.Combine(Home, ".local", "share", "tollgate");

    private string Configuration => Path.Combine(Home, ".config", "tollgate", "tollgate.json");

    private string State => Path.Combine(Home, ".local", "state", "tollgate");

    private string Units => Path.Combine(Home, ".config", "systemd", "user");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        if (RunningGateway() is { } gateway)
        {
            using var process = Process.GetProcessById(gateway);
            process.Kill(entireProcessTree: true);
        }

        _directory.Dispose();
    }

    [Fact]
    public async Task It_installs_upgrades_with_configuration_and_data_kept_and_leaves_nothing_but_the_data()
    {
        Unpack();
        Systemctl(Manager);

        var installed = await InstallAsync();
        Assert.Contains($"  export ANTHROPIC_BASE_URL=http://127.0.0.1:{_ports[0]}/anthropic\n  claude\n", installed.Output, StringComparison.Ordinal);
        Assert.True(await IsHealthyAsync());
        Assert.Contains($"ListenStream=127.0.0.1:{_ports[0]}", await ReadAsync(Path.Combine(Units, "tollgate.socket")), StringComparison.Ordinal);
        var unit = await ReadAsync(Path.Combine(Units, "tollgate.service"));
        Assert.Contains($"ExecStart={App}/bin/tollgate serve --config {Configuration}\n", unit, StringComparison.Ordinal);
        Assert.Contains("Environment=TOLLGATE__PROXY__LISTEN__0=http://fd:proxy\n", unit, StringComparison.Ordinal);
        Assert.DoesNotMatch("@[A-Z]+@", unit);
        Assert.Contains("--user enable --now tollgate.socket tollgate.service", await ReadAsync(Path.Combine(_directory.Path, "manager", "calls")), StringComparison.Ordinal);
        var first = RunningGateway();

        var edited = (await ReadAsync(Configuration)).Replace("\"proxy\"", "\"requireKey\": true,\n  \"proxy\"", StringComparison.Ordinal);
        await File.WriteAllTextAsync(Configuration, edited, Cancellation);
        var kept = Path.Combine(State, "kept");
        await File.WriteAllTextAsync(kept, "data", Cancellation);
        await File.WriteAllTextAsync(Path.Combine(Folder, "VERSION"), "99.0.0\n", Cancellation);
        await InstallAsync();
        Assert.True(await IsHealthyAsync());
        Assert.NotEqual(first, RunningGateway());
        Assert.Equal("99.0.0\n", await ReadAsync(Path.Combine(App, "VERSION")));
        Assert.Equal(edited, await ReadAsync(Configuration));
        Assert.Equal("data", await ReadAsync(kept));
        Assert.Equal([App], Directory.GetDirectories(Path.GetDirectoryName(App)!));

        var removed = await RunAsync(Path.Combine(App, "install.sh"), "--uninstall");
        Assert.True(removed.ExitCode == 0, removed.Error);
        Assert.Contains(State, removed.Output, StringComparison.Ordinal);
        Assert.Null(RunningGateway());
        Assert.All(Directory.GetFiles(Home, "*", SearchOption.AllDirectories), file => Assert.StartsWith(State + "/", file, StringComparison.Ordinal));
        Assert.False(Directory.Exists(App));
        Assert.Equal("data", await ReadAsync(kept));
        Assert.Equal(edited, await ReadAsync(Path.Combine(State, "config", "tollgate.json")));
    }

    [Fact]
    public async Task Without_a_service_manager_it_tries_a_start_and_says_how_to_start_by_hand()
    {
        Unpack();
        Systemctl(NoManager);

        var installed = await InstallAsync();
        Assert.Contains("a trial start answered", installed.Output, StringComparison.Ordinal);
        Assert.Contains($"  cd {State} && {App}/bin/tollgate serve --config {Configuration}\n", installed.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Units));
        Assert.All(_ports, static port => Assert.False(LoopbackPort.Accepts(port)));
    }

    [Fact]
    public async Task A_wrong_configuration_is_told_before_anything_is_changed()
    {
        Unpack();
        Systemctl(NoManager);
        Directory.CreateDirectory(Path.GetDirectoryName(Configuration)!);
        await File.WriteAllTextAsync(Configuration, """{"proxi": {}}""", Cancellation);

        var refused = await RunAsync(Path.Combine(Folder, "install.sh"));
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("proxi", refused.Error, StringComparison.Ordinal);
        Assert.Equal("""{"proxi": {}}""", await ReadAsync(Configuration));
        Assert.False(Directory.Exists(App) || Directory.Exists(App + ".new"));
    }

    [Fact]
    public async Task A_folder_that_is_not_ours_is_neither_replaced_nor_removed()
    {
        Unpack();
        Systemctl(NoManager);
        Directory.CreateDirectory(App);
        await File.WriteAllTextAsync(Path.Combine(App, "thesis.txt"), "mine", Cancellation);

        Assert.Equal(1, (await RunAsync(Path.Combine(Folder, "install.sh"))).ExitCode);
        Assert.Equal(1, (await RunAsync(Path.Combine(Folder, "install.sh"), "--uninstall")).ExitCode);
        Assert.Equal("mine", await ReadAsync(Path.Combine(App, "thesis.txt")));
    }

    [Theory]
    [InlineData(0, "Usage:", "--help")]
    [InlineData(2, "\"--nonsense\" is not known", "--nonsense")]
    [InlineData(2, "--port needs a port", "--port")]
    [InlineData(2, "--port is \"70000\"", "--port", "70000")]
    [InlineData(2, "--admin-port is \"x\"", "--admin-port", "x")]
    [InlineData(1, "has no VERSION", "--port", "8080")]
    public async Task The_script_exits_as_documented(int code, string words, params string[] arguments)
    {
        Systemctl(NoManager);
        var ended = await RunAsync(RepositoryRoot.File("deploy", "install.sh"), arguments);
        Assert.Equal(code, ended.ExitCode);
        Assert.Contains(words, ended.Output + ended.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Home));
    }

    private void Unpack()
    {
        foreach (var project in (string[])["Tollgate.Store", "Tollgate"])
        {
            var built = RepositoryRoot.File("artifacts", "bin", project, "release");
            foreach (var file in Directory.GetFiles(built, "*", SearchOption.AllDirectories))
            {
                var copy = Path.Combine(Folder, "bin", Path.GetRelativePath(built, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy, overwrite: true);
            }
        }

        // Half a gigabyte is not copied for a test.
        File.CreateSymbolicLink(
            Path.Combine(Folder, "bin", "libchdb.so"),
            RepositoryRoot.File("src", "Tollgate.Store", "native", "node_modules", "@chdb", "lib-linux-x64-gnu", "libchdb.so"));
        foreach (var file in (string[])["install.sh", "tollgate.schema.json", "systemd/user/tollgate.service", "systemd/user/tollgate.socket"])
        {
            var copy = Path.Combine(Folder, file);
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(RepositoryRoot.File("deploy", file), copy);
        }

        File.WriteAllText(Path.Combine(Folder, "VERSION"), "0.1.0\n");
    }

    private void Systemctl(string script)
    {
        var file = Path.Combine(_directory.Subdirectory("manager"), "systemctl");
        File.WriteAllText(file, script);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private int? RunningGateway()
    {
        var file = Path.Combine(_directory.Path, "manager", "pid");
        if (!File.Exists(file))
        {
            return null;
        }

        // One that has ended but was not reaped has no command line any more.
        var id = int.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture);
        return Path.Exists($"/proc/{id}") && File.ReadAllText($"/proc/{id}/cmdline").Length > 0 ? id : null;
    }

    private async Task<bool> IsHealthyAsync()
    {
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{_ports[1]}/healthz"), Cancellation);
        return answer.IsSuccessStatusCode;
    }

    private async Task<ChildProcessResult> InstallAsync()
    {
        var installed = await RunAsync(
            Path.Combine(Folder, "install.sh"),
            [.. ((string[])["--port", "--admin-port", "--store-port"]).Zip(_ports, static (option, port) => (string[])[option, port.ToString(CultureInfo.InvariantCulture)]).SelectMany(static pair => pair)]);
        Assert.True(installed.ExitCode == 0, installed.Output + installed.Error);
        return installed;
    }

    private Task<ChildProcessResult> RunAsync(string script, params string[] arguments)
    {
        var manager = Path.Combine(_directory.Path, "manager");
        var environment = new Dictionary<string, string>
        {
            ["HOME"] = Home,
            ["MANAGER"] = manager,
            ["PATH"] = $"{manager}:{Environment.GetEnvironmentVariable("PATH")}",
            ["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..")),
        };
        return ChildProcess.RunAsync("sh", [script, .. arguments], _directory.Path, environment, string.Empty, Patience, Cancellation);
    }

    private static Task<string> ReadAsync(string file) => File.ReadAllTextAsync(file, Cancellation);
}
