using System.Diagnostics;
using System.Text;

namespace Tollgate.Testing.Gateway;

/// <summary>What a finished process left behind.</summary>
/// <param name="ExitCode">Its exit code; -1 when it was killed for being late.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
/// <param name="Duration">From start to exit.</param>
public sealed record ChildProcessResult(int ExitCode, string Output, string Error, TimeSpan Duration);

/// <summary>Runs a client to its end with an environment that holds nothing but what is given.</summary>
public static class ChildProcess
{
    /// <summary>Starts, feeds standard input, waits; kills the whole tree it started when late or cancelled.</summary>
    /// <exception cref="TimeoutException">The process did not end in time; the message has its output.</exception>
    public static async Task<ChildProcessResult> RunAsync(
        string file,
        IEnumerable<string> arguments,
        string workingDirectory,
        IReadOnlyDictionary<string, string> environment,
        string input,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(file)
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var started = Stopwatch.GetTimestamp();
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start.");
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(timeout);
        try
        {
            await process.StandardInput.WriteAsync(new StringBuilder(input), late.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            throw new TimeoutException($"{Path.GetFileName(file)} did not end within {timeout}.\n{await output}\n{await error}");
        }

        return new ChildProcessResult(process.ExitCode, await output, await error, Stopwatch.GetElapsedTime(started));
    }
}
