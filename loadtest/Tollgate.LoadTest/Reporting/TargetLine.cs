using System.Globalization;
using System.Text.Json.Serialization;

namespace Tollgate.LoadTest.Reporting;

/// <summary>What a measurement says of a target.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
internal enum Verdict
{
    /// <summary>Within its bound.</summary>
    Met,

    /// <summary>Beyond it.</summary>
    Missed,

    /// <summary>No window counts of a peer that it needs.</summary>
    Void,
}

/// <summary>A target held against a report.</summary>
/// <param name="Report">Which report.</param>
/// <param name="Target">What is bounded.</param>
/// <param name="Bound">The most that it may be.</param>
/// <param name="Measured">What it is; null when void.</param>
/// <param name="Unit">Of both.</param>
internal sealed record TargetLine(string Report, string Target, double Bound, double? Measured, string Unit)
{
    /// <summary>Whether it was met.</summary>
    public Verdict Verdict => Measured is not { } measured ? Verdict.Void : measured <= Bound ? Verdict.Met : Verdict.Missed;

    /// <summary>Its line in a table.</summary>
    public string[] Cells() => [Report, Target, "≤ " + Text(Bound), Measured is { } measured ? Text(measured) : "–", Verdict.ToString().ToLowerInvariant()];

    private string Text(double value) => value.ToString(Math.Abs(value) < 10 ? "0.##" : "0", CultureInfo.InvariantCulture) + (Unit is "×" or "%" ? " " + Unit : Unit.Length > 0 ? " " + Unit : string.Empty);
}
