using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Tollgate.Testing.Store;

/// <summary>Makes system calls of a running process slow, fail or fatal: strace, attached to each of its threads.</summary>
/// <remarks>Needs strace, and the right to attach it. It ends with the process, or when disposed.</remarks>
public sealed class TamperedCalls : IAsyncDisposable
{
    /// <summary>Where strace is.</summary>
    public const string Executable = "/usr/bin/strace";

    private static readonly TimeSpan AttachLimit = TimeSpan.FromSeconds(60);

    private readonly Process _strace;

    private TamperedCalls(Process strace) => _strace = strace;

    /// <summary>Attaches to a process.</summary>
    /// <param name="processId">Which one.</param>
    /// <param name="call">The system call.</param>
    /// <param name="injection">What becomes of it, in strace's words: <c>delay_enter=2s</c>, <c>signal=KILL:when=3</c>, <c>error=EIO:when=1</c>.</param>
    /// <exception cref="InvalidOperationException">It could not be attached; the message has strace's words.</exception>
    public static async Task<TamperedCalls> OfAsync(int processId, string call, string injection)
    {
        var start = new ProcessStartInfo(
            Executable,
            ["-f", "-p", processId.ToString(CultureInfo.InvariantCulture), "-e", $"trace={call}", "-e", $"inject={call}:{injection}", "-o", "/dev/null"])
        {
            RedirectStandardError = true,
        };
        var strace = Process.Start(start)!;
        var said = new StringBuilder();
        var attached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        strace.ErrorDataReceived += (_, line) =>
        {
            said.AppendLine(line.Data);
            if (line.Data is null)
            {
                attached.TrySetException(new InvalidOperationException($"strace could not be attached: {said}"));
            }
            else if (line.Data.Contains(" attached", StringComparison.Ordinal))
            {
                attached.TrySetResult();
            }
        };
        strace.BeginErrorReadLine();
        var tampered = new TamperedCalls(strace);
        try
        {
            await attached.Task.WaitAsync(AttachLimit);
            return tampered;
        }
        catch
        {
            await tampered.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_strace.HasExited)
        {
            _strace.Kill();
        }

        await _strace.WaitForExitAsync();
        _strace.Dispose();
    }
}
