using System.Runtime.InteropServices;

namespace Tollgate.Store.Engine;

/// <summary>Keeps .NET's signal handlers as they were while libchdb connects.</summary>
/// <remarks>
/// Connecting always installs a handler on SIGRTMIN, whatever chdb_set_signal_handlers_enabled says (it serves
/// system.stack_trace). .NET sends SIGRTMIN to threads to stop them for a collection: without its own handler the first
/// collection that meets a busy thread waits for ever. So all 64 dispositions are saved before and put back after, and no
/// collection may start between. See SignalGuardTests.
/// </remarks>
internal static unsafe partial class SignalGuard
{
    private const int Signals = 64;

    // glibc's struct sigaction is 152 bytes on x64; rounded up.
    private const int ActionBytes = 160;

    // Room for what connecting allocates on the managed heap: argument strings, a few objects.
    private const long RoomWithoutCollection = 4 * 1024 * 1024;

    /// <summary>Runs <paramref name="connect"/>, then restores every handler that it replaced, also when it throws.</summary>
    public static void Run(Action connect)
    {
        var saved = (byte*)NativeMemory.AllocZeroed(Signals + 1, ActionBytes);
        var known = stackalloc bool[Signals + 1];
        var quiet = GC.TryStartNoGCRegion(RoomWithoutCollection);
        try
        {
            for (var signal = 1; signal <= Signals; signal++)
            {
                // 32 and 33 belong to glibc and answer EINVAL: neither we nor the library can touch them.
                known[signal] = SigAction(signal, null, saved + (signal * ActionBytes)) == 0;
            }

            connect();
        }
        finally
        {
            for (var signal = 1; signal <= Signals; signal++)
            {
                if (known[signal])
                {
                    _ = SigAction(signal, saved + (signal * ActionBytes), null);
                }
            }

            NativeMemory.Free(saved);
            if (quiet && System.Runtime.GCSettings.LatencyMode == System.Runtime.GCLatencyMode.NoGCRegion)
            {
                GC.EndNoGCRegion();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int SigAction(int signal, void* action, void* old);
}
