using Tollgate.LoadTest.Measuring;
using Tollgate.LoadTest.Peers;
using Tollgate.LoadTest.Reporting;

namespace Tollgate.LoadTest.Tests;

/// <summary>Which targets a report judges, and how.</summary>
public sealed class TargetTests
{
    [Fact]
    public void Everything_on_is_held_against_everything_off_nginx_and_yarp()
    {
        var lines = Judge("small-everything", Window("direct", 0, 50), Window("tollgate", 44, 100), Window("tollgate-off", 41, 90), Window("nginx", 30, 75), Window("yarp", 70, 200));
        Assert.Equal(
            [
                ("CPU for each request, everything on, of nginx's", 1.47, Verdict.Met),
                ("CPU for each request, everything on, of YARP's", 0.63, Verdict.Missed),
                ("CPU that everything on takes above everything off", 7.32, Verdict.Met),
                ("added p50 above nginx's added", 25, Verdict.Met),
                ("added p99, of nginx's added", 2, Verdict.Missed),
                ("RSS idle, store apart", 70, Verdict.Met),
                ("RSS loaded, store apart", 210, Verdict.Missed),
            ],
            lines.Select(static line => (line.Target, Math.Round(line.Measured!.Value, 2), line.Verdict)));
    }

    [Fact]
    public void A_target_whose_peer_has_no_window_that_counts_is_void_and_one_whose_peer_is_absent_is_left_out()
    {
        var lines = Judge("mid-everything", Window("direct", 0, 50), Window("tollgate", 44, 100), Window("nginx", 30, 75) with { VoidBecause = ["others were busy"] });
        Assert.Equal([Verdict.Void, Verdict.Void, Verdict.Void], lines.Where(static line => line.Target.Contains("nginx", StringComparison.Ordinal)).Select(static line => line.Verdict));
        Assert.DoesNotContain(lines, static line => line.Target.Contains("YARP", StringComparison.Ordinal) || line.Target.Contains("everything off", StringComparison.Ordinal));
    }

    [Fact]
    public void A_turn_is_judged_by_core_by_kibibyte_and_by_what_it_adds_to_bytes_and_gaps()
    {
        var lines = Judge("turn", Window("direct", 0, 50), Window("tollgate", 900, 140));
        Assert.Equal(
            [("added to the first byte, p50", 90, "µs"), ("added to the gap between events, p50", 90, "µs"), ("CPU for each request: 1,000 a second of each core", 900, "µs"), ("CPU for each KiB relayed", 9, "µs")],
            lines.Select(static line => (line.Target, line.Measured!.Value, line.Unit)));
        Assert.Equal(["turn-1000", "CPU for each KiB relayed", "≤ 1.2 µs", "9 µs", "missed"], lines[^1].Cells());
    }

    [Fact]
    public void The_phases_of_the_overhead_are_added()
    {
        var phases = new Dictionary<string, PhaseOverhead> { ["request"] = new(10, 4, 20), ["settle"] = new(10, 3, 31) };
        var lines = Judge("paced", Window("tollgate", 44, 100) with { Overhead = phases });
        Assert.Equal([(7.0, Verdict.Met), (51.0, Verdict.Missed)], lines.Select(static line => (line.Measured!.Value, line.Verdict)));
    }

    [Fact]
    public void Streams_are_judged_by_their_memory_alone()
    {
        var lines = Judge("streams", Window("direct", 0, 50), Window("tollgate", 44, 100) with { Streams = new StreamUse(10_000, 31.5, 4) });
        Assert.Equal(("memory for each open stream", 31.5, Verdict.Met), Assert.Single(lines.Select(static line => (line.Target, line.Measured!.Value, line.Verdict))));
    }

    [Fact]
    public void A_report_names_its_targets_in_its_page()
    {
        var page = ReportTable.Markdown(Report("streams", Window("tollgate", 44, 100) with { Streams = new StreamUse(10_000, 40, null) }));
        Assert.Contains("| streams-1000 | memory for each open stream | ≤ 32 KiB | 40 KiB | missed |", page, StringComparison.Ordinal);
        Assert.Contains("| events a second |", page, StringComparison.Ordinal);
        Assert.DoesNotContain("| p50 |", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_set_has_a_report_for_every_scenario_that_a_target_names_and_its_peers_are_known()
    {
        Assert.Equal(["small-everything", "mid-everything", "turn", "tls", "everything", "paced", "streams"], LoadSet.Entries.Select(static entry => entry.Scenario.Title));
        Assert.Empty(LoadSet.Entries.SelectMany(static entry => entry.Peers).Except(PeerStarter.Names));
    }

    private static IReadOnlyList<TargetLine> Judge(string scenario, params PeerWindow[] windows) => Report(scenario, windows).Targets;

    private static LoadTestReport Report(string scenario, params PeerWindow[] windows)
    {
        var memory = new PeerMemory(70, 210, 100, 0);
        var rows = windows.Select(window => PeerRow.Of(new Peer(window.Peer, "1", 1, null, null), windows, memory, null));
        return new LoadTestReport(scenario, "sent and got", 1000, 100 * 1024, Conditions, [.. rows], null, windows);
    }

    private static Conditions Conditions { get; } = new()
    {
        At = DateTimeOffset.UnixEpoch,
        Commit = "abc",
        Processor = "one",
        Cores = 2,
        Kernel = "6",
        Runtime = "10",
        LoadAverage = "0.1",
        Window = TimeSpan.FromSeconds(1),
        WarmUp = TimeSpan.FromSeconds(1),
        Connections = 1,
        Threads = 1,
        Seed = 1,
        OtherCpuBound = 5,
        LagBound = TimeSpan.FromMilliseconds(1),
    };

    private static PeerWindow Window(string peer, double cpu, double microseconds)
    {
        var flat = new Percentiles(microseconds, microseconds, microseconds, microseconds, microseconds);
        return new PeerWindow
        {
            Peer = peer,
            Round = 1,
            VoidBecause = [],
            Due = 1,
            Answered = 1,
            Errors = 0,
            Refused = 0,
            Missing = 0,
            Waited = 0,
            AnsweredPerSecond = 1,
            Latency = flat,
            FirstByte = flat,
            Gap = flat,
            Lag = flat,
            CpuPerRequest = cpu,
            StoreCpuPerRequest = 0,
            RigCpuPerRequest = 0,
            SwitchesPerRequest = 0,
            OtherCpuPercent = 0,
            ResidentMebibytes = [],
            StoreResidentMebibytes = 0,
            Overhead = null,
            Streams = null,
            Curve = [],
        };
    }
}
