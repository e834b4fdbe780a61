using System.CommandLine;
using System.Runtime.InteropServices;
using Tollgate.Demo.Dashboards;
using Tollgate.Demo.History;
using Tollgate.Demo.Live;

// The first Ctrl-C (or kill) ends everything in order; the second ends the program.
using var enough = new CancellationTokenSource();
Action<PosixSignalContext> stop = signal =>
{
    signal.Cancel = !enough.IsCancellationRequested;
    enough.Cancel();
};
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, stop);

var root = new RootCommand("A simulated team: a month of history, and live traffic through a real gateway before a simulated provider.")
{
    RunVerb.Create(Console.Out, Console.Error, TimeProvider.System),
    HistoryVerb.Create(Console.Out, TimeProvider.System),
    DashboardsVerb.Create(Console.Out, Console.Error, TimeProvider.System),
};
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = true, ProcessTerminationTimeout = null }, enough.Token);
