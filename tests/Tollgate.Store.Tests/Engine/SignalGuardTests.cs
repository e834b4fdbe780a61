using System.Runtime.InteropServices;
using Tollgate.Store.Engine;

namespace Tollgate.Store.Tests.Engine;

public sealed class SignalGuardTests
{
    // SIGRTMIN as glibc counts it: what .NET stops threads with, and what libchdb takes.
    private const int StopThreads = 34;

    // glibc's struct sigaction, rounded up.
    private const int ActionBytes = 160;

    [Fact]
    public void The_signal_that_stops_threads_is_handled_as_before_and_collections_finish()
    {
        var before = Action();
        SignalGuard.Run(() =>
        {
            // All zeros is SIG_DFL: as good as another's handler, and the thread would end the process.
            Assert.Equal(0, SetAction(StopThreads, new byte[ActionBytes], null));
            Assert.NotEqual(before, Action());
        });
        Assert.Equal(before, Action());

        // A loop without a call: only the signal can stop it.
        var isSpinning = true;
        var spinner = new Thread(() =>
        {
            while (Volatile.Read(ref isSpinning))
            {
            }
        });
        spinner.Start();
        GC.Collect();
        Volatile.Write(ref isSpinning, false);
        spinner.Join();
    }

    [Fact]
    public void A_connect_that_throws_leaves_the_signals_as_they_were()
    {
        var before = Action();
        Assert.Throws<InvalidOperationException>(() => SignalGuard.Run(() =>
        {
            Assert.Equal(0, SetAction(StopThreads, new byte[ActionBytes], null));
            throw new InvalidOperationException();
        }));
        Assert.Equal(before, Action());
    }

    private static byte[] Action()
    {
        var action = new byte[ActionBytes];
        Assert.Equal(0, SetAction(StopThreads, null, action));

        // The handler, the first 64 signals of its mask, and the flags; glibc leaves the rest of the mask as it finds it.
        return [.. action[..16], .. action[136..140]];
    }

    [DllImport("libc", EntryPoint = "sigaction")]
    private static extern int SetAction(int signal, byte[]? action, byte[]? old);
}
