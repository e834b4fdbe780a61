using System.Text.Json;

namespace Tollgate.Benchmarks.Gate;

/// <summary>What one benchmark came to when the baseline was taken.</summary>
/// <param name="Mean">Nanoseconds per operation; only to be shown.</param>
/// <param name="Units">The fastest round as a multiple of the calibration: what is compared.</param>
/// <param name="Allocated">Bytes per operation; only to be shown.</param>
public sealed record BaselineEntry(double Mean, double Units, long Allocated);

/// <summary>What later runs are compared with; committed.</summary>
/// <param name="Taken">When, at which commit and on which machine.</param>
/// <param name="Processor">The machine's processor, as it names itself.</param>
/// <param name="Benchmarks">By <see cref="Measurement.Name"/>.</param>
public sealed record Baseline(string Taken, string Processor, IReadOnlyDictionary<string, BaselineEntry> Benchmarks)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, NewLine = "\n" };

    /// <summary>Before there is any.</summary>
    public static Baseline None { get; } = new(string.Empty, string.Empty, new Dictionary<string, BaselineEntry>());

    /// <summary>Reads one.</summary>
    /// <exception cref="JsonException">It is none.</exception>
    public static Baseline Parse(string text) => JsonSerializer.Deserialize<Baseline>(text, Json) ?? throw new JsonException("It is empty.");

    /// <summary>A baseline with these measurements; of others it keeps what it had, so that a part can be taken anew.</summary>
    public Baseline With(string taken, string processor, IEnumerable<Measurement> measurements, double calibration)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(calibration);
        var benchmarks = new SortedDictionary<string, BaselineEntry>(Benchmarks.ToDictionary(), StringComparer.Ordinal);
        foreach (var measured in measurements)
        {
            benchmarks[measured.Name] = new BaselineEntry(Math.Round(measured.Mean, 3), Math.Round(measured.Fastest / calibration, 7), measured.Allocated);
        }

        return new Baseline(taken, processor, benchmarks);
    }

    /// <summary>The file's text.</summary>
    public override string ToString() => JsonSerializer.Serialize(this, Json) + "\n";
}
