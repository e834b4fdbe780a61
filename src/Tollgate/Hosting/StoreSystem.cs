using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Hosting;

/// <summary>The real <see cref="IStoreSystem"/>: a child process and its HTTP address.</summary>
internal sealed class StoreSystem(StorageOptions options, string executableDirectory, ILogger<StoreSystem> logger) : IStoreSystem, IDisposable
{
    /// <summary>How long one ping may take.</summary>
    private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(2);

    private readonly Uri _address = new(options.Listen);
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, ConnectTimeout = PingTimeout });

    /// <inheritdoc/>
    public IStoreProcess Start()
    {
        var executable = StoreExecutable.Find(executableDirectory);
        var start = new ProcessStartInfo(executable)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        foreach (var argument in Arguments(options, Environment.ProcessId))
        {
            start.ArgumentList.Add(argument);
        }

        // The engine needs none of the gateway's secrets, and its own environment can be read for as long as it runs.
        foreach (var name in start.Environment.Keys.Where(name => !IsPassedOn(name)).ToArray())
        {
            start.Environment.Remove(name);
        }

        try
        {
            // A merge takes every processor for as long as it likes; an answer must not wait for it.
            return new ChildProcess(LowPriority.Start(start), logger);
        }
        catch (Win32Exception exception)
        {
            throw new StoreUnavailableException($"The embedded store at {executable} can't be started: {exception.Message}. Check that the file may be executed.");
        }
    }

    /// <inheritdoc/>
    public async Task<bool> PingAsync(CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(PingTimeout);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_address, "/ping"));
            using var response = await _http.SendAsync(request, timeout.Token);
            return response.IsSuccessStatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public async Task<bool> IsAddressTakenAsync(CancellationToken cancellation)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(_address.DnsSafeHost, _address.Port, cancellation);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>What the store is told on its command line: nothing secret, since any user can read it.</summary>
    internal static string[] Arguments(StorageOptions options, int parent) =>
    [
        "--listen", options.Listen,
        "--data", Path.GetFullPath(options.DataDirectory),
        "--max-memory", options.MaxMemoryBytes.ToString(CultureInfo.InvariantCulture),
        "--max-threads", options.MaxThreads.ToString(CultureInfo.InvariantCulture),
        "--parent-pid", parent.ToString(CultureInfo.InvariantCulture),
    ];

    private static bool IsPassedOn(string name) =>
        name is "PATH" or "HOME" or "TZ" or "TMPDIR" or "LANG" or "LD_LIBRARY_PATH"
        || name.StartsWith("DOTNET_", StringComparison.Ordinal)
        || name.StartsWith("TOLLGATE_STORE_", StringComparison.Ordinal);

    /// <summary>A started process, its lines in the log.</summary>
    private sealed partial class ChildProcess : IStoreProcess
    {
        private const int SigTerm = 15;
        private readonly Process _process;

        public ChildProcess(Process process, ILogger logger)
        {
            _process = process;
            DataReceivedEventHandler write = (_, line) =>
            {
                if (!string.IsNullOrWhiteSpace(line.Data))
                {
                    StoreEvents.Output(logger, line.Data);
                }
            };
            process.OutputDataReceived += write;
            process.ErrorDataReceived += write;
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            Id = process.Id;
            Exited = WaitAsync();
        }

        public int Id { get; }

        public Task<int> Exited { get; }

        public void Terminate()
        {
            // Process has no way to ask; the id can't have been given to another process, since nobody but us has reaped it.
            if (!_process.HasExited)
            {
                _ = NativeKill(Id, SigTerm);
            }
        }

        public void Kill() => _process.Kill();

        public void Dispose() => _process.Dispose();

        private async Task<int> WaitAsync()
        {
            await _process.WaitForExitAsync(CancellationToken.None);
            return _process.ExitCode;
        }

        [DllImport("libc", EntryPoint = "kill")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int NativeKill(int pid, int signal);
    }
}
