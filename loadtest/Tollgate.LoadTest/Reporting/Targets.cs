namespace Tollgate.LoadTest.Reporting;

/// <summary>What Tollgate is to hold, and which report can say whether it does.</summary>
/// <remarks>A report judges the targets whose scenario and peers it has; the others are left out of it.</remarks>
internal static class Targets
{
    private const string Gateway = "tollgate";
    private const string Off = "tollgate-off";

    // Of /metrics' overhead; each phase counts once for each request.
    private const double OverheadP50 = 11;
    private const double OverheadP99 = 50;

    /// <summary>A line for each target that this report can judge.</summary>
    public static IReadOnlyList<TargetLine> Judge(LoadTestReport report)
    {
        var lines = new List<TargetLine>();
        var rows = report.Rows.ToDictionary(static row => row.Peer);
        if (!rows.TryGetValue(Gateway, out var gateway))
        {
            return lines;
        }

        var (scenario, everything) = Split(report.Scenario);
        var (nginx, yarp, off, direct) = (rows.GetValueOrDefault("nginx"), rows.GetValueOrDefault("yarp"), rows.GetValueOrDefault(Off), rows.GetValueOrDefault("direct"));
        if (scenario is "small" or "mid" && everything)
        {
            Ratio("CPU for each request, everything on, of nginx's", 1.5, nginx);
            Ratio("CPU for each request, everything on, of YARP's", 0.6, yarp);
        }

        if (everything && off is not null)
        {
            Add("CPU that everything on takes above everything off", 10, "%", [off], () => 100 * ((gateway.CpuPerRequest / off.CpuPerRequest) - 1));
        }

        if (nginx is not null && direct is not null)
        {
            Add("added p50 above nginx's added", 30, "µs", [nginx, direct], () => gateway.Added!.P50 - nginx.Added!.P50);
            Add("added p99, of nginx's added", 1.5, "×", [nginx, direct], () => gateway.Added!.P99 / Math.Max(1, nginx.Added!.P99));
        }

        if (scenario is "paced" or "turn" or "tls" && direct is not null)
        {
            Add("added to the first byte, p50", 100, "µs", [direct], () => gateway.AddedFirstByte!.P50);
            Add("added to the gap between events, p50", 5, "µs", [direct], () => gateway.AddedGap!.P50);
        }

        if (scenario is "turn" or "tls" && !everything)
        {
            Add("CPU for each request: 1,000 a second of each core", 1000, "µs", [], () => gateway.CpuPerRequest);
            Add("CPU for each KiB relayed" + (scenario == "tls" ? ", TLS" : string.Empty), scenario == "tls" ? 2.0 : 1.2, "µs", [], () => gateway.CpuPerRequest / (report.RelayedBytes / 1024.0));
        }

        if (gateway.Overhead is { Count: > 0 } overhead && scenario != "streams")
        {
            var phases = string.Join(" + ", overhead.Keys);
            Add($"overhead by its own metrics ({phases}), p50", OverheadP50, "µs", [], () => overhead.Values.Sum(static phase => phase.P50));
            Add($"overhead by its own metrics ({phases}), p99", OverheadP99, "µs", [], () => overhead.Values.Sum(static phase => phase.P99));
        }

        if (scenario == "streams")
        {
            Add("memory for each open stream", 32, "KiB", [], () => gateway.Streams!.Kibibytes);
        }

        if (everything)
        {
            // Memory is looked at in every window, void or not.
            lines.Add(new TargetLine(report.Name, "RSS idle, store apart", 80, gateway.Memory.Idle, "MiB"));
            lines.Add(new TargetLine(report.Name, "RSS loaded, store apart", 200, gateway.Memory.Loaded, "MiB"));
        }

        return lines;

        void Ratio(string target, double bound, PeerRow? other)
        {
            if (other is not null)
            {
                Add(target, bound, "×", [other], () => gateway.CpuPerRequest / other.CpuPerRequest);
            }
        }

        void Add(string target, double bound, string unit, PeerRow[] beside, Func<double> measured) =>
            lines.Add(new TargetLine(report.Name, target, bound, gateway.IsVoid || beside.Any(static row => row.IsVoid) ? null : measured(), unit));
    }

    private static (string Scenario, bool Everything) Split(string title) => title switch
    {
        "everything" or "soak" => ("turn", true),
        _ when title.EndsWith("-everything", StringComparison.Ordinal) => (title[..^"-everything".Length], true),
        _ => (title, false),
    };
}
