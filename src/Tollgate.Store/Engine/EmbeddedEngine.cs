using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Tollgate.Store.Engine;

/// <summary>The ClickHouse engine in this process: opened once, on one data directory, closed before the process ends.</summary>
internal sealed partial class EmbeddedEngine
{
    // Reads stay possible while slow statements run; inserts never wait behind a report.
    private const int GeneralConnections = 4;
    private const int ReadOnlyConnections = 3;
    private const int InsertConnections = 2;

    // 64 MiB instead of the engine's 5 GiB: a ledger's marks fit, a developer's machine keeps its memory.
    private const long MarkCacheBytes = 64L << 20;

    private const string DefaultMetadata = "metadata/default.sql";

    private readonly ChdbLibrary _library;
    private readonly EngineConnection _keeper;

    private EmbeddedEngine(ChdbLibrary library, EngineConnection keeper, IReadOnlyList<EngineConnection> others, TimeProvider time)
    {
        _library = library;
        _keeper = keeper;
        var next = 0;
        ConnectionPool Pool(string name, int count)
        {
            var pool = new ConnectionPool(name, [.. others.Skip(next).Take(count)], time);
            next += count;
            return pool;
        }

        General = Pool("general", GeneralConnections);
        Inserts = Pool("insert", InsertConnections);
        Admin = Pool("admin", 1);
        ReadOnly = Pool("read-only", ReadOnlyConnections);
    }

    /// <summary>For statements of a POST.</summary>
    public ConnectionPool General { get; }

    /// <summary>For inserts with data.</summary>
    public ConnectionPool Inserts { get; }

    /// <summary>For KILL and for the parser: never behind a long statement.</summary>
    public ConnectionPool Admin { get; }

    /// <summary>For GET, which may not write.</summary>
    public ConnectionPool ReadOnly { get; }

    /// <summary>The engine's version, for instance 26.7.2.1.</summary>
    public string Version { get; private set; } = "";

    /// <summary>The engine's time zone, for instance Etc/UTC.</summary>
    public string Timezone { get; private set; } = "";

    /// <summary>Every setting's value right after connecting.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; private set; } = new Dictionary<string, string>();

    /// <summary>Table functions, table engines and database engines that the engine knows, as it spells them.</summary>
    public EngineNames Names { get; private set; } = new([], [], []);

    /// <summary>Loads the library and opens every connection.</summary>
    /// <exception cref="StartupException">The data directory is in use, or the engine refuses to start.</exception>
    public static async Task<EmbeddedEngine> OpenAsync(StoreOptions options, string libraryPath, TimeProvider time)
    {
        EnterDataDirectory(options.DataDirectory);
        var library = new ChdbLibrary(libraryPath);
        library.DisableSignalHandlers();
        string[] shared = [.. EngineArguments(options)];
        var opened = new List<EngineConnection>();
        SignalGuard.Run(() =>
        {
            for (var i = 0; i < 1 + GeneralConnections + InsertConnections + 1 + ReadOnlyConnections; i++)
            {
                var readOnly = i >= 1 + GeneralConnections + InsertConnections + 1;
                var name = string.Create(CultureInfo.InvariantCulture, $"engine {i}");
                if (EngineConnection.TryOpen(library, readOnly ? [.. shared, "--readonly=2"] : shared, name) is not { } connection)
                {
                    return;
                }

                opened.Add(connection);
            }
        });
        if (opened.Count != 1 + GeneralConnections + InsertConnections + 1 + ReadOnlyConnections)
        {
            throw new StartupException(
                $"The engine did not open {options.DataDirectory}: its own message is above. \"Another server instance\" means that another tollgate-store has this directory; stop it, or name another with --data.");
        }

        opened.ForEach(connection => connection.Start());
        var engine = new EmbeddedEngine(library, opened[0], opened[1..], time);
        await engine.PrepareAsync();
        return engine;
    }

    /// <summary>Ends a running statement at its next block. It fails with 394.</summary>
    /// <param name="tag">The comment that the statement carries; ours, never the client's.</param>
    public async Task KillAsync(string tag)
    {
        using var lease = await Admin.TakeAsync(CancellationToken.None);
        // ASYNC: KILL … SYNC never returned on 26.7.
        using var result = await lease.Connection.QueryAsync(
            StatementText.Plain($"KILL QUERY WHERE endsWith(query, {SessionState.QuoteString(tag)}) ASYNC"));
    }

    /// <summary>Closes every connection and joins the engine's threads. Only when no statement runs.</summary>
    public async Task CloseAsync()
    {
        ConnectionPool[] pools = [General, Inserts, Admin, ReadOnly];
        foreach (var connection in pools.SelectMany(pool => pool.Connections))
        {
            await connection.CloseAsync();
        }

        await _keeper.CloseAsync();
        _library.ShutDown();
    }

    private static IEnumerable<string> EngineArguments(StoreOptions options)
    {
        static string Text(string name, long value) => string.Create(CultureInfo.InvariantCulture, $"--{name}={value}");
        yield return "tollgate-store";
        yield return "--path=" + options.DataDirectory;
        yield return Text("max_server_memory_usage", options.MaxMemoryBytes);
        yield return Text("max_memory_usage", options.MaxMemoryBytes / 10 * 8);
        yield return Text("max_threads", options.MaxThreads);
        yield return Text("mark_cache_size", MarkCacheBytes);
        yield return Text("uncompressed_cache_size", 0);
        yield return Text("background_pool_size", 10);
        yield return Text("max_execution_time", 600);
        // The dialect of clickhouse-local has these on; a server has them off.
        yield return Text("implicit_select", 0);
        yield return Text("allow_introspection_functions", 0);
    }

    /// <summary>The engine looks for configuration in the working directory and below HOME: both are the data directory.</summary>
    private static void EnterDataDirectory(string directory)
    {
        Directory.CreateDirectory(directory);
        Directory.SetCurrentDirectory(directory);
        _ = SetNativeVariable("HOME", directory, 1);
    }

    private async Task PrepareAsync()
    {
        await UseAPlainDefaultDatabaseAsync();
        Version = await ScalarAsync("SELECT version()");
        Timezone = await ScalarAsync("SELECT timezone()");
        Settings = JsonSerializer.Deserialize<Dictionary<string, string>>(
            await ScalarAsync("SELECT CAST((groupArray(name), groupArray(value)), 'Map(String, String)') FROM system.settings FORMAT JSONCompactEachRow") is { } row
                ? row[1..^1]
                : "{}") ?? [];
        Names = new EngineNames(
            await ListAsync("system.table_functions"), await ListAsync("system.table_engines"), await ListAsync("system.database_engines"));
    }

    /// <summary>Takes the file system out of the default database.</summary>
    /// <remarks>
    /// The library starts as clickhouse-local does, with a default database that lays files over the tables: SELECT * FROM '/etc/passwd'
    /// answers, also through views and parameters. Detached and attached again it is a server's, with the same tables.
    /// </remarks>
    private async Task UseAPlainDefaultDatabaseAsync()
    {
        const string Engine = "SELECT engine FROM system.databases WHERE name = 'default'";
        if (await ScalarAsync(Engine) == "Overlay")
        {
            _ = await ScalarAsync("DETACH DATABASE default");
            _ = await ScalarAsync(KeepsTables(DefaultMetadata) ? "ATTACH DATABASE default" : "CREATE DATABASE default ENGINE = Atomic");
        }

        var engine = await ScalarAsync(Engine);
        if (engine != "Atomic")
        {
            throw new StartupException($"The default database has the engine '{engine}' instead of Atomic, which could show files as tables. Is this the library version of native/package.json?");
        }
    }

    /// <summary>Whether the default database of an earlier run has tables; without any it can't be attached, so it is made anew.</summary>
    /// <remarks>
    /// The engine knows a database's UUID at start only through its tables: attaching an empty one fails with "Cannot find UUID mapping".
    /// Shape: an Atomic database's tables are the .sql files in the folder of its UUID.
    /// </remarks>
    private static bool KeepsTables(string metadata)
    {
        if (!File.Exists(metadata))
        {
            return false;
        }

        var text = File.ReadAllText(metadata).Split('\'');
        var uuid = text.Length > 1 ? text[1] : string.Empty;
        var folder = Path.Combine("store", uuid.Length > 3 ? uuid[..3] : uuid, uuid);
        if (uuid.Length == 0 || (Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*.sql").Any()))
        {
            return true;
        }

        File.Delete(metadata);
        return false;
    }

    private async Task<IReadOnlyList<string>> ListAsync(string table) =>
        (await ScalarAsync($"SELECT arrayStringConcat(groupArray(name), ',') FROM {table}")).Split(',');

    private async Task<string> ScalarAsync(string sql)
    {
        using var result = await _keeper.QueryAsync(StatementText.Plain(sql, "TSVRaw"));
        return Encoding.UTF8.GetString(result.Bytes).TrimEnd('\n');
    }

    // Environment.SetEnvironmentVariable changes .NET's copy only; the engine reads the process's.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNativeVariable(string name, string value, int overwrite);
}

/// <summary>What the engine can read from and store into, as it spells it.</summary>
internal sealed record EngineNames(
    IReadOnlyList<string> TableFunctions, IReadOnlyList<string> TableEngines, IReadOnlyList<string> DatabaseEngines);
