using System.Diagnostics;
using System.Text;

namespace Tollgate.LoadTest.Peers;

/// <summary>A server as a process of its own, ended by its id.</summary>
internal sealed class ChildServer : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);
    private const int MaxOutputCharacters = 64 * 1024;

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource<string> _firstLine = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildServer(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Append(line.Data, answersFirstLine: true);
        process.ErrorDataReceived += (_, line) => Append(line.Data, answersFirstLine: false);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Process id.</summary>
    public int Id => _process.Id;

    /// <summary>Starts it and waits until it accepts connections at a port.</summary>
    /// <exception cref="InvalidOperationException">It ended, or did not listen in time; the message has its output.</exception>
    public static async Task<ChildServer> StartAsync(string file, IEnumerable<string> arguments, string directory, int port, CancellationToken cancellationToken)
    {
        var server = Launch(file, arguments, directory);
        try
        {
            var started = Stopwatch.GetTimestamp();
            while (!LoopbackPort.Accepts(port))
            {
                if (server._process.HasExited || Stopwatch.GetElapsedTime(started) > StartTimeout)
                {
                    throw new InvalidOperationException($"{file} does not listen at port {port}.\n{server.Output()}");
                }

                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, cancellationToken);
            }

            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it and waits for the first line that it prints.</summary>
    /// <exception cref="TimeoutException">It printed none in time.</exception>
    public static async Task<(ChildServer Server, string Line)> StartAsync(string file, IEnumerable<string> arguments, string directory, CancellationToken cancellationToken)
    {
        var server = Launch(file, arguments, directory);
        try
        {
            return (server, await server._firstLine.Task.WaitAsync(StartTimeout, cancellationToken));
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
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
    }

    private static ChildServer Launch(string file, IEnumerable<string> arguments, string directory)
    {
        var start = new ProcessStartInfo(file, arguments) { WorkingDirectory = directory, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        return new ChildServer(Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start."));
    }

    private string Output()
    {
        lock (_output)
        {
            return _output.ToString();
        }
    }

    private void Append(string? line, bool answersFirstLine)
    {
        lock (_output)
        {
            if (line is not null && _output.Length < MaxOutputCharacters)
            {
                _output.AppendLine(line);
            }
        }

        if (answersFirstLine && line is not null)
        {
            _firstLine.TrySetResult(line);
        }
    }
}
