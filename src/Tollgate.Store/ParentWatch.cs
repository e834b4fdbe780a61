using System.Diagnostics;

namespace Tollgate.Store;

/// <summary>Ends the store when the process that started it is gone, so that a killed gateway leaves none behind.</summary>
internal static class ParentWatch
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Completes when the process has ended, or with the token.</summary>
    public static async Task UntilGoneAsync(int processId, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (IsAlive(processId) && await timer.WaitForNextTickAsync(cancellationToken))
        {
        }
    }

    private static bool IsAlive(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
