using Tollgate.LoadTest.Generator;

namespace Tollgate.LoadTest.Tests;

/// <summary>Requests are due at a constant distance, whatever happens in between.</summary>
public sealed class ArrivalScheduleTests
{
    [Fact]
    public void After_the_last_of_a_count_nothing_is_due()
    {
        var schedule = new ArrivalSchedule(0, 1000, count: 2);
        Assert.True(schedule.TryTake(10_000_000, out _));
        Assert.True(schedule.TryTake(10_000_000, out var last));
        Assert.Equal(1_000_000, last);
        Assert.False(schedule.TryTake(long.MaxValue - 1, out _));
        Assert.Equal(long.MaxValue, schedule.NextDue);
    }

    [Fact]
    public void A_generator_that_comes_late_finds_every_request_that_was_due_with_its_own_time()
    {
        var schedule = new ArrivalSchedule(start: 1_000, rate: 1_000_000);
        Assert.False(schedule.TryTake(999, out _));
        var taken = new List<long>();
        while (schedule.TryTake(4_500, out var due))
        {
            taken.Add(due);
        }

        Assert.Equal([1_000, 2_000, 3_000, 4_000], taken);
        Assert.Equal(5_000, schedule.NextDue);
    }

    [Fact]
    public void Threads_share_a_load_without_a_gap_and_without_a_double()
    {
        var alone = Take(new ArrivalSchedule(0, 5000), 1000);
        var shared = Enumerable.Range(0, 3).SelectMany(static turn => Take(new ArrivalSchedule(0, 5000, turn, 3), 400)).Order().Take(1000);
        Assert.Equal(alone, shared);
    }

    [Fact]
    public void A_rate_that_does_not_divide_a_second_does_not_drift()
    {
        var schedule = new ArrivalSchedule(0, 3);
        _ = Take(schedule, 3_000_000).Count();
        Assert.Equal(1_000_000_000_000_000, schedule.NextDue);
    }

    private static IEnumerable<long> Take(ArrivalSchedule schedule, int count)
    {
        for (var i = 0; i < count && schedule.TryTake(long.MaxValue, out var due); i++)
        {
            yield return due;
        }
    }
}
