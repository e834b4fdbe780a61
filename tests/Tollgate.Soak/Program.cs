using System.CommandLine;
using System.Runtime.InteropServices;
using Tollgate.Soak;

// The first Ctrl-C (or kill) ends the load and still compares; the second ends the program.
using var enough = new CancellationTokenSource();
Action<PosixSignalContext> stop = signal =>
{
    signal.Cancel = !enough.IsCancellationRequested;
    enough.Cancel();
};
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, stop);

var root = new RootCommand("Long trials of the built gateway: is every answer in the ledger once, to the nano-dollar? Exits with 0 only if it is.")
{
    KillVerb.Create(Console.Out),
    OutageVerb.Create(Console.Out),
};
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = true, ProcessTerminationTimeout = null }, enough.Token);
