using System.Diagnostics;
using System.Globalization;

namespace Tollgate.Proxy.Tests.Admission;

/// <summary>Random schedules against a model that adds everything up anew; see <see cref="AdmissionSchedule"/>.</summary>
/// <remarks>TOLLGATE_ADMISSION_SCHEDULES sets how many (5,000), TOLLGATE_ADMISSION_SEED where they begin (1): a failed schedule names its seed.</remarks>
public class AdmissionModelTests
{
    private const int MostSeedsForMutant = 5_000;

    private static int Schedules => Number("TOLLGATE_ADMISSION_SCHEDULES", 5_000);

    private static int FirstSeed => Number("TOLLGATE_ADMISSION_SEED", 1);

    [Fact]
    public void Every_answer_and_every_state_is_what_rows_and_open_requests_add_up_to()
    {
        var started = Stopwatch.GetTimestamp();
        var (admitted, refused) = (0, 0);
        for (var seed = FirstSeed; seed < FirstSeed + Schedules; seed++)
        {
            try
            {
                var schedule = new AdmissionSchedule(seed);
                schedule.Run();
                admitted += schedule.Admitted;
                refused += schedule.Refused;
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"Seed {seed}: {failure.Message}\n{LogOf(seed)}\n{failure.StackTrace}", failure);
            }
        }

        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{Schedules} schedules from seed {FirstSeed}: {admitted} admitted, {refused} refused, {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
        Assert.True(admitted > 4 * Schedules && refused > 4 * Schedules, $"{admitted} admitted, {refused} refused: the schedules don't say much.");
    }

    /// <summary>The test of the test: each thing that budgets rely on, taken away, must be noticed.</summary>
    [Theory]
    [InlineData(AdmissionMutant.SettledTwice)]
    [InlineData(AdmissionMutant.HeldAfterRefusal)]
    [InlineData(AdmissionMutant.ReleasedInWrongWindow)]
    [InlineData(AdmissionMutant.CountedInLaterWindow)]
    [InlineData(AdmissionMutant.CutIgnoredWhenRead)]
    [InlineData(AdmissionMutant.CutIgnoredWhenSettled)]
    [InlineData(AdmissionMutant.CheckedApartFromTaking)]
    [InlineData(AdmissionMutant.NeverReleased)]
    internal void What_budgets_rely_on_is_missed_when_it_is_taken_away(AdmissionMutant mutant)
    {
        for (var seed = 1; seed <= MostSeedsForMutant; seed++)
        {
            try
            {
                new AdmissionSchedule(seed, mutant).Run();
            }
            catch (InvalidOperationException noticed)
            {
                TestContext.Current.TestOutputHelper!.WriteLine($"{mutant}: seed {seed}: {noticed.Message}");
                return;
            }
        }

        Assert.Fail($"{mutant} was not noticed within {MostSeedsForMutant} schedules.");
    }

    private static string LogOf(int seed)
    {
        var log = new List<string>();
        try
        {
            new AdmissionSchedule(seed, log: log).Run();
        }
        catch (Exception)
        {
            // Known already.
        }

        return string.Join('\n', log.TakeLast(Number("TOLLGATE_ADMISSION_LOG", 60)));
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
