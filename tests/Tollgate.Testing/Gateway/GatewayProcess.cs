using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace Tollgate.Testing.Gateway;

/// <summary>The built gateway as a process of its own, on ports and a data directory of its own.</summary>
/// <remarks>Needs <c>dotnet build src/Tollgate -c Release</c> beforehand; the tests never build it behind one's back.</remarks>
public sealed class GatewayProcess : IAsyncDisposable
{
    /// <summary>The path that says 200 once it serves and its store does too.</summary>
    public const string Ready = "/readyz";

    /// <summary>The path that says 200 once it serves.</summary>
    public const string Serving = "/healthz";

    // A store has niceness 10: beside two loops that never rest, on two cores that others load too, it was ready after 17 s and its gateway not after 60.
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromMinutes(2);
    private static readonly string Assembly = RepositoryRoot.File("artifacts", "bin", "Tollgate", "release", "tollgate.dll");

    // What is kept of the output of a process that is started again thousands of times.
    private const int MaxOutputCharacters = 1024 * 1024;

    private readonly TemporaryDirectory _directory;
    private readonly bool _ownsDirectory;
    private readonly string _file;
    private readonly HandedOverSocket? _socket;
    private readonly StringBuilder _output = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromMinutes(2) };
    private Process _process;

    private GatewayProcess(TemporaryDirectory directory, bool ownsDirectory, string file, int proxyPort, int adminPort, string storeAddress, HandedOverSocket? socket)
    {
        _socket = socket;
        _directory = directory;
        _ownsDirectory = ownsDirectory;
        _file = file;
        ProxyAddress = $"http://127.0.0.1:{proxyPort}";
        AdminAddress = $"http://127.0.0.1:{adminPort}";
        StoreAddress = storeAddress;
        _process = Launch();
    }

    /// <summary>Where clients connect, without a slash at the end.</summary>
    public string ProxyAddress { get; }

    /// <summary>Where operators connect.</summary>
    public string AdminAddress { get; }

    /// <summary>Where the store listens; nothing listens there in mode <c>none</c>.</summary>
    public string StoreAddress { get; }

    /// <summary>Process id, for signals and for what /proc says.</summary>
    public int Id => _process.Id;

    /// <summary>What was printed so far, both streams, in the order the lines came; the newest half a megabyte at least.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    /// <summary>Starts a gateway before one Anthropic upstream and waits until <c>/readyz</c> says 200.</summary>
    /// <param name="upstreamBaseUrl">The upstream's scheme, host and port.</param>
    /// <param name="embeddedStore">With the embedded store; false for storage mode <c>none</c>.</param>
    /// <param name="configure">Changes the generated configuration before it is written.</param>
    /// <param name="directory">Keep state here, so that a second process finds the first one's; null for a directory of its own.</param>
    /// <param name="store">A store that runs already, used as a ClickHouse server instead of an embedded one.</param>
    /// <param name="socket">The socket that the proxy takes over, as from a service manager; null has it bind one.</param>
    /// <param name="until">What to wait for: <see cref="Serving"/>, which does not ask for the store, or <see cref="Ready"/>.</param>
    /// <param name="cancellationToken">Gives the start up and kills the process.</param>
    /// <exception cref="InvalidOperationException">It is not built, or it ended or was not ready in time; the message has its output.</exception>
    public static async Task<GatewayProcess> StartAsync(
        string upstreamBaseUrl,
        bool embeddedStore = true,
        Action<JsonObject>? configure = null,
        TemporaryDirectory? directory = null,
        Uri? store = null,
        HandedOverSocket? socket = null,
        string until = Ready,
        CancellationToken cancellationToken = default)
    {
        if (!File.Exists(Assembly))
        {
            throw new InvalidOperationException($"{Assembly} is missing. Run: dotnet build src/Tollgate -c Release");
        }

        var home = directory ?? new TemporaryDirectory();
        var (proxy, admin) = (socket?.Port ?? LoopbackPort.Free(), LoopbackPort.Free());
        var storeAddress = store?.GetLeftPart(UriPartial.Authority) ?? $"http://127.0.0.1:{LoopbackPort.Free()}";
        var configuration = Configuration(upstreamBaseUrl, embeddedStore, home.Subdirectory("data"), proxy, admin, storeAddress);
        if (socket is not null)
        {
            configuration["proxy"]!["listen"] = new JsonArray($"http://fd:{HandedOverSocket.Name}");
        }

        if (store is not null)
        {
            configuration["storage"]!["mode"] = "clickhouse";
            configuration["storage"]!["connectionString"] = $"Host={store.Host};Port={store.Port}";
        }

        configure?.Invoke(configuration);
        var file = Path.Combine(home.Path, "tollgate.json");
        await File.WriteAllTextAsync(file, configuration.ToJsonString(), cancellationToken);

        var gateway = new GatewayProcess(home, directory is null, file, proxy, admin, storeAddress, socket);
        try
        {
            await gateway.WaitUntilAsync(until, cancellationToken);
            return gateway;
        }
        catch
        {
            await gateway.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it again after its end, on the same ports, configuration and directory, and waits until it serves.</summary>
    /// <param name="until">What to wait for: <see cref="Serving"/>, which does not ask for the store, or <see cref="Ready"/>.</param>
    /// <param name="cancellationToken">Gives the wait up.</param>
    /// <exception cref="InvalidOperationException">It ended or did not serve in time; the message has its output.</exception>
    public async Task RestartAsync(string until = Ready, CancellationToken cancellationToken = default)
    {
        // Its clients see a killed process gone before the kernel has let go of its lock on the spool.
        await WaitForExitAsync();
        _process.Dispose();
        _process = Launch();
        await WaitUntilAsync(until, cancellationToken);
    }

    /// <summary>Runs another verb of the gateway's executable to its end.</summary>
    /// <returns>What it printed.</returns>
    /// <exception cref="InvalidOperationException">It ended with another exit code than 0; the message has its words.</exception>
    public static async Task<string> RunVerbAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        using var directory = new TemporaryDirectory();
        var finished = await ChildProcess.RunAsync(
            "dotnet",
            ["exec", Assembly, .. arguments],
            directory.Path,
            new Dictionary<string, string> { ["HOME"] = directory.Path },
            string.Empty,
            TimeSpan.FromMinutes(3),
            cancellationToken);
        return finished.ExitCode == 0 ? finished.Output : throw new InvalidOperationException($"It ended with {finished.ExitCode}: {finished.Error}");
    }

    /// <summary>Runs a query at the store over ClickHouse's HTTP interface.</summary>
    /// <returns>The answer as the query's FORMAT says; tab-separated by default.</returns>
    /// <exception cref="HttpRequestException">The store refused; the message has its words.</exception>
    public async Task<string> QueryAsync(string sql, CancellationToken cancellationToken = default)
    {
        using var body = new StringContent(sql);
        using var response = await _http.PostAsync(new Uri(StoreAddress + "/"), body, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode ? text : throw new HttpRequestException($"{(int)response.StatusCode} for {sql}: {text}");
    }

    /// <summary>Repeats a query until its answer satisfies: rows become visible a batch interval after their request.</summary>
    /// <returns>The answer that satisfied.</returns>
    /// <remarks>A store that is away for the moment is asked again, as a gateway that was just told to start it would be.</remarks>
    /// <exception cref="TimeoutException">None did in time; the message has the last.</exception>
    public async Task<string> QueryUntilAsync(string sql, Func<string, bool> satisfies, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            string answer;
            try
            {
                answer = await QueryAsync(sql, cancellationToken);
                if (satisfies(answer))
                {
                    return answer;
                }
            }
            catch (HttpRequestException away)
            {
                answer = away.Message;
            }

            if (Stopwatch.GetElapsedTime(started) > timeout)
            {
                throw new TimeoutException($"{sql} still answers {answer}\n{Output}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellationToken);
        }
    }

    /// <summary>What an address of the admin listener answers.</summary>
    public async Task<(int Status, string Text)> AskAsync(string path, CancellationToken cancellationToken = default)
    {
        using var response = await _http.GetAsync(new Uri(AdminAddress + path), cancellationToken);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken));
    }

    /// <summary>The text of <c>/metrics</c>.</summary>
    public Task<string> MetricsAsync(CancellationToken cancellationToken = default) => _http.GetStringAsync(new Uri(AdminAddress + "/metrics"), cancellationToken);

    /// <summary>Asks the process to end as a service manager does (SIGTERM) and waits for it.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="TimeoutException">It did not end; it is killed when disposed.</exception>
    public Task<int> StopAsync()
    {
        Terminate();
        return WaitForExitAsync();
    }

    /// <summary>Asks the process to end (SIGTERM) and does not wait.</summary>
    public void Terminate()
    {
        if (!_process.HasExited && Native.Kill(_process.Id, Native.SigTerm) != 0)
        {
            throw new InvalidOperationException($"SIGTERM failed with error {Marshal.GetLastPInvokeError()}.");
        }
    }

    /// <summary>Waits for a process that was asked to end.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="TimeoutException">It did not end; it is killed when disposed.</exception>
    public async Task<int> WaitForExitAsync()
    {
        using var late = new CancellationTokenSource(StopTimeout);
        try
        {
            await _process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The gateway did not end within {StopTimeout}.\n{Output}");
        }

        return _process.ExitCode;
    }

    /// <summary>Kills the gateway alone (SIGKILL), as a crash would; a store that it started is left to notice by itself.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        _http.Dispose();
        if (_ownsDirectory)
        {
            _directory.Dispose();
        }
    }

    private static JsonObject Configuration(string upstream, bool embeddedStore, string data, int proxy, int admin, string storeAddress) => new()
    {
        ["proxy"] = new JsonObject { ["listen"] = new JsonArray($"http://127.0.0.1:{proxy}") },
        ["admin"] = new JsonObject { ["listen"] = new JsonArray($"http://127.0.0.1:{admin}") },
        ["upstreams"] = new JsonObject { ["anthropic"] = new JsonObject { ["dialect"] = "anthropic", ["baseUrl"] = upstream } },
        ["storage"] = new JsonObject
        {
            ["mode"] = embeddedStore ? "embedded" : "none",
            ["listen"] = storeAddress,
            ["dataDirectory"] = data,
        },
        ["recording"] = new JsonObject { ["batchInterval"] = "00:00:00.050" },
    };

    private Process Launch()
    {
        string[] command = ["dotnet", "exec", Assembly, "serve", "--config", _file];
        using var handed = _socket?.HandTo(command);
        command = handed?.Command ?? command;
        var start = new ProcessStartInfo(command[0]) { WorkingDirectory = _directory.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in command[1..])
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start.");
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.ErrorDataReceived += (_, line) => Append(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;

        void Append(string? line)
        {
            lock (_output)
            {
                if (_output.Length > MaxOutputCharacters)
                {
                    _output.Remove(0, MaxOutputCharacters / 2);
                }

                _output.AppendLine(line);
            }
        }
    }

    private async Task WaitUntilAsync(string path, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await SaysYesAsync(path, cancellationToken))
        {
            if (_process.HasExited)
            {
                throw new InvalidOperationException($"The gateway ended with {_process.ExitCode} before {path} said 200.\n{Output}");
            }

            if (Stopwatch.GetElapsedTime(started) > StartTimeout)
            {
                throw new InvalidOperationException($"{path} did not say 200 within {StartTimeout}.\n{Output}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, cancellationToken);
        }
    }

    private async Task<bool> SaysYesAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(AdminAddress + path), cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static class Native
    {
        public const int SigTerm = 15;

        [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Kill(int pid, int signal);
    }
}
