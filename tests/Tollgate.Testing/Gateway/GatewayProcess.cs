using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace Tollgate.Testing.Gateway;

/// <summary>The built gateway as a process of its own, on ports and a data directory of its own.</summary>
/// <remarks>Needs <c>dotnet build src/Tollgate -c Release</c> beforehand; the tests never build it behind one's back.</remarks>
public sealed class GatewayProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(45);
    private static readonly string Assembly = RepositoryRoot.File("artifacts", "bin", "Tollgate", "release", "tollgate.dll");

    private readonly TemporaryDirectory _directory;
    private readonly bool _ownsDirectory;
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(30) };

    private GatewayProcess(TemporaryDirectory directory, bool ownsDirectory, Process process, int proxyPort, int adminPort, int storePort)
    {
        _directory = directory;
        _ownsDirectory = ownsDirectory;
        _process = process;
        ProxyAddress = $"http://127.0.0.1:{proxyPort}";
        AdminAddress = $"http://127.0.0.1:{adminPort}";
        StoreAddress = $"http://127.0.0.1:{storePort}";
    }

    /// <summary>Where clients connect, without a slash at the end.</summary>
    public string ProxyAddress { get; }

    /// <summary>Where operators connect.</summary>
    public string AdminAddress { get; }

    /// <summary>Where the embedded store listens; nothing listens there in mode <c>none</c>.</summary>
    public string StoreAddress { get; }

    /// <summary>Process id, for signals and for what /proc says.</summary>
    public int Id => _process.Id;

    /// <summary>Everything printed so far, both streams, in the order the lines came.</summary>
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
    /// <param name="cancellationToken">Gives the start up and kills the process.</param>
    /// <exception cref="InvalidOperationException">It is not built, or it ended or was not ready in time; the message has its output.</exception>
    public static async Task<GatewayProcess> StartAsync(
        string upstreamBaseUrl,
        bool embeddedStore = true,
        Action<JsonObject>? configure = null,
        TemporaryDirectory? directory = null,
        CancellationToken cancellationToken = default)
    {
        if (!File.Exists(Assembly))
        {
            throw new InvalidOperationException($"{Assembly} is missing. Run: dotnet build src/Tollgate -c Release");
        }

        var home = directory ?? new TemporaryDirectory();
        var (proxy, admin, store) = (LoopbackPort.Free(), LoopbackPort.Free(), LoopbackPort.Free());
        var configuration = Configuration(upstreamBaseUrl, embeddedStore, home.Subdirectory("data"), proxy, admin, store);
        configure?.Invoke(configuration);
        var file = Path.Combine(home.Path, "tollgate.json");
        await File.WriteAllTextAsync(file, configuration.ToJsonString(), cancellationToken);

        var start = new ProcessStartInfo("dotnet") { WorkingDirectory = home.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["exec", Assembly, "serve", "--config", file])
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start.");
        var gateway = new GatewayProcess(home, directory is null, process, proxy, admin, store);
        gateway.Listen();
        try
        {
            await gateway.WaitUntilReadyAsync(cancellationToken);
            return gateway;
        }
        catch
        {
            await gateway.DisposeAsync();
            throw;
        }
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
            TimeSpan.FromSeconds(60),
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

    /// <summary>The text of <c>/metrics</c>.</summary>
    public Task<string> MetricsAsync(CancellationToken cancellationToken = default) => _http.GetStringAsync(new Uri(AdminAddress + "/metrics"), cancellationToken);

    /// <summary>Asks the process to end as a service manager does (SIGTERM) and waits for it.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="TimeoutException">It did not end; it is killed when disposed.</exception>
    public async Task<int> StopAsync()
    {
        if (!_process.HasExited && Native.Kill(_process.Id, Native.SigTerm) != 0)
        {
            throw new InvalidOperationException($"SIGTERM failed with error {Marshal.GetLastPInvokeError()}.");
        }

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

    private static JsonObject Configuration(string upstream, bool embeddedStore, string data, int proxy, int admin, int store) => new()
    {
        ["proxy"] = new JsonObject { ["listen"] = new JsonArray($"http://127.0.0.1:{proxy}") },
        ["admin"] = new JsonObject { ["listen"] = new JsonArray($"http://127.0.0.1:{admin}") },
        ["upstreams"] = new JsonObject { ["anthropic"] = new JsonObject { ["dialect"] = "anthropic", ["baseUrl"] = upstream } },
        ["storage"] = new JsonObject
        {
            ["mode"] = embeddedStore ? "embedded" : "none",
            ["listen"] = $"http://127.0.0.1:{store}",
            ["dataDirectory"] = data,
        },
        ["recording"] = new JsonObject { ["batchInterval"] = "00:00:00.050" },
    };

    private void Listen()
    {
        _process.OutputDataReceived += (_, line) => Append(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        void Append(string? line)
        {
            lock (_output)
            {
                _output.AppendLine(line);
            }
        }
    }

    private async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await IsReadyAsync(cancellationToken))
        {
            if (_process.HasExited)
            {
                throw new InvalidOperationException($"The gateway ended with {_process.ExitCode} before it was ready.\n{Output}");
            }

            if (Stopwatch.GetElapsedTime(started) > StartTimeout)
            {
                throw new InvalidOperationException($"The gateway was not ready within {StartTimeout}.\n{Output}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellationToken);
        }
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(AdminAddress + "/readyz"), cancellationToken);
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
