using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Recording;

namespace Tollgate.Proxy.Tests.Recording;

public class BatchScheduleTests
{
    private static readonly RecordingOptions Options = new()
    {
        BatchRows = 10,
        BatchInterval = TimeSpan.FromMilliseconds(250),
        MaxRetryInterval = TimeSpan.FromSeconds(10),
    };

    [Theory]
    [InlineData(9, 100, false)]
    [InlineData(10, 100, true)]
    [InlineData(11, 100, true)]
    [InlineData(9, (4 * 1024 * 1024) - 1, false)]
    [InlineData(9, 4 * 1024 * 1024, true)]
    public void A_batch_is_full_at_its_rows_or_at_four_megabytes(int rows, int bytes, bool isFull) =>
        Assert.Equal(isFull, new BatchSchedule(Options).IsFull(rows, bytes));

    [Fact]
    public void Pauses_double_up_to_the_maximum_and_stay_there()
    {
        var schedule = new BatchSchedule(Options);
        var pauses = Enumerable.Range(0, 100).Select(_ => schedule.PauseAfterFailure(random: 1).TotalMilliseconds).ToList();
        Assert.Equal([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000], pauses.Take(9));
        Assert.All(pauses.Skip(9), static pause => Assert.Equal(10_000, pause));
    }

    [Theory]
    [InlineData(0, 50)]
    [InlineData(0.5, 75)]
    [InlineData(1, 100)]
    public void Chance_moves_a_pause_within_its_upper_half(double random, double milliseconds) =>
        Assert.Equal(milliseconds, new BatchSchedule(Options).PauseAfterFailure(random).TotalMilliseconds);

    [Fact]
    public void A_store_that_answers_starts_the_pauses_over()
    {
        var schedule = new BatchSchedule(Options);
        schedule.PauseAfterFailure(1);
        schedule.PauseAfterFailure(1);
        schedule.Reset();
        Assert.Equal(0, schedule.Failures);
        Assert.Equal(100, schedule.PauseAfterFailure(1).TotalMilliseconds);
    }
}
