using System.ComponentModel.DataAnnotations;

namespace Tollgate.Proxy.Configuration;

/// <summary>What holds the ledger.</summary>
public enum StorageMode
{
    /// <summary>A ClickHouse engine on this machine, started and watched by the gateway.</summary>
    Embedded,

    /// <summary>A ClickHouse server or cluster reached by <see cref="StorageOptions.ConnectionString"/>.</summary>
    ClickHouse,

    /// <summary>Nothing: metrics only.</summary>
    None,
}

/// <summary>Where the ledger is kept.</summary>
public sealed record StorageOptions
{
    /// <summary>What holds the ledger. Default <c>embedded</c>.</summary>
    public StorageMode Mode { get; init; }

    /// <summary>Address of the embedded store. Default <c>http://127.0.0.1:8123</c>; must be loopback.</summary>
    public string Listen { get; init; } = "http://127.0.0.1:8123";

    /// <summary>ClickHouse.Driver connection string for mode <c>clickhouse</c>; a secret. Default empty.</summary>
    [Secret]
    public string ConnectionString { get; init; } = string.Empty;

    /// <summary>Directory of the embedded store and the gateway's own state. Default <c>data</c>, made when missing.</summary>
    [Required]
    public string DataDirectory { get; init; } = "data";

    /// <summary>Memory the embedded engine may use. Default 1,073,741,824 bytes (1 GiB); a query over it fails, the engine goes on.</summary>
    [Range(268_435_456, 1_099_511_627_776)]
    public long MaxMemoryBytes { get; init; } = 1024 * 1024 * 1024;

    /// <summary>Threads a query of the embedded engine may use. Default 2.</summary>
    [Range(1, 256)]
    public int MaxThreads { get; init; } = 2;

    /// <summary>Cluster name: migrations run <c>ON CLUSTER</c> with replicated tables. Default empty: a single server.</summary>
    [RegularExpression("^[A-Za-z0-9_-]*$", ErrorMessage = "letters, digits, underscores and hyphens")]
    public string Cluster { get; init; } = string.Empty;

    /// <summary>The mode and what is local: a record's own text would hold the connection string.</summary>
    public override string ToString() => $"{nameof(StorageOptions)} {{ Mode = {Mode}, Listen = {Listen}, DataDirectory = {DataDirectory} }}";
}
