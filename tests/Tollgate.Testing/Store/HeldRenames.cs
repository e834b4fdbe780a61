using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Tollgate.Testing.Store;

/// <summary>Holds every rename of a running process for two seconds before it takes place, so that a test can act in between.</summary>
/// <remarks>
/// An insert of ClickHouse ends with the rename of <c>tmp_insert_…</c> to the part's name. A few microseconds earlier its deduplication record was
/// written: a process killed between the two has the record and not the rows, and takes the same insert for a repetition ever after.
/// Needs strace, and the right to attach it. It ends with the process, or when disposed.
/// </remarks>
public sealed class HeldRenames : IAsyncDisposable
{
    /// <summary>Where strace is.</summary>
    public const string Executable = "/usr/bin/strace";

    private static readonly TimeSpan AttachLimit = TimeSpan.FromSeconds(20);

    private readonly Process _strace;

    private HeldRenames(Process strace) => _strace = strace;

    /// <summary>Attaches to a process; afterwards every rename of each of its threads is held.</summary>
    /// <exception cref="InvalidOperationException">It could not be attached; the message has strace's words.</exception>
    public static async Task<HeldRenames> OfAsync(int processId)
    {
        var start = new ProcessStartInfo(
            Executable,
            ["-f", "-p", processId.ToString(CultureInfo.InvariantCulture), "-e", "trace=rename", "-e", "inject=rename:delay_enter=2s", "-o", "/dev/null"])
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
        var held = new HeldRenames(strace);
        try
        {
            await attached.Task.WaitAsync(AttachLimit);
            return held;
        }
        catch
        {
            await held.DisposeAsync();
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
