namespace Tollgate.Demo.Team;

/// <summary>Somebody of the simulated team, and how that person works.</summary>
/// <param name="Name">The name in rows and labels.</param>
/// <param name="Team">The team.</param>
/// <param name="UtcOffset">Where the working day lies, in hours from UTC.</param>
/// <param name="SessionsPerDay">On an ordinary working day.</param>
/// <param name="MainModel">What the sessions run on.</param>
/// <param name="Projects">What is worked on; the first most often.</param>
internal sealed record Developer(string Name, string Team, double UtcOffset, double SessionsPerDay, string MainModel, IReadOnlyList<string> Projects)
{
    /// <summary>Caches for an hour instead of five minutes.</summary>
    public bool CachesForAnHour { get; init; }

    /// <summary>Share of the sessions in fast mode.</summary>
    public double FastShare { get; init; }

    /// <summary>Day of the history on which the person starts.</summary>
    public int JoinsOnDay { get; init; }

    /// <summary>Day of the history from which on the person is away.</summary>
    public int LeavesOnDay { get; init; } = int.MaxValue;

    /// <summary>The public id of the person's virtual key.</summary>
    public string KeyId => $"{Name}laptop";
}
