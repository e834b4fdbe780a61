using System.Text.Json.Serialization;
using HdrHistogram;
using Tollgate.LoadTest.Generator;

namespace Tollgate.LoadTest.Measuring;

/// <summary>Percentiles of one histogram.</summary>
/// <remarks>Units: microseconds.</remarks>
internal sealed record Percentiles(double P50, double P90, double P99, double P999, double Max)
{
    /// <summary>Read off a histogram of nanoseconds.</summary>
    public static Percentiles Of(LongHistogram histogram) => histogram.TotalCount == 0
        ? new Percentiles(0, 0, 0, 0, 0)
        : new Percentiles(At(histogram, 50), At(histogram, 90), At(histogram, 99), At(histogram, 99.9), At(histogram, 100));

    /// <summary>What one adds to another, percentile by percentile.</summary>
    public static Percentiles operator -(Percentiles left, Percentiles right) =>
        new(left.P50 - right.P50, left.P90 - right.P90, left.P99 - right.P99, left.P999 - right.P999, left.Max - right.Max);

    /// <summary>The middle of several, percentile by percentile.</summary>
    public static Percentiles Median(IReadOnlyCollection<Percentiles> all) => new(
        Statistics.Median(all.Select(static each => each.P50)),
        Statistics.Median(all.Select(static each => each.P90)),
        Statistics.Median(all.Select(static each => each.P99)),
        Statistics.Median(all.Select(static each => each.P999)),
        Statistics.Median(all.Select(static each => each.Max)));

    private static double At(LongHistogram histogram, double percentile) => histogram.GetValueAtPercentile(percentile) / 1000.0;
}

/// <summary>What streams that are open take, beyond what their proxy took idle.</summary>
/// <param name="Held">Open at the end of the window, each with an event at least.</param>
/// <param name="Kibibytes">Resident memory of the processes that relay, for each.</param>
/// <param name="SocketKibibytes">The kernel's buffers for each, of all sockets on the machine, generator's and upstream's too; null where the kernel does not say.</param>
internal sealed record StreamUse(long Held, double Kibibytes, double? SocketKibibytes);

/// <summary>A point of a latency curve.</summary>
internal readonly record struct CurvePoint(double Percentile, double Microseconds);

/// <summary>What one peer did in one window: a line of the raw figures.</summary>
internal sealed record PeerWindow
{
    /// <summary>Which peer.</summary>
    public required string Peer { get; init; }

    /// <summary>Which round, from 1.</summary>
    public required int Round { get; init; }

    /// <summary>Why the figures mean nothing; empty when they do.</summary>
    public required IReadOnlyList<string> VoidBecause { get; init; }

    /// <summary>Requests due.</summary>
    public required long Due { get; init; }

    /// <summary>Answered as expected.</summary>
    public required long Answered { get; init; }

    /// <summary>Refused, broken, missing.</summary>
    public required long Errors { get; init; }

    /// <summary>Of those, with another status than 200.</summary>
    public required long Refused { get; init; }

    /// <summary>Of those, without any answer in time.</summary>
    public required long Missing { get; init; }

    /// <summary>Due while every connection was taken.</summary>
    public required long Waited { get; init; }

    /// <summary>Answers a second while the window ran.</summary>
    public required double AnsweredPerSecond { get; init; }

    /// <summary>To the last byte, microseconds.</summary>
    public required Percentiles Latency { get; init; }

    /// <summary>To the first body byte, microseconds.</summary>
    public required Percentiles FirstByte { get; init; }

    /// <summary>Between events, microseconds.</summary>
    public required Percentiles Gap { get; init; }

    /// <summary>The generator's lateness, microseconds.</summary>
    public required Percentiles Lag { get; init; }

    /// <summary>CPU of the processes that relay, a gateway's store left out, microseconds for each answer.</summary>
    public required double CpuPerRequest { get; init; }

    /// <summary>CPU of a gateway's store, microseconds for each answer; 0 without one.</summary>
    public required double StoreCpuPerRequest { get; init; }

    /// <summary>CPU of the upstream and the generator, microseconds for each answer.</summary>
    public required double RigCpuPerRequest { get; init; }

    /// <summary>Context switches of the relaying processes' threads for each answer.</summary>
    public required double SwitchesPerRequest { get; init; }

    /// <summary>CPU that others used, percent of the machine.</summary>
    public required double OtherCpuPercent { get; init; }

    /// <summary>Resident memory of the processes that relay, each half second, MiB.</summary>
    public required IReadOnlyList<double> ResidentMebibytes { get; init; }

    /// <summary>The largest resident memory of a gateway's store, MiB; 0 without one.</summary>
    public required double StoreResidentMebibytes { get; init; }

    /// <summary>What the gateway says it took itself, by phase; null of other peers and of a gateway that does not say.</summary>
    public required IReadOnlyDictionary<string, PhaseOverhead>? Overhead { get; init; }

    /// <summary>What streams that were held took; null where none were.</summary>
    public required StreamUse? Streams { get; init; }

    /// <summary>Latencies at many percentiles, microseconds, for the plot.</summary>
    public required IReadOnlyList<CurvePoint> Curve { get; init; }

    /// <summary>Whether it may be reported.</summary>
    [JsonIgnore]
    public bool IsValid => VoidBecause.Count == 0;

    /// <summary>Points of the curve: even steps of the logarithm of what lies above, as far as the count carries; none of none.</summary>
    public static IReadOnlyList<CurvePoint> CurveOf(WindowFigures figures)
    {
        var curve = new List<CurvePoint>();
        for (var nines = 0.0; figures.Latency.TotalCount > 0 && Math.Pow(10, nines) <= Math.Max(1, figures.Latency.TotalCount); nines += 0.1)
        {
            var percentile = 100 * (1 - Math.Pow(10, -nines));
            curve.Add(new CurvePoint(percentile, figures.Latency.GetValueAtPercentile(percentile) / 1000.0));
        }

        return curve;
    }
}
