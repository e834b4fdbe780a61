using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Tollgate.Demo.Tests;

/// <summary>The built demo as a process, with a small history, on free ports.</summary>
internal sealed class DemoProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly Process _process;
    private readonly StringBuilder _output = new();

    /// <summary>Starts it in a directory.</summary>
    public DemoProcess(string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo(
            "dotnet",
            [
                "exec", RepositoryRoot.File("artifacts", "bin", "Tollgate.Demo", "release", "Tollgate.Demo.dll"), "run", "--directory", directory, "--days", "2", "--speed", "12",
                "--proxy-port", "0", "--admin-port", "0", "--store-port", "0", .. arguments,
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
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

    /// <summary>What it has printed.</summary>
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

    /// <summary>Waits for something to be printed.</summary>
    public Task UntilPrintedAsync(string text) => UntilAsync(() => Output.Contains(text, StringComparison.Ordinal), () => $"never printed {text}");

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitForExitAsync()
    {
        using var late = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(late.Token);
        return _process.ExitCode;
    }

    /// <summary>Sends it a signal: INT, TERM, KILL.</summary>
    public async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Waits until no process names a directory on its command line: neither gateway nor store is left.</summary>
    public Task UntilAllGoneAsync(string directory) => UntilAsync(() => Naming(directory).Count == 0, () => "left " + string.Join(" | ", Naming(directory)));

    /// <summary>Command lines that name a directory.</summary>
    public static List<string> Naming(string directory) =>
    [
        .. Directory.EnumerateDirectories("/proc").Where(static path => char.IsAsciiDigit(Path.GetFileName(path)[0])).Select(static path =>
        {
            try
            {
                return File.ReadAllText(Path.Combine(path, "cmdline")).Replace('\0', ' ');
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                return string.Empty;
            }
        }).Where(line => line.Contains(directory, StringComparison.Ordinal)),
    ];

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private async Task UntilAsync(Func<bool> isSo, Func<string> otherwise)
    {
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        using var late = new CancellationTokenSource(Patience);
        try
        {
            while (!isSo())
            {
                await tick.WaitForNextTickAsync(late.Token);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"The demo {otherwise()}:\n{Output}");
        }
    }
}
