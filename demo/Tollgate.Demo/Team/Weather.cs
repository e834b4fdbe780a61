namespace Tollgate.Demo.Team;

/// <summary>How the provider is doing at a time: mostly well, at times overloaded.</summary>
/// <param name="Storms">When it is overloaded.</param>
internal sealed record Weather(IReadOnlyList<(DateTimeOffset From, DateTimeOffset To)> Storms)
{
    /// <summary>How likely an attempt is answered with 529.</summary>
    public double Overloaded(DateTimeOffset at) => Storms.Any(storm => at >= storm.From && at < storm.To) ? 0.28 : 0.008;
}
