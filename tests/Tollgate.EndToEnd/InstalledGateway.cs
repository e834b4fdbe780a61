using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>The folder of `make dist`, installed by its own script into an empty home on what looks like a machine without .NET, Node or npm.</summary>
/// <remarks>Needs deploy/dist.sh beforehand, as `make test` runs it; half a gigabyte is copied once for all tests of a class.</remarks>
[SupportedOSPlatform("linux")]
public sealed class InstalledGateway : IAsyncLifetime
{
    // All that the script and the units may need of a machine; the runtime's own programs are not among it.
    private static readonly string[] Tools =
        ["sh", "bash", "setsid", "cat", "cp", "mv", "rm", "mkdir", "chmod", "dirname", "uname", "sed", "awk", "sleep", "curl"];

    private readonly TemporaryDirectory _directory = new();
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(30) };
    private readonly int[] _ports = [LoopbackPort.Free(), LoopbackPort.Free(), LoopbackPort.Free()];

    /// <summary>Where the program was put.</summary>
    public string App => Path.Combine(Home, ".local", "share", "tollgate");

    /// <summary>Where clients connect, as the script printed it.</summary>
    public string BaseUrl { get; private set; } = string.Empty;

    /// <summary>What the script printed.</summary>
    public string Said { get; private set; } = string.Empty;

    /// <summary>The environment of the user's session.</summary>
    public IReadOnlyDictionary<string, string> Session => new Dictionary<string, string> { ["HOME"] = Home, ["PATH"] = _directory.Subdirectory("tools") };

    internal FakeUpstream Upstream { get; private set; } = null!;

    internal UserManager Manager { get; private set; } = null!;

    private string Home => _directory.Subdirectory("home");

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        var folder = RepositoryRoot.File("dist", "tollgate");
        if (!File.Exists(Path.Combine(folder, "VERSION")))
        {
            throw new InvalidOperationException($"{folder} is missing. Run: deploy/dist.sh");
        }

        var path = Environment.GetEnvironmentVariable("PATH")!.Split(':');
        foreach (var tool in Tools)
        {
            var found = path.Select(directory => Path.Combine(directory, tool)).First(File.Exists);
            File.CreateSymbolicLink(Path.Combine(Session["PATH"], tool), found);
        }

        Upstream = await FakeUpstream.StartAsync();
        var configuration = Directory.CreateDirectory(Path.Combine(Home, ".config", "tollgate")).FullName;
        await File.WriteAllTextAsync(Path.Combine(configuration, "environment"), $"TOLLGATE__UPSTREAMS__ANTHROPIC__BASEURL={Upstream.BaseUrl}\n");
        Manager = new UserManager(Path.Combine(Home, ".config", "systemd", "user"), Session);
        await Manager.ServeAsync(Path.Combine(Session["PATH"], "systemctl"));

        var arguments = new[] { "--port", "--admin-port", "--store-port" }.Zip(_ports, static (option, port) => (string[])[option, port.ToString(CultureInfo.InvariantCulture)]);
        var installed = await RunAsync(Path.Combine(folder, "install.sh"), [.. arguments.SelectMany(static pair => pair)]);
        Said = installed.Output + installed.Error;
        if (installed.ExitCode != 0)
        {
            throw new InvalidOperationException($"install.sh ended with {installed.ExitCode}.\n{Said}\n{Manager.Journal}");
        }

        const string Export = "export ANTHROPIC_BASE_URL=";
        BaseUrl = Said.Split('\n').Single(static line => line.Contains(Export, StringComparison.Ordinal)).Trim()[Export.Length..];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Manager is not null)
        {
            await Manager.DisposeAsync();
        }

        if (Upstream is not null)
        {
            await Upstream.DisposeAsync();
        }

        _http.Dispose();
        _directory.Dispose();
    }

    /// <summary>Runs a program in the user's session, without a terminal and with nothing of this process's environment.</summary>
    public Task<ChildProcessResult> RunAsync(string program, params string[] arguments) =>
        ChildProcess.RunAsync(program, arguments, Home, Session, string.Empty, TimeSpan.FromSeconds(120), TestContext.Current.CancellationToken);

    /// <summary>Waits until the admin listener says 200, and tells how long that took.</summary>
    /// <exception cref="TimeoutException">It did not in time; the message has what the service printed.</exception>
    public async Task<TimeSpan> ReadyAsync(string path)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri($"http://127.0.0.1:{_ports[1]}{path}"), TestContext.Current.CancellationToken);
                if (answer.IsSuccessStatusCode)
                {
                    return Stopwatch.GetElapsedTime(started);
                }
            }
            catch (HttpRequestException) when (Stopwatch.GetElapsedTime(started) < Ledger.Patience)
            {
                // Not yet.
            }

            if (Stopwatch.GetElapsedTime(started) > Ledger.Patience)
            {
                throw new TimeoutException($"{path} did not say 200 within {Ledger.Patience}.\n{Manager.Journal}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Asks the store until <paramref name="count"/> lines come, and gives them.</summary>
    /// <exception cref="TimeoutException">They did not come in time; the message has those that did.</exception>
    public async Task<string[]> LinesAsync(string sql, int count)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var answer = string.Empty;
            try
            {
                using var body = new StringContent(sql);
                using var response = await _http.PostAsync(new Uri($"http://127.0.0.1:{_ports[2]}/"), body, TestContext.Current.CancellationToken);
                answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
                var lines = answer.Split('\n', StringSplitOptions.RemoveEmptyEntries);
                if (response.IsSuccessStatusCode && lines.Length >= count)
                {
                    return lines;
                }
            }
            catch (HttpRequestException away)
            {
                answer = away.Message;
            }

            if (Stopwatch.GetElapsedTime(started) > Ledger.Patience)
            {
                throw new TimeoutException($"{sql} still answers {answer}\n{Manager.Journal}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }
}
