using System.Runtime.InteropServices;
using Tollgate.LoadTest.Polling;

namespace Tollgate.LoadTest.Measuring;

/// <summary>How many files, sockets included, a process may have open.</summary>
internal static class FileLimit
{
    private const int OpenFiles = 7;

    /// <summary>What a runtime, its libraries and listeners take beside the sockets of streams.</summary>
    public const int Spare = 500;

    /// <summary>Raises this process's limit to the most it may, and tries for <paramref name="wanted"/>; children inherit it.</summary>
    /// <returns>The limit now.</returns>
    public static unsafe long Raise(long wanted)
    {
        var limits = stackalloc ulong[2];
        if (Native.GetLimit(OpenFiles, limits) != 0)
        {
            return 1024;
        }

        if (limits[1] < (ulong)wanted)
        {
            // Only a privileged process may; where it may not, the limit stays.
            var raised = stackalloc ulong[] { (ulong)wanted, (ulong)wanted };
            if (Native.SetLimit(OpenFiles, raised) == 0)
            {
                return wanted;
            }
        }

        limits[0] = limits[1];
        return Native.SetLimit(OpenFiles, limits) == 0 ? (long)Math.Min(limits[1], long.MaxValue) : throw new InvalidOperationException($"setrlimit failed with error {Marshal.GetLastPInvokeError()}.");
    }

    /// <summary>Streams that a proxy can hold within a limit: each needs a socket on both sides.</summary>
    public static int Streams(long limit, int wanted) => (int)Math.Clamp((limit - Spare) / 2, 1, wanted);
}
