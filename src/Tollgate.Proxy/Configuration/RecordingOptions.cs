using System.ComponentModel.DataAnnotations;

namespace Tollgate.Proxy.Configuration;

/// <summary>How rows are gathered into inserts.</summary>
public sealed record RecordingOptions
{
    /// <summary>Most rows of one insert. Default 10,000.</summary>
    [Range(1, 100_000)]
    public int BatchRows { get; init; } = 10_000;

    /// <summary>Longest wait for a fuller batch. Default 250 ms; a row is visible to SQL about this long after its request ended.</summary>
    [TimeRange("00:00:00.010", "00:01:00")]
    public TimeSpan BatchInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Longest pause between two tries of a batch that the store did not take. Default 10 s.</summary>
    [TimeRange("00:00:00.100", "00:10:00")]
    public TimeSpan MaxRetryInterval { get; init; } = TimeSpan.FromSeconds(10);
}
