using System.CommandLine;
using Tollgate.Soak;

using var enough = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    // The first Ctrl-C ends the load and still compares; the second ends the program.
    pressed.Cancel = !enough.IsCancellationRequested;
    enough.Cancel();
};

var root = new RootCommand("Long trials of the built gateway: is every answer in the ledger once, to the nano-dollar? Exits with 0 only if it is.")
{
    KillVerb.Create(Console.Out),
    OutageVerb.Create(Console.Out),
};
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = true, ProcessTerminationTimeout = null }, enough.Token);
