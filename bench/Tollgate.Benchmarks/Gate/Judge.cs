namespace Tollgate.Benchmarks.Gate;

/// <summary>How a benchmark stands to its promise and its baseline.</summary>
public enum Verdict
{
    /// <summary>It keeps its promise and takes about as long as before.</summary>
    Kept,

    /// <summary>It keeps its promise, and the baseline does not know it.</summary>
    New,

    /// <summary>It allocates more than was promised.</summary>
    Allocates,

    /// <summary>It takes longer than its tolerance allows.</summary>
    Slower,
}

/// <summary>A measurement with its verdict.</summary>
/// <param name="Measured">What was measured.</param>
/// <param name="Before">What the baseline has; null when it has nothing.</param>
/// <param name="Ratio">How many times the baseline it takes, machines levelled out; null without a baseline.</param>
/// <param name="Allowed">How many times it may take.</param>
/// <param name="Verdict">The verdict.</param>
public sealed record Judgement(Measurement Measured, BaselineEntry? Before, double? Ratio, double Allowed, Verdict Verdict)
{
    /// <summary>Whether <c>make bench</c> fails by it.</summary>
    public bool IsBroken => Verdict is Verdict.Allocates or Verdict.Slower;
}

/// <summary>Holds measurements against promises and the baseline.</summary>
/// <remarks>
/// Times are compared by their fastest rounds, because other processes can only add to them, and as multiples of the calibration of the same session,
/// because machines differ; what one processor still does otherwise than another has more leeway. Allocation needs neither: it is the same everywhere.
/// </remarks>
public static class Judge
{
    /// <summary>How many times its baseline a benchmark may take.</summary>
    // 1.5: a short run beside other processes is some tenths off. What a mistake does (an allocation, a lock, a look-up for each event) is rarely below 2.
    public const double Tolerance = 1.5;

    /// <summary>How many times as much it may take when the baseline is another processor's.</summary>
    // The calibration levels out their speed, not their caches: 90 KB that one reads from its second level, the other fetches from its third, at twice the time.
    public const double OtherProcessor = 2;

    /// <summary>Judges each measurement.</summary>
    /// <param name="measurements">Of one session.</param>
    /// <param name="calibration">The session's calibration: nanoseconds of its fastest round.</param>
    /// <param name="baseline">What to compare with.</param>
    /// <param name="processor">The processor of this session.</param>
    public static IReadOnlyList<Judgement> All(IEnumerable<Measurement> measurements, double calibration, Baseline baseline, string processor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(calibration);
        var leeway = processor == baseline.Processor ? 1 : OtherProcessor;
        return [.. measurements.Select(measured => One(measured, calibration, baseline.Benchmarks.GetValueOrDefault(measured.Name), measured.Tolerance * leeway))];
    }

    private static Judgement One(Measurement measured, double calibration, BaselineEntry? before, double allowed)
    {
        double? ratio = before is null ? null : measured.Fastest / calibration / before.Units;
        var verdict = measured.Allocated > measured.Promised ? Verdict.Allocates
            : ratio > allowed ? Verdict.Slower
            : before is null ? Verdict.New
            : Verdict.Kept;
        return new Judgement(measured, before, ratio, allowed, verdict);
    }
}
