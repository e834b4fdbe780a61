using Tollgate.LoadTest.Measuring;
using Tollgate.LoadTest.Peers;

namespace Tollgate.LoadTest.Reporting;

/// <summary>Resident memory of the processes that relay, MiB; a gateway's store apart.</summary>
/// <param name="Idle">Started, before any load.</param>
/// <param name="Loaded">Its largest under load.</param>
/// <param name="After">Two seconds after the last window.</param>
/// <param name="Store">The store's largest under load; 0 without one.</param>
internal sealed record PeerMemory(double Idle, double Loaded, double After, double Store);

/// <summary>A peer's line of the report: medians over its valid windows.</summary>
internal sealed record PeerRow
{
    /// <summary>Which peer.</summary>
    public required string Peer { get; init; }

    /// <summary>What it says it is.</summary>
    public required string Version { get; init; }

    /// <summary>Windows that count.</summary>
    public required int Valid { get; init; }

    /// <summary>Windows in all.</summary>
    public required int Windows { get; init; }

    /// <summary>Requests due in the windows that count.</summary>
    public required long Due { get; init; }

    /// <summary>Those of them without the answer expected.</summary>
    public required long Errors { get; init; }

    /// <summary>Answers a second.</summary>
    public required double AnsweredPerSecond { get; init; }

    /// <summary>To the last byte, microseconds.</summary>
    public required Percentiles Latency { get; init; }

    /// <summary>What it adds to <c>direct</c>; null when <c>direct</c> is void or left out.</summary>
    public required Percentiles? Added { get; init; }

    /// <summary>To the first body byte, microseconds.</summary>
    public required Percentiles FirstByte { get; init; }

    /// <summary>What it adds to <c>direct</c>'s; null as <see cref="Added"/> is.</summary>
    public required Percentiles? AddedFirstByte { get; init; }

    /// <summary>Between events, microseconds.</summary>
    public required Percentiles Gap { get; init; }

    /// <summary>What it adds to <c>direct</c>'s; null as <see cref="Added"/> is.</summary>
    public required Percentiles? AddedGap { get; init; }

    /// <summary>The generator's lateness, microseconds.</summary>
    public required Percentiles Lag { get; init; }

    /// <summary>CPU of the processes that relay, microseconds for each answer.</summary>
    public required double CpuPerRequest { get; init; }

    /// <summary>CPU of a gateway's store, microseconds for each answer; 0 without one.</summary>
    public required double StoreCpuPerRequest { get; init; }

    /// <summary>System calls of the processes that relay, for each answer, or why they are not known; null where none were to be counted.</summary>
    public required SystemCalls? SystemCalls { get; init; }

    /// <summary>What the gateway says it took itself, by phase; null of other peers.</summary>
    public required IReadOnlyDictionary<string, PhaseOverhead>? Overhead { get; init; }

    /// <summary>What streams that were held took; null where none were.</summary>
    public required StreamUse? Streams { get; init; }

    /// <summary>Context switches for each answer.</summary>
    public required double SwitchesPerRequest { get; init; }

    /// <summary>CPU that others used, percent of the machine.</summary>
    public required double OtherCpuPercent { get; init; }

    /// <summary>Resident memory.</summary>
    public required PeerMemory Memory { get; init; }

    /// <summary>Resident memory at ten moments of a long window, MiB; none of short ones.</summary>
    public required IReadOnlyList<double> MemoryOverTime { get; init; }

    /// <summary>Whether no window counts.</summary>
    public bool IsVoid => Valid == 0;

    /// <summary>Adds a peer's windows up.</summary>
    public static PeerRow Of(Peer peer, IReadOnlyList<PeerWindow> windows, PeerMemory memory, SystemCalls? systemCalls)
    {
        var own = windows.Where(window => window.Peer == peer.Name).ToArray();
        var valid = own.Where(static window => window.IsValid).ToArray();
        var direct = windows.Where(static window => window.Peer == "direct" && window.IsValid).ToArray();
        return new PeerRow
        {
            Peer = peer.Name,
            Version = peer.Version,
            Valid = valid.Length,
            Windows = own.Length,
            Due = valid.Sum(static window => window.Due),
            Errors = valid.Sum(static window => window.Errors),
            AnsweredPerSecond = Number(static window => window.AnsweredPerSecond),
            Latency = Middle(static window => window.Latency),
            Added = Above(static window => window.Latency),
            FirstByte = Middle(static window => window.FirstByte),
            AddedFirstByte = Above(static window => window.FirstByte),
            Gap = Middle(static window => window.Gap),
            AddedGap = Above(static window => window.Gap),
            Lag = Middle(static window => window.Lag),
            CpuPerRequest = Number(static window => window.CpuPerRequest),
            StoreCpuPerRequest = Number(static window => window.StoreCpuPerRequest),
            SystemCalls = systemCalls,
            Overhead = Phases([.. valid.Select(static window => window.Overhead).OfType<IReadOnlyDictionary<string, PhaseOverhead>>()]),
            Streams = StreamsOf([.. valid.Select(static window => window.Streams).OfType<StreamUse>()]),
            SwitchesPerRequest = Number(static window => window.SwitchesPerRequest),
            OtherCpuPercent = Number(static window => window.OtherCpuPercent),
            Memory = memory,
            MemoryOverTime = Tenths(own),
        };

        static double[] Tenths(PeerWindow[] windows) =>
            windows is [{ ResidentMebibytes: { Count: > 240 } samples }] ? [.. Enumerable.Range(0, 10).Select(tenth => samples[(samples.Count - 1) * tenth / 9])] : [];
        Percentiles Middle(Func<PeerWindow, Percentiles> of) => Percentiles.Median([.. valid.Select(of)]);
        Percentiles? Above(Func<PeerWindow, Percentiles> of) =>
            peer.Name == "direct" || direct.Length == 0 || valid.Length == 0 ? null : Middle(of) - Percentiles.Median([.. direct.Select(of)]);
        double Number(Func<PeerWindow, double> of) => Statistics.Median(valid.Select(of));
        static StreamUse? StreamsOf(StreamUse[] uses) => uses.Length == 0
            ? null
            : new StreamUse(
                uses.Min(static use => use.Held),
                Statistics.Median(uses.Select(static use => use.Kibibytes)),
                uses.Any(static use => use.SocketKibibytes is null) ? null : Statistics.Median(uses.Select(static use => use.SocketKibibytes!.Value)));
    }

    /// <summary>Medians of each phase that every window has.</summary>
    private static Dictionary<string, PhaseOverhead>? Phases(IReadOnlyDictionary<string, PhaseOverhead>[] windows) => windows.Length == 0
        ? null
        : windows[0].Keys.Where(phase => windows.All(window => window.ContainsKey(phase))).ToDictionary(static phase => phase, phase => new PhaseOverhead(
            windows.Sum(window => window[phase].Observations),
            Statistics.Median(windows.Select(window => window[phase].P50)),
            Statistics.Median(windows.Select(window => window[phase].P99))));
}

/// <summary>All that a run at one rate found.</summary>
/// <param name="Scenario">Its name and setup.</param>
/// <param name="Summary">What it sends and gets.</param>
/// <param name="Rate">Requests a second.</param>
/// <param name="RelayedBytes">Bodies of a request and its answer; what CPU for each KiB is reckoned by.</param>
/// <param name="Conditions">On what, by what, when.</param>
/// <param name="Rows">A line for each peer.</param>
/// <param name="Ledger">Whether every answer has its row; null without a ledger.</param>
/// <param name="Windows">The raw figures.</param>
internal sealed record LoadTestReport(string Scenario, string Summary, int Rate, long RelayedBytes, Conditions Conditions, IReadOnlyList<PeerRow> Rows, string? Ledger, IReadOnlyList<PeerWindow> Windows)
{
    /// <summary>Whether every line counts, by bounds no looser than the usual ones.</summary>
    public bool IsValid => Rows.All(static row => !row.IsVoid) && Conditions.OtherCpuBound <= ValidityBounds.Usual.OtherCpuPercent && Conditions.LagBound <= ValidityBounds.Usual.Lag;

    /// <summary>What of the targets this report can judge.</summary>
    public IReadOnlyList<TargetLine> Targets => Reporting.Targets.Judge(this);

    /// <summary>Names its files.</summary>
    public string Name => $"{Scenario}-{Rate}";
}
