using System.Diagnostics;
using System.Text;
using Tollgate.Testing.Gateway;

namespace Tollgate.Testing;

/// <summary>The embedded store as a process of its own, on a free loopback port and a directory of its own.</summary>
public sealed class StoreProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(60);
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromMinutes(2) };

    private readonly StringBuilder _output = new();
    private readonly bool _ownsDirectory;
    private Process _process = null!;

    private StoreProcess(string dataDirectory, bool ownsDirectory, int port)
    {
        DataDirectory = dataDirectory;
        _ownsDirectory = ownsDirectory;
        Address = new Uri($"http://127.0.0.1:{port}");
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>Where its tables are.</summary>
    public string DataDirectory { get; }

    /// <summary>Its process.</summary>
    public int ProcessId => _process.Id;

    /// <summary>What it wrote to its standard output and error.</summary>
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

    /// <summary>Starts a store and waits until it answers.</summary>
    /// <param name="dataDirectory">Its directory, kept afterwards; null for one that is deleted.</param>
    /// <param name="port">Its port; null for a free one.</param>
    public static async Task<StoreProcess> StartAsync(string? dataDirectory = null, int? port = null)
    {
        var store = new StoreProcess(
            dataDirectory ?? Path.Combine(Path.GetTempPath(), "tollgate-store-" + Guid.NewGuid().ToString("N")), dataDirectory is null, port ?? LoopbackPort.Free());
        store.Launch();
        await store.UntilReadyAsync();
        return store;
    }

    /// <summary>Starts the same store again, on the same port and directory.</summary>
    public async Task RestartAsync()
    {
        _process.Dispose();
        Launch();
        await UntilReadyAsync();
    }

    /// <summary>Runs one statement; the answer as text.</summary>
    /// <exception cref="HttpRequestException">The store's error, with its text.</exception>
    public async Task<string> QueryAsync(string sql)
    {
        using var response = await Http.PostAsync(Address, new StringContent(sql));
        var text = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode ? text.TrimEnd('\n') : throw new HttpRequestException(text, null, response.StatusCode);
    }

    /// <summary>Kills it, as kill -9 does, and waits until it is gone.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Asks it to end, as kill does. Returns its exit code.</summary>
    public async Task<int> StopAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync();
        }

        using var late = new CancellationTokenSource(StopLimit);
        await _process.WaitForExitAsync(late.Token);
        return _process.ExitCode;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
        if (_ownsDirectory)
        {
            await Task.Run(() => Directory.Delete(DataDirectory, recursive: true));
        }
    }

    /// <summary>The built store.</summary>
    public static string Executable()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Gateway.sln")))
            {
                var path = Path.Combine(directory.FullName, "artifacts/bin/Tollgate.Store/release/tollgate-store");
                return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing; run make build first.");
            }
        }

        throw new DirectoryNotFoundException("No Gateway.sln above the tests.");
    }

    private void Launch()
    {
        var start = new ProcessStartInfo(
            Executable(),
            ["--listen", Address.ToString().TrimEnd('/'), "--data", DataDirectory, "--parent-pid", Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        _process = Process.Start(start)!;
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        void Keep(object sender, DataReceivedEventArgs line)
        {
            lock (_output)
            {
                _output.AppendLine(line.Data);
            }
        }
    }

    private async Task UntilReadyAsync()
    {
        using var late = new CancellationTokenSource(StartLimit);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!_process.HasExited)
        {
            try
            {
                using var pong = await Http.GetAsync(new Uri(Address, "/ping"), late.Token);
                if (pong.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            await timer.WaitForNextTickAsync(late.Token);
        }

        throw new InvalidOperationException($"tollgate-store ended with {_process.ExitCode}: {Output}");
    }
}
