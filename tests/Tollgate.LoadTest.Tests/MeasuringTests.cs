using Tollgate.LoadTest.Generator;
using Tollgate.LoadTest.Measuring;

namespace Tollgate.LoadTest.Tests;

/// <summary>The arithmetic between histograms, /proc and a report.</summary>
public sealed class MeasuringTests
{
    [Fact]
    public void Percentiles_are_microseconds_to_three_digits()
    {
        var figures = new WindowFigures();
        for (var i = 1; i <= 10_000; i++)
        {
            WindowFigures.Record(figures.Latency, i * 1_000L);
        }

        var percentiles = Percentiles.Of(figures.Latency);
        Assert.Equal((5_000, 9_000, 9_900, 9_990, 10_000), (Near(percentiles.P50), Near(percentiles.P90), Near(percentiles.P99), Near(percentiles.P999), Near(percentiles.Max)));

        // Three digits: within a thousandth of the value.
        static int Near(double value) => (int)(Math.Round(value / 10) * 10);
    }

    [Fact]
    public void Gaps_of_20_ms_that_differ_by_5_us_are_told_apart()
    {
        var (direct, added) = (new WindowFigures(), new WindowFigures());
        WindowFigures.Record(direct.Gap, 20_000_000);
        WindowFigures.Record(added.Gap, 20_005_000);
        Assert.InRange((Percentiles.Of(added.Gap) - Percentiles.Of(direct.Gap)).P50, 3, 7);
    }

    [Fact]
    public void Loops_are_added_up_and_a_value_beyond_the_scale_is_kept_at_its_end()
    {
        var (one, other) = (new WindowFigures { Due = 2, Answered = 1, Missing = 1 }, new WindowFigures { Due = 1, Refused = 1 });
        WindowFigures.Record(one.Latency, long.MaxValue);
        WindowFigures.Record(other.Latency, 0);
        one.Add(other);
        Assert.Equal((3, 1, 2, 2), (one.Due, one.Answered, one.Errors, one.Latency.TotalCount));
        Assert.InRange(Percentiles.Of(one.Latency).Max, 119_000_000, 121_000_000);
    }

    [Fact]
    public void Added_latency_is_the_difference_of_medians()
    {
        var direct = Percentiles.Median([Flat(3), Flat(1), Flat(2)]);
        Assert.Equal(Flat(2), direct);
        Assert.Equal(Flat(5), Percentiles.Median([Flat(6), Flat(8)]) - direct);
        static Percentiles Flat(double value) => new(value, value, value, value, value);
    }

    [Fact]
    public void A_curve_ends_where_a_window_has_no_more_requests()
    {
        var figures = new WindowFigures();
        for (var i = 0; i < 1000; i++)
        {
            WindowFigures.Record(figures.Latency, 1_000_000);
        }

        var curve = PeerWindow.CurveOf(figures);
        Assert.Equal(0, curve[0].Percentile);
        Assert.InRange(curve[^1].Percentile, 99.8, 99.91);
    }

    [Fact]
    public void A_process_name_may_hold_spaces_and_parentheses()
    {
        var line = StatLine.Parse("42 (a) R b) S 7 42 42 0 -1 4194560 1000 0 0 0 120 34 0 0 20 0 12 0 100 0 0");
        Assert.Equal((7, 154), (line.Parent, line.CpuTicks));
    }

    [Fact]
    public void Lines_of_a_status_file_are_found_by_their_whole_name()
    {
        const string status = "Name:\tx\nVmRSS:\t    2048 kB\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t7\n";
        Assert.Equal(2048, StatusFile.Number(status, "VmRSS"));
        Assert.Equal(5, StatusFile.Number(status, "voluntary_ctxt_switches"));
        Assert.Equal(7, StatusFile.Number(status, "nonvoluntary_ctxt_switches"));
        Assert.Equal(0, StatusFile.Number(status, "RssAnon"));
    }

    [Fact]
    public void System_calls_are_read_from_whichever_counter_there_was()
    {
        Assert.Equal(1133854, SystemCalls.ParsePerf("1133854,,raw_syscalls:sys_enter,352240095,100.00,,\n"));
        Assert.Null(SystemCalls.ParsePerf("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n"));
        Assert.Null(SystemCalls.ParsePerf("event syntax error: 'raw_syscalls:sys_enter'\n"));
        Assert.Equal(54062, SystemCalls.ParseStrace("    calls syscall\n--------- ----------------\n       67 getpid\n--------- ----------------\n    54062 total\n"));
        Assert.Null(SystemCalls.ParseStrace("strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n"));
    }

    [Fact]
    public void A_proxy_needs_two_files_for_each_stream_beside_some_of_its_own()
    {
        Assert.Equal(10_000, FileLimit.Streams(1_000_000, 10_000));
        Assert.Equal(9_750, FileLimit.Streams(20_000, 10_000));
        Assert.Equal(1, FileLimit.Streams(100, 10_000));
    }

    [Fact]
    public void Socket_buffers_are_told_in_pages()
    {
        const string text = "sockets: used 10\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 3\nUDP: inuse 0 mem 7\n";
        Assert.Equal(3 * Environment.SystemPageSize, SocketMemory.Parse(text));
        Assert.Null(SocketMemory.Parse("sockets: used 10\n"));
    }

    [Fact]
    public void A_machine_is_busy_with_programs_and_with_what_a_hypervisor_takes()
    {
        var cpu = MachineCpu.Parse("cpu  10 20 30 1000 500 1 2 3 99 99");
        Assert.Equal((630_000, 15_660_000), (cpu.BusyMicroseconds, cpu.TotalMicroseconds));
    }

    [Fact]
    public void A_window_is_void_when_others_were_busy_or_the_generator_late_and_says_by_how_much()
    {
        var bounds = new ValidityBounds(5, TimeSpan.FromMilliseconds(1));
        var figures = new WindowFigures();
        WindowFigures.Record(figures.Lag, 900_000);
        Assert.Empty(bounds.Reasons(4.9, figures, hasStore: false));
        WindowFigures.Record(figures.Lag, 2_000_000);
        Assert.Equal(["others used 6 % of the machine (bound 5 %)", "the generator was late by 2.0 ms at p99 (bound 1.0 ms)"], bounds.Reasons(6, figures, hasStore: false));
        Assert.Equal(["others used 6 % of the machine (bound 5 %)"], bounds.Reasons(6, figures, hasStore: true));
    }
}
