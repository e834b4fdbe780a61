using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Tollgate.Control.Secrets;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Control.Storage;

/// <summary>The database of the control store, with its tables as this version knows them and its key file at hand.</summary>
/// <remarks>
/// A file is made by the first write. Until then <see cref="IsMade"/> is false, nothing of EF Core is loaded, which is a quarter of an idle gateway's memory and a
/// third of its start, and readers answer what a database that was just made would.
/// </remarks>
/// <param name="path">The file, which need not be there yet; null for a server.</param>
/// <param name="open">Opens the database: brings its tables up to date and checks the key file. Called until it succeeds.</param>
/// <param name="time">The clock.</param>
internal sealed class ControlDatabase(string? path, Func<CancellationToken, Task<ControlDatabase.Opened>> open, TimeProvider time) : IDisposable
{
    private const string CheckLabel = "tollgate/key-check/v1";
    private const string CheckText = "This is the key file of this control store.";

    // Writers of one process queue here without a thread each; those of other processes meet at the store's row.
    private readonly SemaphoreSlim _writers = new(1, 1);
    private readonly SemaphoreSlim _openers = new(1, 1);
    private volatile Opened? _opened;

    /// <summary>Whether there is a database. One that another process makes is seen as well.</summary>
    public bool IsMade => _opened is not null || path is null || File.Exists(path);

    /// <summary>Opens and seals secrets. Only after <see cref="OpenedAsync"/>, or in what this class calls.</summary>
    public SecretBox Secrets => (_opened ?? throw new InvalidOperationException("The control store is not open yet.")).Secrets;

    /// <summary>The time, as the tables keep it.</summary>
    public long Now => Instant.From(time.GetUtcNow());

    /// <summary>Opens the database that <paramref name="options"/> name, when there is one; a file that is not there is made by the first write.</summary>
    /// <exception cref="InvalidOperationException">The key file is lost or another's, or a newer version made the tables.</exception>
    /// <exception cref="ControlUnavailableException">The database can't be reached or used.</exception>
    public static async Task<ControlDatabase> OpenAsync(ControlOptions options, string dataDirectory, TimeProvider time, CancellationToken cancellation)
    {
        var directory = Path.GetFullPath(dataDirectory);
        Directory.CreateDirectory(directory);
        var path = options.ConnectionString.Length > 0 ? null : Path.Combine(directory, "control.db");
        var keyFile = KeyFileOf(options, directory);
        var database = new ControlDatabase(
            path, cancellation => path is null ? OpenServerAsync(options.ConnectionString, keyFile, cancellation) : OpenFileAsync(path, keyFile, cancellation), time);
        if (database.IsMade)
        {
            await database.OpenedAsync(cancellation);
        }
        else
        {
            // A key file that can't be used is told at the start.
            _ = KeyFile.TryRead(keyFile);
        }

        return database;
    }

    /// <summary>Opens the database if it is not, making it if there is none.</summary>
    /// <exception cref="InvalidOperationException">The key file is lost or another's, or a newer version made the tables.</exception>
    /// <exception cref="ControlUnavailableException">The database can't be reached, used or made.</exception>
    public async ValueTask<Opened> OpenedAsync(CancellationToken cancellation)
    {
        if (_opened is { } already)
        {
            return already;
        }

        await _openers.WaitAsync(cancellation);
        try
        {
            return _opened ??= await GuardAsync(() => open(cancellation));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ControlUnavailableException(exception);
        }
        finally
        {
            _openers.Release();
        }
    }

    private static async Task<Opened> OpenServerAsync(string connectionString, string keyFile, CancellationToken cancellation)
    {
        var options = PostgresControlContext.OptionsFor(connectionString);
        Func<ControlContext> open = () => new PostgresControlContext(options);
        await MigrateAsync(open, cancellation);
        return new Opened(open, await CheckKeyAsync(open, keyFile, cancellation));
    }

    private static string KeyFileOf(ControlOptions options, string directory) =>
        options.KeyFile.Length > 0 ? Path.GetFullPath(options.KeyFile) : Path.Combine(directory, "control.key");

    /// <summary>Opens the file, on a full disk too: even to read it SQLite needs room for files beside it, so some is kept for that.</summary>
    private static async Task<Opened> OpenFileAsync(string path, string keyFile, CancellationToken cancellation)
    {
        var options = SqliteControlContext.OptionsFor(path);
        Func<ControlContext> open = () => new SqliteControlContext(options);
        var reserve = new RoomReserve(path + ".reserve");
        try
        {
            return await TryAsync();
        }
        catch (SqliteException full) when (full.SqliteErrorCode == SqliteFull && reserve.TryGiveUp())
        {
            return await TryAsync();
        }

        async Task<Opened> TryAsync()
        {
            await MigrateFileAsync(open, path, cancellation);
            var opened = new Opened(open, await CheckKeyAsync(open, keyFile, cancellation));
            reserve.TryTake();
            return opened;
        }
    }

    /// <summary>Runs <paramref name="read"/> over a context of its own.</summary>
    public async Task<TResult> ReadAsync<TResult>(Func<ControlContext, Task<TResult>> read, CancellationToken cancellation)
    {
        var opened = await OpenedAsync(cancellation);
        return await GuardAsync(async () =>
        {
            await using var context = opened.Open();
            return await read(context);
        });
    }

    /// <summary>Runs <paramref name="change"/> after every change begun before it, all or nothing, and counts it as one.</summary>
    /// <param name="change">Given the context, the version that it makes, and the time. What it throws undoes everything.</param>
    /// <param name="cancellation">Gives up before the commit.</param>
    /// <returns>What <paramref name="change"/> returned, and the version.</returns>
    public Task<(TResult Result, long Version)> ChangeAsync<TResult>(Func<ControlContext, long, long, Task<TResult>> change, CancellationToken cancellation) =>
        WriteAsync(change, step: 1, cancellation);

    /// <summary>Runs <paramref name="write"/> as <see cref="ChangeAsync"/> does, but as nothing that a reader of objects would see.</summary>
    public async Task<TResult> WriteAsync<TResult>(Func<ControlContext, long, Task<TResult>> write, CancellationToken cancellation) =>
        (await WriteAsync((context, _, now) => write(context, now), step: 0, cancellation)).Result;

    /// <summary>Runs <paramref name="use"/>, and says in one way what the drivers say in several.</summary>
    /// <exception cref="ControlUnavailableException">The database can't be reached or used.</exception>
    private static async Task<TResult> GuardAsync<TResult>(Func<Task<TResult>> use)
    {
        try
        {
            return await use();
        }
        catch (DbException exception)
        {
            throw new ControlUnavailableException(exception);
        }
        catch (Exception exception) when (exception is DbUpdateException or InvalidOperationException && exception.InnerException is DbException inner)
        {
            // EF's wrappers: of a failed save, and of what its provider takes for transient.
            throw new ControlUnavailableException(inner);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writers.Dispose();
        _openers.Dispose();
    }

    private async Task<(TResult Result, long Version)> WriteAsync<TResult>(Func<ControlContext, long, long, Task<TResult>> write, int step, CancellationToken cancellation)
    {
        var opened = await OpenedAsync(cancellation);
        await _writers.WaitAsync(cancellation);
        try
        {
            return await GuardAsync(async () =>
            {
                await using var context = opened.Open();
                await using var transaction = await context.BeginChangeAsync(step, cancellation);
                var version = await context.VersionAsync(cancellation);
                var result = await write(context, version, Now);
                await context.SaveChangesAsync(cancellation);
                await transaction.CommitAsync(cancellation);
                return (result, version);
            });
        }
        finally
        {
            _writers.Release();
        }
    }

    // SQLITE_FULL.
    private const int SqliteFull = 13;

    private static async Task MigrateFileAsync(Func<ControlContext> open, string path, CancellationToken cancellation)
    {
        // SQLite would make the file readable by everyone; the files beside it take its mode.
        if (!File.Exists(path))
        {
            var made = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete };
            if (!OperatingSystem.IsWindows())
            {
                made.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            await new FileStream(path, made).DisposeAsync();
        }

        // Held by the system for as long as this process lives. EF's own lock is a row, which a killed process leaves behind for ever.
        await using var held = await HoldAsync(path + ".lock", cancellation);
        await using (var context = open())
        {
            // A reader must not wait for a writer. The mode stays with the file.
            await context.Database.ExecuteSqlAsync($"PRAGMA journal_mode = WAL", cancellation);
            await context.Database.ExecuteSqlAsync($"DROP TABLE IF EXISTS __EFMigrationsLock", cancellation);
        }

        await MigrateAsync(open, cancellation);
    }

    private static async Task<FileStream> HoldAsync(string path, CancellationToken cancellation)
    {
        // A migration lasts well under a second; after half a minute somebody else's is stuck and the start says so.
        for (var left = 300; ; left--)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (left > 0)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, cancellation);
            }
        }
    }

    private static async Task MigrateAsync(Func<ControlContext> open, CancellationToken cancellation)
    {
        await using var context = open();
        var known = context.Database.GetMigrations().ToHashSet();
        if (await context.Database.CanConnectAsync(cancellation))
        {
            var applied = (await context.Database.GetAppliedMigrationsAsync(cancellation)).ToList();
            if (applied.Find(name => !known.Contains(name)) is { } newer)
            {
                throw new InvalidOperationException($"The control store was made by a newer version of Tollgate (its step {newer} is not known here). Start that version, or restore a backup from before it.");
            }

            if (applied.Count == known.Count)
            {
                return;
            }
        }

        await context.Database.MigrateAsync(cancellation);
    }

    private static async Task<SecretBox> CheckKeyAsync(Func<ControlContext> open, string keyFile, CancellationToken cancellation)
    {
        await using var context = open();
        await using var transaction = await context.BeginChangeAsync(step: 0, cancellation);
        var row = await context.Store.SingleAsync(cancellation);
        if (row.KeyCheck.Length > 0)
        {
            var existing = KeyFile.TryRead(keyFile)
                ?? throw new InvalidOperationException($"There is no key file {keyFile}, but the control store has one. Copy it from the gateway that shares the store or from a backup, or name it as control.keyFile.");
            return existing.TryOpen(CheckLabel, "store", "key-check", row.KeyCheck, out _)
                ? existing
                : throw new InvalidOperationException($"The key file {keyFile} is not the control store's: secrets in the store were sealed with another. Restore the right one, or name it as control.keyFile.");
        }

        var secrets = KeyFile.ReadOrCreate(keyFile);
        row.KeyCheck = secrets.Seal(CheckLabel, "store", "key-check", CheckText);
        await context.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return secrets;
    }

    /// <summary>A database in use.</summary>
    /// <param name="Open">Makes a context.</param>
    /// <param name="Secrets">Opens and seals secrets.</param>
    internal sealed record Opened(Func<ControlContext> Open, SecretBox Secrets);
}
