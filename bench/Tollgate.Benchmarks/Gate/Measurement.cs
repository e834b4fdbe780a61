namespace Tollgate.Benchmarks.Gate;

/// <summary>What one benchmark came to, and what was promised of it.</summary>
/// <param name="Type">The class, without <c>Benchmarks</c>: whose cost it is.</param>
/// <param name="Case">The method and its parameters.</param>
/// <param name="Mean">Nanoseconds per operation, over all rounds but outliers.</param>
/// <param name="Fastest">Nanoseconds per operation in the fastest round.</param>
/// <param name="Allocated">Bytes per operation.</param>
/// <param name="Promised">The most that it may allocate; null when nothing is promised.</param>
/// <param name="Reads">Bytes of input per operation; null when that says nothing.</param>
/// <param name="Tolerance">How many times its baseline it may take.</param>
public sealed record Measurement(
    string Type, string Case, double Mean, double Fastest, long Allocated, long? Promised = null, long? Reads = null, double Tolerance = Judge.Tolerance)
{
    /// <summary>What it is called in the baseline.</summary>
    public string Name => $"{Type}.{Case}";
}
