using BenchmarkDotNet.Running;
using Tollgate.Benchmarks.Gate;
using Tollgate.Benchmarks.Recording;

if (args is ["sync-interval", ..])
{
    await SyncIntervalMeasurement.RunAsync(Console.Out);
    return 0;
}

// gate COMMIT FILTERS [update]: see the Makefile. Anything else is BenchmarkDotNet's own.
if (args is ["gate", var commit, var filters, .. var rest])
{
    return GateRun.Run(filters.Split(' ', StringSplitOptions.RemoveEmptyEntries), commit, update: rest is ["update"]);
}

BenchmarkSwitcher.FromAssembly(typeof(UsageSpoolBenchmarks).Assembly).Run(args);
return 0;
