using System.Globalization;
using Tollgate.LoadTest.Measuring;
using Tollgate.LoadTest.Peers;

namespace Tollgate.LoadTest;

/// <summary>What the command line asked for, with the scenario's defaults filled in.</summary>
internal sealed record LoadTestOptions
{
    /// <summary>Highest rate that may be asked for.</summary>
    public const int MaxRate = 50_000;

    /// <summary>What is sent.</summary>
    public required Scenario Scenario { get; init; }

    /// <summary>Requests a second, one run each.</summary>
    public required IReadOnlyList<int> Rates { get; init; }

    /// <summary>How long each window is.</summary>
    public required TimeSpan Window { get; init; }

    /// <summary>Load before each window.</summary>
    public required TimeSpan WarmUp { get; init; }

    /// <summary>Valid windows wanted of each peer; the median of them is reported.</summary>
    public required int Rounds { get; init; }

    /// <summary>Who takes part.</summary>
    public required IReadOnlyList<string> Peers { get; init; }

    /// <summary>Connections kept open.</summary>
    public required int Connections { get; init; }

    /// <summary>Between the events of a stream that is held.</summary>
    public required TimeSpan Pause { get; init; }

    /// <summary>When void windows are no longer run again, as <see cref="System.Diagnostics.Stopwatch"/> counts.</summary>
    public long RepeatUntil { get; init; } = long.MaxValue;

    /// <summary>Loops of the generator.</summary>
    public required int Threads { get; init; }

    /// <summary>When a window is void.</summary>
    public required ValidityBounds Bounds { get; init; }

    /// <summary>Longest wait for a quiet machine before each window.</summary>
    public required TimeSpan Patience { get; init; }

    /// <summary>Makes the order of the peers; the same seed, the same order.</summary>
    public required int Seed { get; init; }

    /// <summary>nginx's executable.</summary>
    public required string Nginx { get; init; }

    /// <summary>haproxy's executable.</summary>
    public required string Haproxy { get; init; }

    /// <summary>Where reports go; null for <c>loadtest/results</c> when every row is valid and <c>artifacts/loadtest</c> when one is not or a bound was loosened.</summary>
    public required string? Directory { get; init; }

    /// <summary>Load before each window; streams that are held need the time to open all.</summary>
    public TimeSpan WarmUpAt(int rate) => Scenario.Holds ? TimeSpan.FromSeconds((double)Connections / rate) + WarmUp : WarmUp;

    /// <summary>Events of a stream that is held: twice what fits into its window at the slowest of the rates.</summary>
    public int HeldFrames => Scenario.Holds ? (int)((WarmUpAt(Math.Max(1, Rates.Min())) + Window) / Pause * 2) + 30 : 6;

    /// <summary>Everything that is out of its bounds, with the value and what is allowed.</summary>
    public IEnumerable<string> Problems() =>
    [
        .. Rates.SelectMany(static rate => Outside("--rate", rate, 1, MaxRate)),
        .. Outside("--seconds", Window.TotalSeconds, 0.5, Scenario.MaxSeconds),
        .. Outside("--warm-up", WarmUp.TotalSeconds, 0, 60),
        .. Outside("--patience", Patience.TotalSeconds, 0, 600),
        .. Outside("--rounds", Rounds, 1, 20),
        .. Outside("--connections", Connections, 1, 25_000),
        .. Outside("--pause", Pause.TotalSeconds, 0.1, 60),
        .. Outside("--threads", Threads, 1, 64),
        .. Peers.Except(PeerStarter.Names).Select(static name => $"--peers has \"{name}\"; there are {string.Join(", ", PeerStarter.Names)}."),
    ];

    private static IEnumerable<string> Outside(string option, double value, double least, double most) => value >= least && value <= most
        ? []
        : [string.Create(CultureInfo.InvariantCulture, $"{option} is {value}, or no number; it may be {least} to {most}.")];
}
