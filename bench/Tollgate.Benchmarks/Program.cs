using BenchmarkDotNet.Running;
using Tollgate.Benchmarks.Recording;

if (args is ["sync-interval", ..])
{
    await SyncIntervalMeasurement.RunAsync(Console.Out);
    return;
}

BenchmarkSwitcher.FromAssembly(typeof(UsageSpoolBenchmarks).Assembly).Run(args);
