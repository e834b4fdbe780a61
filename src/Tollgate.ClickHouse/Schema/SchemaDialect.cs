using System.Text.RegularExpressions;

namespace Tollgate.ClickHouse.Schema;

/// <summary>Turns the one schema source into the SQL of a single server or of a replicated cluster.</summary>
/// <remarks>
/// Two tokens, everything else passes as it is:
/// <c>{on_cluster}</c> after a name becomes nothing, or <c> ON CLUSTER 'name'</c>;
/// <c>{replicated:Engine(arguments)}</c> becomes <c>Engine(arguments)</c>, or <c>ReplicatedEngine(path, replica, arguments)</c>.
/// The server's own macros <c>{shard}</c>, <c>{replica}</c>, <c>{database}</c> and <c>{table}</c> and a view's parameters
/// (<c>{tz:String}</c>) are for the server and are left alone.
/// </remarks>
public sealed partial class SchemaDialect
{
    private const string ReplicaOfTable = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'";
    private readonly string _cluster;

    private SchemaDialect(string cluster) => _cluster = cluster;

    /// <summary>One server, or the embedded engine.</summary>
    public static SchemaDialect OneServer { get; } = new(string.Empty);

    /// <summary>A cluster whose servers define the macros <c>{shard}</c> and <c>{replica}</c>; empty is <see cref="OneServer"/>.</summary>
    /// <param name="cluster">Its name: letters, digits, <c>_</c> and <c>-</c>.</param>
    /// <exception cref="ArgumentException">The name has other characters and can't be put into a statement.</exception>
    public static SchemaDialect For(string cluster)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        if (cluster.Length == 0)
        {
            return OneServer;
        }

        return ClusterName().IsMatch(cluster)
            ? new SchemaDialect(cluster)
            : throw new ArgumentException($"Cluster name \"{cluster}\" may have only letters, digits, _ and -; change storage:cluster.", nameof(cluster));
    }

    /// <summary>The statement with its tokens filled in.</summary>
    public string Render(string statement)
    {
        var placed = statement.Replace("{on_cluster}", _cluster.Length == 0 ? string.Empty : $" ON CLUSTER '{_cluster}'", StringComparison.Ordinal);
        return Engine().Replace(placed, Place);
    }

    private string Place(Match engine)
    {
        var name = engine.Groups["name"].Value;
        var arguments = engine.Groups["arguments"];
        if (_cluster.Length == 0)
        {
            return arguments.Success ? $"{name}({arguments.Value})" : name;
        }

        return arguments.Success ? $"Replicated{name}({ReplicaOfTable}, {arguments.Value})" : $"Replicated{name}({ReplicaOfTable})";
    }

    [GeneratedRegex(@"\{replicated:(?<name>\w+)(\((?<arguments>[^)}]+)\))?\}", RegexOptions.ExplicitCapture)]
    private static partial Regex Engine();

    [GeneratedRegex("^[A-Za-z0-9_-]+$")]
    private static partial Regex ClusterName();
}
