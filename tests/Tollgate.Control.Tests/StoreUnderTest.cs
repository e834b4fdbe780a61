using System.Text;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Tollgate.Control.Storage;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Control.Tests;

/// <summary>One empty database and a data directory, which several gateways open.</summary>
public abstract class StoreUnderTest : IAsyncDisposable
{
    private readonly List<ControlStore> _opened = [];

    /// <summary>The data directory of every store that is opened here.</summary>
    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("tollgate-control-").FullName;

    /// <summary>The clock of every store that is opened here.</summary>
    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));

    /// <summary>The connection string; empty for SQLite.</summary>
    public abstract string ConnectionString { get; }

    /// <summary>Opens the store as one more gateway does.</summary>
    public async Task<ControlStore> OpenAsync(string keyFile = "")
    {
        var store = await ControlStore.OpenAsync(new ControlOptions { ConnectionString = ConnectionString, KeyFile = keyFile }, Directory, Time, TestContext.Current.CancellationToken);
        lock (_opened)
        {
            _opened.Add(store);
        }

        return store;
    }

    /// <summary>A context over the tables themselves.</summary>
    internal abstract ControlContext OpenTables();

    /// <summary>Runs one statement on the tables themselves.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var tables = OpenTables();
        await tables.Database.ExecuteSqlRawAsync(sql, TestContext.Current.CancellationToken);
    }

    /// <summary>How many of the database's files hold <paramref name="text"/>.</summary>
    public async Task<int> FilesHoldingAsync(string text)
    {
        var files = await FilesAsync();
        return files.Count(file => Holds(File.ReadAllBytes(file), Encoding.UTF8.GetBytes(text)));
    }

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var store in _opened)
        {
            store.Dispose();
        }

        await ForgetAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Everything that the database has on the disk, written out first.</summary>
    protected abstract Task<IReadOnlyList<string>> FilesAsync();

    /// <summary>Closes what is kept open for a next time.</summary>
    protected abstract Task ForgetAsync();

    private static bool Holds(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> wanted) => bytes.IndexOf(wanted) >= 0;
}

/// <summary>A file.</summary>
public sealed class SqliteUnderTest : StoreUnderTest
{
    public override string ConnectionString => string.Empty;

    /// <summary>The file.</summary>
    public string DatabaseFile => Path.Combine(Directory, "control.db");

    internal override ControlContext OpenTables() => new SqliteControlContext(SqliteControlContext.OptionsFor(DatabaseFile));

    protected override Task<IReadOnlyList<string>> FilesAsync() => Task.FromResult<IReadOnlyList<string>>(System.IO.Directory.GetFiles(Directory, "control.db*"));

    protected override Task ForgetAsync()
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = DatabaseFile }.ToString());
        SqliteConnection.ClearPool(connection);
        return Task.CompletedTask;
    }
}

/// <summary>A database of the server.</summary>
public sealed class PostgresUnderTest(PostgresServer server, string connectionString) : StoreUnderTest
{
    public override string ConnectionString => connectionString;

    internal override ControlContext OpenTables() => new PostgresControlContext(PostgresControlContext.OptionsFor(connectionString));

    protected override async Task<IReadOnlyList<string>> FilesAsync()
    {
        await ExecuteAsync("CHECKPOINT");
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT oid FROM pg_database WHERE datname = current_database()", connection);
        var own = Path.Combine(server.DataDirectory, "base", $"{await command.ExecuteScalarAsync()}");
        return [.. System.IO.Directory.GetFiles(own), .. System.IO.Directory.GetFiles(Path.Combine(server.DataDirectory, "pg_wal"))];
    }

    protected override Task ForgetAsync()
    {
        using var connection = new NpgsqlConnection(connectionString);
        NpgsqlConnection.ClearPool(connection);
        return Task.CompletedTask;
    }
}
