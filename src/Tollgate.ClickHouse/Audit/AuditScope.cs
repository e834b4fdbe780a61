namespace Tollgate.ClickHouse.Audit;

/// <summary>What an audit looks at, and what it is told beforehand.</summary>
public sealed record AuditScope
{
    /// <summary>The one gateway whose numbers are looked at. Default null: all of them.</summary>
    public string? GatewayId { get; init; }

    /// <summary>The last number that the store has acknowledged, by gateway. For the others the largest number stored is the last expected. Default: none.</summary>
    public IReadOnlyDictionary<string, ulong> Acknowledged { get; init; } = new Dictionary<string, ulong>(StringComparer.Ordinal);

    /// <summary>Numbers that are known not to be in the store, by gateway: dead letters, for one. They are not missing. Default: none.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<SequenceRange>> Excused { get; init; } = new Dictionary<string, IReadOnlyList<SequenceRange>>(StringComparer.Ordinal);

    /// <summary>Where to begin, by the rows' time. Default null: at the oldest row kept. Earlier than 24 months back is taken as that.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Slots that got rows less than this ago are not held against the rollup, which may not have seen them yet. Default 10 minutes.</summary>
    public TimeSpan SettlingTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Looks only at what is new since the last incremental audit of the same <see cref="LedgerAudit"/>, and again at what was wrong then.
    /// Rows that were there and have been deleted since are found by a whole audit only. Default false; the first is whole in any case.
    /// </summary>
    public bool IsIncremental { get; init; }
}
