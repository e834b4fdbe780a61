using System.CommandLine;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tollgate.LoadTest;

// Ctrl-C (or kill) ends the load and every process that was started.
using var enough = new CancellationTokenSource();
Action<PosixSignalContext> stop = signal =>
{
    signal.Cancel = true;
    enough.Cancel();
};
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, stop);

var root = LoadTestCommand.Create(Console.Out);
root.Subcommands.Add(UpstreamVerb.Create(Console.Out));
try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, enough.Token);
}
catch (OperationCanceledException) when (enough.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("Ended before it was through; nothing is reported.");
    return 130;
}
catch (Exception failure) when (failure is InvalidOperationException or SocketException or TimeoutException)
{
    // A peer that is not built, did not start or went away; the message says which and what it printed.
    await Console.Error.WriteLineAsync(failure.Message);
    return 2;
}
