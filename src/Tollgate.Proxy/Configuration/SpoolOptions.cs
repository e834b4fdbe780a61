using System.ComponentModel.DataAnnotations;

namespace Tollgate.Proxy.Configuration;

/// <summary>What to do with an attempt whose row the spool has no room for.</summary>
public enum WhenSpoolFull
{
    /// <summary>Serve it, and add its tokens and dollars to a sum by quarter of an hour, team, key and model: its details are lost, its money is not.</summary>
    Fold,

    /// <summary>Refuse it with 503 <c>overloaded_error</c> until there is room.</summary>
    Block,
}

/// <summary>The queue on disk between requests and the store; in <c>spool/</c> of <see cref="StorageOptions.DataDirectory"/>.</summary>
public sealed record SpoolOptions
{
    /// <summary>How many segments must fit into <see cref="MaxBytes"/>: the one written to, three prepared ahead, and some to be written and sent.</summary>
    public const int LeastSegments = 6;

    /// <summary>
    /// Disk that it may take, prepared segments included. Default 8,589,934,592 bytes (8 GiB), about 8 million requests: two hours at 1,000 a second, weeks for a team.
    /// When the store was away for longer, <see cref="WhenFull"/> decides. Two files of 1 MiB each, for sums of folded attempts, come on top.
    /// </summary>
    [Range(1_048_576, 1_099_511_627_776)]
    public long MaxBytes { get; init; } = 8L * 1024 * 1024 * 1024;

    /// <summary>Size of one of its files. Default 16,777,216 bytes (16 MiB); at least six must fit into <see cref="MaxBytes"/>, three of which are prepared ahead.</summary>
    [Range(65_536, 268_435_456)]
    public int SegmentBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>
    /// Longest time between a row's writing and its fsync: what a power cut may cost. A kill of the gateway costs nothing at any value. Default 100 ms; 0 makes each
    /// answer's last bytes wait for the disk, so that a power cut costs nothing either.
    /// </summary>
    [TimeRange("00:00:00", "00:01:00")]
    public TimeSpan SyncInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>What to do when there is no room. Default <c>fold</c>.</summary>
    public WhenSpoolFull WhenFull { get; init; }
}
