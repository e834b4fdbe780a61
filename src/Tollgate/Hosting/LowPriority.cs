using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Tollgate.Hosting;

/// <summary>Starts processes that give way to this one when the processors are busy.</summary>
internal static partial class LowPriority
{
    /// <summary>How nice they are: half the way to the nicest, which under load leaves them about a tenth of a processor that both want.</summary>
    public const int Niceness = 10;

    private const int OfProcess = 0;

    /// <summary>As <see cref="Process.Start(ProcessStartInfo)"/>; on Linux every thread of the process is nice from its first instruction.</summary>
    public static Process Start(ProcessStartInfo start)
    {
        if (!OperatingSystem.IsLinux())
        {
            return Process.Start(start)!;
        }

        Process? started = null;
        ExceptionDispatchInfo? failure = null;

        // A child is as nice as the thread that makes it, and a thread may not become less nice again: this one makes the child and ends.
        var thread = new Thread(() =>
        {
            _ = SetPriority(OfProcess, 0, Niceness);
            try
            {
                started = Process.Start(start);
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return started!;
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, uint who, int priority);
}
