namespace Tollgate.Testing.Soak;

/// <summary>How a soak's store runs.</summary>
public enum SoakStore
{
    /// <summary>Started and watched by the gateway, as by default.</summary>
    Embedded,

    /// <summary>A process of its own that the gateway uses as a ClickHouse server: the gateway starts again within half a second.</summary>
    Server,
}

/// <summary>What a round kills.</summary>
public enum Victim
{
    /// <summary>The gateway; an embedded store ends by itself when it notices.</summary>
    Gateway,

    /// <summary>The store.</summary>
    Store,

    /// <summary>Both, in either order.</summary>
    Both,
}

/// <summary>How long and how hard to kill.</summary>
public sealed record KillRoundsOptions
{
    /// <summary>Rounds; each kills once.</summary>
    public int Rounds { get; init; } = 1000;

    /// <summary>When to stop, whatever the rounds.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromHours(8);

    /// <summary>What decides the moments, the victims and the calls.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>What may be killed; one of these each round.</summary>
    public IReadOnlyList<Victim> Victims { get; init; } = Enum.GetValues<Victim>();

    /// <summary>Clients that call without end.</summary>
    public int Clients { get; init; } = 12;

    /// <summary>Rounds between two looks at whether every answer since the last one has its row.</summary>
    public int RoundsPerCheck { get; init; } = 50;

    /// <summary>How the store runs.</summary>
    public SoakStore Store { get; init; }

    /// <summary>How long no row may come before those that are awaited count as missing.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(3);
}

/// <summary>Where a soak is.</summary>
/// <param name="Round">Rounds done.</param>
/// <param name="Rounds">Rounds to do.</param>
/// <param name="Kills">Kills by victim.</param>
/// <param name="Sent">Calls sent.</param>
/// <param name="Answered">Answers that clients got in full.</param>
/// <param name="Missing">Answers found to have no row.</param>
/// <param name="Wrong">Rows found twice, misfiled, or with other figures than the upstream's.</param>
/// <param name="Elapsed">Since the start.</param>
/// <param name="Doing">What it does at the moment.</param>
public sealed record KillRoundsProgress(
    int Round, int Rounds, IReadOnlyDictionary<Victim, int> Kills, int Sent, int Answered, int Missing, int Wrong, TimeSpan Elapsed, string Doing);

/// <summary>What kill rounds came to.</summary>
public sealed record KillRoundsReport
{
    /// <summary>Rounds done.</summary>
    public required int Rounds { get; init; }

    /// <summary>Kills by victim.</summary>
    public required IReadOnlyDictionary<Victim, int> Kills { get; init; }

    /// <summary>Calls sent.</summary>
    public required int Sent { get; init; }

    /// <summary>Calls that broke off or found nobody, for their client.</summary>
    public required int Unanswered { get; init; }

    /// <summary>Calls that the gateway answered by itself, with an error.</summary>
    public required int Refused { get; init; }

    /// <summary>The oracle's word.</summary>
    public required LedgerVerdict Verdict { get; init; }

    /// <summary>Rows stored beyond those that <c>FINAL</c> shows.</summary>
    public required long StoredTwice { get; init; }

    /// <summary>What the rollup says, in words; empty when it equals the rows.</summary>
    public required string RollupProblem { get; init; }

    /// <summary>Whether there is a rollup yet.</summary>
    public required bool HasRollup { get; init; }

    /// <summary>From the first start to the last check.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Median and longest time from a kill to the gateway's next service.</summary>
    public required (TimeSpan Median, TimeSpan Longest) Recovery { get; init; }

    /// <summary>Where the ledger was left for a look, with what the gateway printed last in <c>gateway.log</c>; null when it was exact, and deleted.</summary>
    public required string? KeptDirectory { get; init; }

    /// <summary>Whether everything holds.</summary>
    public bool IsExact => Verdict.IsExact && RollupProblem.Length == 0;
}
