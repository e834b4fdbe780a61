using System.Diagnostics;
using System.Globalization;
using System.Text;
using Npgsql;
using Tollgate.Control.Tests;

[assembly: AssemblyFixture(typeof(PostgresServer))]

namespace Tollgate.Control.Tests;

/// <summary>A real PostgreSQL on a Unix socket in a directory of its own, started once for all tests and stopped at their end.</summary>
/// <remarks>
/// Its language orders texts otherwise than by bytes, as a server's often does: what relies on the order of bytes shows here.
/// PostgreSQL does not run as root; then it runs as the user that its package made.
/// </remarks>
public sealed class PostgresServer : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly StringBuilder _output = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-pg-").FullName;
    private Process? _process;

    /// <summary>Where its files are.</summary>
    public string DataDirectory => Path.Combine(_directory, "data");

    private static bool IsRoot => Environment.UserName == "root";

    /// <summary>A connection string for a database of that name.</summary>
    public string ConnectionString(string database) =>
        new NpgsqlConnectionStringBuilder { Host = _directory, Username = "postgres", Database = database, Timeout = 15, MaxPoolSize = 20 }.ToString();

    /// <summary>Makes an empty database. Returns its connection string. Skips the test where PostgreSQL is not installed.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        Assert.SkipWhen(_process is null, "There is no PostgreSQL under /usr/lib/postgresql. Install it: apt-get install postgresql.");
        var name = $"control_{Guid.NewGuid():N}";
        await ExecuteAsync("postgres", $"CREATE DATABASE {name}");
        return ConnectionString(name);
    }

    /// <summary>Runs one statement.</summary>
    public async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString(database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask InitializeAsync()
    {
        var binaries = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(static version => Path.Combine(version, "bin")).Where(static bin => File.Exists(Path.Combine(bin, "postgres"))).Order(StringComparer.Ordinal).LastOrDefault()
            : null;
        if (binaries is null)
        {
            return; // CreateDatabaseAsync says so.
        }

        if (IsRoot)
        {
            await RunAsync(Start("chown", ["postgres", _directory]));
        }

        await RunAsync(Start(
            AsOwner(Path.Combine(binaries, "initdb")),
            ["-D", DataDirectory, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en", "--no-sync"]));
        _process = Start(AsOwner(Path.Combine(binaries, "postgres")), ["-D", DataDirectory, "-k", _directory, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"]);
        await UntilReadyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (_process is { HasExited: false })
        {
            // SIGINT: ends sessions, writes a checkpoint, goes.
            await RunAsync(Start("kill", ["-INT", _process.Id.ToString(CultureInfo.InvariantCulture)]));
            using var late = new CancellationTokenSource(Limit);
            await _process.WaitForExitAsync(late.Token);
        }

        _process?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static string[] AsOwner(string binary) => IsRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--", binary] : [binary];

    private Process Start(string program, string[] arguments) => Start([program], arguments);

    private Process Start(string[] program, string[] arguments)
    {
        var start = new ProcessStartInfo(program[0], [.. program[1..], .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _directory };
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private async Task RunAsync(Process process)
    {
        using (process)
        {
            using var late = new CancellationTokenSource(Limit);
            await process.WaitForExitAsync(late.Token);
            Assert.True(process.ExitCode == 0, $"{process.StartInfo.FileName} ended with {process.ExitCode}:\n{Output}");
        }
    }

    private async Task UntilReadyAsync()
    {
        for (var waited = Stopwatch.StartNew(); ;)
        {
            try
            {
                await ExecuteAsync("postgres", "SELECT 1");
                return;
            }
            catch (NpgsqlException) when (waited.Elapsed < Limit && !_process!.HasExited)
            {
                await Task.Delay(50);
            }
            catch (NpgsqlException exception)
            {
                throw new InvalidOperationException($"PostgreSQL did not start:\n{Output}", exception);
            }
        }
    }

    private string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    private void Keep(string? line)
    {
        lock (_output)
        {
            _output.AppendLine(line);
        }
    }
}
