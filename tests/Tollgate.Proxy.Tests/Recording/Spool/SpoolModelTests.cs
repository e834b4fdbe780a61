using System.Diagnostics;
using System.Globalization;

namespace Tollgate.Proxy.Tests.Recording.Spool;

/// <summary>Random schedules against a model of disk, store and clients; see <see cref="SpoolSchedule"/>.</summary>
/// <remarks>TOLLGATE_SPOOL_SCHEDULES sets how many (8,000), TOLLGATE_SPOOL_SEED where they begin (1): a failed schedule names its seed.</remarks>
public class SpoolModelTests
{
    private const int MostSeedsForMutant = 6_000;

    private static int Schedules => Number("TOLLGATE_SPOOL_SCHEDULES", 8_000);

    private static int FirstSeed => Number("TOLLGATE_SPOOL_SEED", 1);

    [Fact]
    public void Every_row_is_delivered_once_whatever_ends_the_process_the_power_or_the_store()
    {
        SynchronizationContext.SetSynchronizationContext(null);
        var started = Stopwatch.GetTimestamp();
        var (processes, delivered) = (0, 0);
        for (var seed = FirstSeed; seed < FirstSeed + Schedules; seed++)
        {
            using var schedule = Run(seed);
            processes += schedule.Processes;
            delivered += schedule.Delivered;
        }

        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{Schedules} schedules from seed {FirstSeed}: {processes} processes, {delivered} rows, {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
    }

    /// <summary>The test of the test: each thing that the ledger relies on, taken away, must be noticed.</summary>
    [Theory]
    [InlineData(Mutant.DirectoryNeverSynced)]
    [InlineData(Mutant.FilesNeverSynced)]
    [InlineData(Mutant.SyncStartsLeftOut)]
    [InlineData(Mutant.FailedSyncsHidden)]
    [InlineData(Mutant.MappingsPrivate)]
    [InlineData(Mutant.ChecksumsIgnored)]
    [InlineData(Mutant.NothingRewritten)]
    [InlineData(Mutant.SentBeforeDurable)]
    [InlineData(Mutant.AcknowledgedBeforeStored)]
    [InlineData(Mutant.LateInsertsNotAbandoned)]
    [InlineData(Mutant.ClosedTwice)]
    [InlineData(Mutant.ClosedWithoutRow)]
    internal void What_the_ledger_relies_on_is_missed_when_it_is_taken_away(Mutant mutant)
    {
        SynchronizationContext.SetSynchronizationContext(null);
        for (var seed = 1; seed <= MostSeedsForMutant; seed++)
        {
            using var schedule = new SpoolSchedule(seed, mutant);
            try
            {
                schedule.Run();
            }
            catch (Exception noticed) when (noticed is not ProcessKilledException)
            {
                TestContext.Current.TestOutputHelper!.WriteLine($"{mutant}: seed {seed}: {noticed.Message}");
                return;
            }
        }

        Assert.Fail($"{mutant} was not noticed within {MostSeedsForMutant} schedules.");
    }

    private static SpoolSchedule Run(int seed)
    {
        var schedule = new SpoolSchedule(seed);
        try
        {
            schedule.Run();
            return schedule;
        }
        catch (Exception failure)
        {
            var last = string.Join('\n', schedule.Log.TakeLast(Number("TOLLGATE_SPOOL_LOG", 60)));
            throw new InvalidOperationException($"Seed {seed}: {failure.Message}\n{schedule.Log[0]}, {schedule.Log[1]}\n…\n{last}\n{failure.StackTrace}", failure);
        }
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
