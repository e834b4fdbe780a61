namespace Tollgate.LoadTest.Measuring;

/// <summary>Waits for others to leave the machine alone, so that a window is not void from its start.</summary>
/// <param name="bound">Most CPU that others may use, percent of the machine.</param>
/// <param name="patience">Longest wait, after which the window is run and most likely void.</param>
internal sealed class QuietMachine(double bound, TimeSpan patience)
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    /// <summary>Returns when others were quiet for a second, or patience is at its end.</summary>
    /// <param name="ours">Processes that do not count as others.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task WaitAsync(IReadOnlyList<int> ours, CancellationToken cancellationToken)
    {
        for (var waited = TimeSpan.Zero; waited < patience; waited += Look)
        {
            var (machine, own) = (MachineCpu.Now(), ProcessTree.Use(ours));
            await Task.Delay(Look, TimeProvider.System, cancellationToken);
            if (OtherPercent(machine, MachineCpu.Now(), own, ProcessTree.Use(ours)) <= bound)
            {
                return;
            }
        }
    }

    /// <summary>CPU that others used between two looks, percent of the machine.</summary>
    public static double OtherPercent(MachineCpu machine, MachineCpu machineAfter, ProcessUse ours, ProcessUse oursAfter)
    {
        var others = machineAfter.BusyMicroseconds - machine.BusyMicroseconds - (oursAfter.CpuMicroseconds - ours.CpuMicroseconds);
        return Math.Max(0, 100.0 * others / Math.Max(1, machineAfter.TotalMicroseconds - machine.TotalMicroseconds));
    }
}
