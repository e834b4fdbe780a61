using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Tollgate.ClickHouse.Schema;

/// <summary>What one run of the migrations did.</summary>
/// <param name="Applied">Names of the migrations run now, in order; empty when there was nothing to do.</param>
/// <param name="StoreVersion">The newest migration the store has, after the run.</param>
/// <param name="BinaryVersion">The newest migration this binary knows; smaller when a newer Tollgate has been here.</param>
public sealed record MigrationReport(IReadOnlyList<string> Applied, uint StoreVersion, uint BinaryVersion);

/// <summary>An applied migration's text is no longer what it was.</summary>
public sealed class MigrationChangedException(string message) : Exception(message);

/// <summary>Brings the store's schema up to this binary's.</summary>
/// <remarks>
/// Idempotent: every statement says <c>IF NOT EXISTS</c> (or adds only what is missing), so a run that died in the middle is
/// simply run again.
/// Two gateways that start at once need no lock: whoever comes second finds each object made; both may write the record of a
/// migration (it is inserted only where it is not yet seen), and two equal records are one, because the table replaces by
/// version and checksum and is read by group.
/// Additive only: nothing is dropped, also when the store is newer than the binary.
/// </remarks>
public sealed partial class MigrationRunner
{
    private const int UnknownTable = 60;
    private const int UnknownDatabase = 81;
    private const string ReadRecords = "SELECT version, hex(checksum) FROM tollgate.schema_migrations GROUP BY version, checksum ORDER BY version";

    private const string WriteRecord = """
        INSERT INTO tollgate.schema_migrations (version, name, checksum, applied_by)
        SELECT {version:UInt32}, {name:String}, toFixedString(unhex({checksum:String}), 32), {by:String}
        WHERE NOT EXISTS (SELECT 1 FROM tollgate.schema_migrations WHERE version = {version:UInt32} AND hex(checksum) = {checksum:String})
        """;

    private readonly StoreClient _store;
    private readonly SchemaDialect _dialect;
    private readonly IReadOnlyList<SchemaScript> _migrations;
    private readonly ILogger<MigrationRunner> _logger;

    /// <summary>Runs this binary's own migrations.</summary>
    /// <param name="store">Where to.</param>
    /// <param name="cluster">The cluster's name; empty for a single server.</param>
    /// <param name="logger">Gets one line for each migration.</param>
    public MigrationRunner(StoreClient store, string cluster, ILogger<MigrationRunner> logger)
        : this(store, SchemaDialect.For(cluster), SchemaScript.Migrations, logger)
    {
    }

    internal MigrationRunner(StoreClient store, SchemaDialect dialect, IReadOnlyList<SchemaScript> migrations, ILogger<MigrationRunner> logger)
    {
        _store = store;
        _dialect = dialect;
        _migrations = migrations;
        _logger = logger;
    }

    /// <summary>Applies what is missing, in order.</summary>
    /// <exception cref="MigrationChangedException">An applied migration has another checksum; nothing was run.</exception>
    /// <exception cref="StoreException">The store is away or refused a statement; run it again.</exception>
    public async Task<MigrationReport> MigrateAsync(CancellationToken cancellationToken)
    {
        var records = await ReadRecordsAsync(cancellationToken);
        CheckUnchanged(records);

        var binaryVersion = _migrations.Count == 0 ? 0 : _migrations[^1].Version;
        var storeVersion = records.Count == 0 ? 0 : records[^1].Version;
        if (storeVersion > binaryVersion)
        {
            LogNewerStore(storeVersion, binaryVersion);
        }

        var known = records.Select(record => record.Version).ToHashSet();
        var applied = new List<string>();
        foreach (var migration in _migrations.Where(migration => !known.Contains(migration.Version)))
        {
            var (name, statements) = (migration.Name, migration.Statements.Count);
            LogApplying(name, statements);
            await RunAsync(migration, cancellationToken);
            await RecordAsync(migration, cancellationToken);
            applied.Add(migration.Name);
        }

        var report = new MigrationReport(applied, Math.Max(storeVersion, binaryVersion), binaryVersion);
        LogDone(applied.Count, report.StoreVersion);
        return report;
    }

    // Asked before anything is made, so that a schema that is whole needs no right to make one; see deploy/clickhouse/grants.sql.
    private async Task<List<(uint Version, string Checksum)>> ReadRecordsAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _store.QueryAsync(ReadRecords, ReadRecord, cancellationToken: cancellationToken);
        }
        catch (StoreException missing) when (missing.Code is UnknownTable or UnknownDatabase)
        {
            await RunAsync(SchemaScript.Bootstrap, cancellationToken);
            return await _store.QueryAsync(ReadRecords, ReadRecord, cancellationToken: cancellationToken);
        }
    }

    private static (uint Version, string Checksum) ReadRecord(System.Data.Common.DbDataReader reader) =>
        (Convert.ToUInt32(reader.GetValue(0), CultureInfo.InvariantCulture), reader.GetString(1));

    private void CheckUnchanged(List<(uint Version, string Checksum)> records)
    {
        foreach (var (version, checksum) in records)
        {
            var ours = _migrations.FirstOrDefault(migration => migration.Version == version);
            if (ours is not null && ours.Checksum != checksum)
            {
                throw new MigrationChangedException(
                    $"Migration {ours.Name} was applied with checksum {checksum}, this binary's has {ours.Checksum}. "
                    + "An applied migration must not change: restore its text and put the change into a new one.");
            }
        }
    }

    private async Task RunAsync(SchemaScript script, CancellationToken cancellationToken)
    {
        foreach (var statement in script.Statements)
        {
            await _store.ExecuteAsync(_dialect.Render(statement), cancellationToken: cancellationToken);
        }
    }

    private Task RecordAsync(SchemaScript migration, CancellationToken cancellationToken)
    {
        var parameters = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["version"] = migration.Version,
            ["name"] = migration.Name,
            ["checksum"] = migration.Checksum,
            ["by"] = $"tollgate/{typeof(MigrationRunner).Assembly.GetName().Version?.ToString(3)}",
        };
        return _store.ExecuteAsync(WriteRecord, parameters, cancellationToken);
    }

    [LoggerMessage(EventId = 7001, Level = LogLevel.Information, Message = "Applying migration {Migration}: {Statements} statements.")]
    private partial void LogApplying(string migration, int statements);

    [LoggerMessage(EventId = 7002, Level = LogLevel.Information, Message = "Schema is at version {Version}; {Applied} migrations applied now.")]
    private partial void LogDone(int applied, uint version);

    [LoggerMessage(EventId = 7003, Level = LogLevel.Warning, Message = "The store's schema is at version {StoreVersion}, this binary knows {BinaryVersion}: a newer Tollgate has been here. Going on with the columns known.")]
    private partial void LogNewerStore(uint storeVersion, uint binaryVersion);
}
