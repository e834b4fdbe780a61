using Tollgate.Benchmarks.Gate;

namespace Tollgate.Benchmarks.Tests;

public class BaselineTests
{
    private static readonly Measurement Scan = new("Sse", "TinyPing", Mean: 110.12345, Fastest: 100, Allocated: 0);
    private static readonly Measurement Peek = new("BodyPeek", "ModelFirst(Small)", Mean: 70, Fastest: 60, Allocated: 200);

    [Fact]
    public void A_baseline_is_read_as_it_was_written()
    {
        var written = Baseline.None.With("at commit abc", "a processor", [Scan, Peek], 20_000);
        var read = Baseline.Parse(written.ToString());
        Assert.Equal((written.Taken, "a processor"), (read.Taken, read.Processor));
        Assert.Equal(written.Benchmarks, read.Benchmarks);
        Assert.Equal(new BaselineEntry(110.123, 0.005, 0), read.Benchmarks["Sse.TinyPing"]);
    }

    [Fact]
    public void A_part_taken_anew_leaves_the_rest_as_it_was()
    {
        var first = Baseline.None.With("then", "a processor", [Scan, Peek], 20_000);
        var second = first.With("now", "another", [Peek with { Fastest = 90 }], 30_000);
        Assert.Equal("now", second.Taken);
        Assert.Equal(first.Benchmarks["Sse.TinyPing"], second.Benchmarks["Sse.TinyPing"]);
        Assert.Equal(0.003, second.Benchmarks["BodyPeek.ModelFirst(Small)"].Units, 9);
    }
}
