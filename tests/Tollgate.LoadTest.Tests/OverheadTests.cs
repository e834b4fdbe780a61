using Tollgate.LoadTest.Measuring;

namespace Tollgate.LoadTest.Tests;

/// <summary>The gateway's own figures, out of two pages of /metrics.</summary>
public sealed class OverheadTests
{
    [Fact]
    public void Percentiles_are_of_what_came_between_two_pages_on_a_line_inside_the_bucket()
    {
        // Before: 10 slow ones. Between: 100 evenly to 10 µs, none above.
        var before = Overhead.Parse(Page("request", (10, 0), (20, 10), (double.PositiveInfinity, 10)));
        var after = Overhead.Parse(Page("request", (10, 100), (20, 110), (double.PositiveInfinity, 110)));
        var phase = Assert.Single(Overhead.Between(before, after));
        Assert.Equal(("request", 100L), (phase.Key, phase.Value.Observations));
        Assert.Equal(5, phase.Value.P50, 6);
        Assert.Equal(9.9, phase.Value.P99, 6);
    }

    [Fact]
    public void Whatever_phases_there_are_are_found_and_one_without_observations_is_left_out()
    {
        var nothing = Overhead.Parse("# HELP tollgate_overhead_latency_microseconds_bucket{ is no line of it\ntollgate_active_requests 3\n");
        var after = Overhead.Parse(Page("request", (10, 1), (double.PositiveInfinity, 1)) + Page("settle", (10, 4), (double.PositiveInfinity, 4)) + Page("response", (10, 0), (double.PositiveInfinity, 0)));
        Assert.Equal(["request", "settle"], Overhead.Between(nothing, after).Keys);
        Assert.Empty(Overhead.Between(after, after));
    }

    [Fact]
    public void Beyond_the_last_bound_the_bound_is_what_is_known()
    {
        var phases = Overhead.Between(Overhead.Parse(string.Empty), Overhead.Parse(Page("request", (10, 0), (double.PositiveInfinity, 5))));
        Assert.Equal((10, 10), (phases["request"].P50, phases["request"].P99));
    }

    private static string Page(string phase, params (double Bound, long Count)[] buckets) => string.Concat(buckets.Select(bucket =>
        FormattableString.Invariant($"tollgate_overhead_latency_microseconds_bucket{{phase=\"{phase}\",le=\"{(double.IsPositiveInfinity(bucket.Bound) ? "+Inf" : bucket.Bound)}\"}} {bucket.Count}\n")));
}
