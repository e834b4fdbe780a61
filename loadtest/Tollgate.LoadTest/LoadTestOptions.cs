using Tollgate.LoadTest.Measuring;

namespace Tollgate.LoadTest;

/// <summary>What the command line asked for, with the scenario's defaults filled in.</summary>
internal sealed record LoadTestOptions
{
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

    /// <summary>Loops of the generator.</summary>
    public required int Threads { get; init; }

    /// <summary>When a window is void.</summary>
    public required ValidityBounds Bounds { get; init; }

    /// <summary>Makes the order of the peers; the same seed, the same order.</summary>
    public required int Seed { get; init; }

    /// <summary>nginx's executable.</summary>
    public required string Nginx { get; init; }

    /// <summary>haproxy's executable.</summary>
    public required string Haproxy { get; init; }

    /// <summary>Where reports go; null for <c>loadtest/results</c> when every row is valid and <c>artifacts/loadtest</c> when one is not.</summary>
    public required string? Directory { get; init; }
}
