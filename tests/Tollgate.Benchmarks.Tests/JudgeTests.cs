using Tollgate.Benchmarks.Gate;

namespace Tollgate.Benchmarks.Tests;

public class JudgeTests
{
    private const double Calibration = 20_000;
    private const string Processor = "of then";
    private static readonly Measurement Scan = new("Sse", "TinyPing", Mean: 110, Fastest: 100, Allocated: 0, Promised: 0);
    private static readonly Baseline Before = Baseline.None.With("then", Processor, [Scan], Calibration);

    [Fact]
    public void What_is_as_it_was_is_kept()
    {
        var judged = One(Scan);
        Assert.Equal((Verdict.Kept, false), (judged.Verdict, judged.IsBroken));
        Assert.Equal(1, judged.Ratio!.Value, 6);
        Assert.Equal(110, judged.Before!.Mean);
    }

    [Theory]
    [InlineData(149, Verdict.Kept)]
    [InlineData(151, Verdict.Slower)]
    public void A_time_may_grow_by_half(double fastest, Verdict verdict) => Assert.Equal(verdict, One(Scan with { Fastest = fastest }).Verdict);

    [Theory]
    [InlineData(290, Verdict.Kept)]
    [InlineData(310, Verdict.Slower)]
    public void A_benchmark_may_have_a_tolerance_of_its_own(double fastest, Verdict verdict) =>
        Assert.Equal(verdict, One(Scan with { Fastest = fastest, Tolerance = 3 }).Verdict);

    [Fact]
    public void A_machine_that_is_half_as_fast_is_forgiven()
    {
        Assert.Equal(Verdict.Kept, Judge.All([Scan with { Fastest = 200 }], 2 * Calibration, Before, Processor)[0].Verdict);
        Assert.Equal(Verdict.Slower, Judge.All([Scan with { Fastest = 100 }], Calibration / 2, Before, Processor)[0].Verdict);
    }

    [Theory]
    [InlineData(299, Verdict.Kept)]
    [InlineData(301, Verdict.Slower)]
    public void Another_processor_than_the_baselines_has_twice_the_leeway(double fastest, Verdict verdict)
    {
        var judged = Assert.Single(Judge.All([Scan with { Fastest = fastest }], Calibration, Before, "another"));
        Assert.Equal((verdict, 3), (judged.Verdict, judged.Allowed));
    }

    [Fact]
    public void A_mean_that_other_processes_spoilt_is_forgiven_as_long_as_one_round_was_quiet() =>
        Assert.Equal(Verdict.Kept, One(Scan with { Mean = 900 }).Verdict);

    [Theory]
    [InlineData(0L, 0L, Verdict.Kept)]
    [InlineData(1L, 0L, Verdict.Allocates)]
    [InlineData(200L, 224L, Verdict.Kept)]
    [InlineData(225L, 224L, Verdict.Allocates)]
    [InlineData(1_000_000L, null, Verdict.Kept)]
    public void A_promise_of_memory_is_held_to_the_byte(long allocated, long? promised, Verdict verdict) =>
        Assert.Equal(verdict, One(Scan with { Allocated = allocated, Promised = promised }).Verdict);

    [Fact]
    public void A_promise_holds_without_a_baseline_and_a_time_does_not()
    {
        var judged = Judge.All([Scan with { Fastest = 1e9 }, Scan with { Allocated = 1 }], Calibration, Baseline.None, Processor);
        Assert.Equal([(Verdict.New, false), (Verdict.Allocates, true)], judged.Select(static one => (one.Verdict, one.IsBroken)));
        Assert.All(judged, static one => Assert.Null(one.Ratio));
    }

    [Fact]
    public void Without_a_calibration_there_is_no_judgement() => Assert.Throws<ArgumentOutOfRangeException>(() => Judge.All([Scan], 0, Before, Processor));

    private static Judgement One(Measurement measured) => Assert.Single(Judge.All([measured], Calibration, Before, Processor));
}
