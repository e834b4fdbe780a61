using System.Text.Json;
using Tollgate.Cli;
using Tollgate.Configuration;
using Tollgate.Testing.Gateway;

namespace Tollgate.Tests.Cli;

/// <summary>The verb around the migrations; that they do what they say on a real engine is tested beside them.</summary>
public sealed class MigrateCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-migrate").FullName;
    private readonly StringWriter _output = new();
    private readonly StringWriter _error = new();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_store_that_runs_is_migrated_and_each_migration_is_named()
    {
        await using var store = await StoreOfAnswers.StartAsync();
        Assert.Equal(0, await Run("migrate", new { listen = store.Address }));
        var lines = _output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines[..^1], static line => Assert.StartsWith("Applied ", line, StringComparison.Ordinal));
        Assert.Equal($"The schema is at version {lines.Length - 1}.", lines[^1]);
        Assert.Contains(store.Statements, static sql => sql.Contains("CREATE TABLE IF NOT EXISTS tollgate.requests", StringComparison.Ordinal));
        Assert.Equal(lines.Length - 1, store.Statements.Count(static sql => sql.Contains("INSERT INTO tollgate.schema_migrations", StringComparison.Ordinal)));
        Assert.Equal("", _error.ToString());
    }

    [Fact]
    public async Task A_server_is_migrated_and_reported_as_JSON()
    {
        await using var store = await StoreOfAnswers.StartAsync();
        var address = new Uri(store.Address);
        Assert.Equal(0, await Run("migrate --json", new { mode = "clickhouse", connectionString = $"Host={address.Host};Port={address.Port};Protocol=http;Compression=false" }));
        using var report = JsonDocument.Parse(_output.ToString());
        Assert.NotEmpty(report.RootElement.GetProperty("applied").EnumerateArray());
        Assert.Equal(report.RootElement.GetProperty("binaryVersion").GetUInt32(), report.RootElement.GetProperty("storeVersion").GetUInt32());
    }

    [Fact]
    public async Task Without_an_embedded_store_it_says_that_the_gateway_migrates_by_itself()
    {
        Assert.Equal(1, await Run("migrate", new { listen = $"http://127.0.0.1:{LoopbackPort.Free()}" }));
        Assert.Contains("start the gateway, it migrates by itself", _error.ToString(), StringComparison.Ordinal);
        Assert.Equal("", _output.ToString());
        Assert.DoesNotContain("   at ", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_away_is_told_by_its_address_without_the_password()
    {
        var port = LoopbackPort.Free();
        Assert.Equal(1, await Run("migrate", new { mode = "clickhouse", connectionString = $"Host=127.0.0.1;Port={port};Protocol=http;Password=canary-7d2" }));
        Assert.Contains($"127.0.0.1:{port}", _error.ToString(), StringComparison.Ordinal);
        Assert.Contains("storage.connectionString", _error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("canary", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_refuses_is_quoted()
    {
        await using var store = await StoreOfAnswers.StartAsync((497, "Not enough privileges."));
        Assert.Equal(1, await Run("migrate", new { listen = store.Address }));
        Assert.Contains("code 497", _error.ToString(), StringComparison.Ordinal);
        Assert.Contains("Not enough privileges.", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_store_in_the_configuration_the_use_is_wrong()
    {
        Assert.Equal(2, await Run("migrate", new { mode = "none" }));
        Assert.Contains("storage.mode is \"none\"", _error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host=127.0.0.1;User=x", "unknown keys: user")]
    [InlineData("127.0.0.1", "")]
    public async Task A_connection_string_that_can_not_be_read_is_a_wrong_use(string connectionString, string reason)
    {
        Assert.Equal(2, await Run("migrate", new { mode = "clickhouse", connectionString }));
        Assert.Contains("storage.connectionString can't be used", _error.ToString(), StringComparison.Ordinal);
        Assert.Contains(reason, _error.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_configuration_with_problems_is_a_wrong_use()
    {
        Assert.Equal(2, await Run("migrate", new { mode = "nowhere" }));
        Assert.Contains("error: storage.mode", _error.ToString(), StringComparison.Ordinal);
    }

    private async Task<int> Run(string command, object storage)
    {
        await File.WriteAllTextAsync(Path.Combine(_directory, "tollgate.json"), JsonSerializer.Serialize(new { storage }), TestContext.Current.CancellationToken);
        return await new CommandLine(new ConfigurationLoader(new Dictionary<string, string>(), _directory), TimeProvider.System, static (_, _) => throw new InvalidOperationException("Nothing is served here."))
            .RunAsync(command.Split(' '), _output, _error, CancellationToken.None);
    }
}
