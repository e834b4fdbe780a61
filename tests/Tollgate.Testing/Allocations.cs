namespace Tollgate.Testing;

/// <summary>Measures what code allocates.</summary>
public static class Allocations
{
    private const int Tries = 5;

    /// <summary>Bytes that <paramref name="run"/> allocates on this thread: the least of five runs, which ends with the first that allocates nothing.</summary>
    /// <remarks>
    /// What the code itself allocates is in every run. What is in one only is the runtime's or another test's doing: a method that is compiled anew while it runs may need a table of the runtime's,
    /// and a collection may empty a shared pool.
    /// </remarks>
    public static long Least(Action run)
    {
        var least = long.MaxValue;
        for (var attempt = 0; attempt < Tries && least > 0; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            run();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
