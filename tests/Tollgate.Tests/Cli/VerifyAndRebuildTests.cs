using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.Cli;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Schema;
using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;
using Tollgate.Testing;

namespace Tollgate.Tests.Cli;

/// <summary>The verbs that look at the ledger and mend what is computed from it, on a real engine.</summary>
public sealed class VerifyAndRebuildTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Yesterday = new(TimeProvider.System.GetUtcNow().UtcDateTime.Date.AddDays(-1), TimeSpan.Zero);

    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-verify").FullName;
    private readonly StringWriter _output = new();
    private readonly StringWriter _error = new();
    private StoreProcess _store = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _store = await StoreProcess.StartAsync();
        using var client = new StoreClient(new StorageOptions { Listen = Address });
        await new MigrationRunner(client, string.Empty, NullLogger<MigrationRunner>.Instance).MigrateAsync(Cancelled);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private string Address => _store.Address.ToString().TrimEnd('/');

    [Fact]
    public async Task A_ledger_in_order_verifies_and_one_with_a_hole_and_drift_does_not_until_it_is_rebuilt()
    {
        await FillAsync(lost: 7);
        Assert.Equal(1, await RunAsync("verify"));
        Assert.Matches(@"(?m)^gateway +spool begun +first +last +rows +missing +duplicates\r?$", _output.ToString());
        Assert.Matches(@"(?m)^gw-a +\S+Z +1000 +1099 +99 +1 +0\r?$", _output.ToString());
        Assert.Contains("gw-a: missing 1007", _output.ToString(), StringComparison.Ordinal);
        Assert.Contains("1 row is missing", _output.ToString(), StringComparison.Ordinal);
        Assert.Contains("Money drifts by $0.99", _output.ToString(), StringComparison.Ordinal);
        var command = _output.ToString().Split("tollgate ")[^1].Trim();
        Assert.StartsWith($"migrate rebuild --from {Yesterday:yyyy-MM-dd}T00:00Z --to ", command, StringComparison.Ordinal);

        // The advice is followed to the letter.
        Assert.Equal(0, await RunAsync(command));
        Assert.Contains("99 attempts, $0.99", _error.ToString(), StringComparison.Ordinal);
        Assert.Matches(@"(?m)^all +99 +\$0\.99 +2 +0\r?$", _output.ToString());

        Assert.Equal(1, await RunAsync("verify"));
        Assert.Contains("1 row is missing", _output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("drifts", _output.ToString(), StringComparison.Ordinal);

        await FillAsync(lost: null);
        Assert.Equal(1, await RunAsync("verify"));
        Assert.Equal(0, await RunAsync($"migrate rebuild --from {Yesterday:yyyy-MM-dd}"));
        Assert.Equal(0, await RunAsync("verify"));
        Assert.Contains("Nothing is missing and nothing drifts.", _output.ToString(), StringComparison.Ordinal);
        Assert.Equal("", _error.ToString());
    }

    [Fact]
    public async Task Both_report_as_JSON_with_progress_kept_apart()
    {
        await FillAsync(lost: 7);
        Assert.Equal(1, await RunAsync($"verify --json --since {Yesterday:yyyy-MM-dd}T00:00Z"));
        using (var report = JsonDocument.Parse(_output.ToString()))
        {
            Assert.False(report.RootElement.GetProperty("clean").GetBoolean());
            Assert.Equal(1, report.RootElement.GetProperty("missing").GetInt64());
            var spool = Assert.Single(report.RootElement.GetProperty("spools").EnumerateArray());
            Assert.Equal(("1000", "1099"), (spool.GetProperty("first").GetString(), spool.GetProperty("last").GetString()));
            Assert.Equal("1007", Assert.Single(spool.GetProperty("holes").EnumerateArray()).GetProperty("first").GetString());
            Assert.Equal(990_000_000, report.RootElement.GetProperty("drift").GetProperty("nanodollars").GetInt64());
        }

        Assert.Equal(0, await RunAsync($"migrate rebuild --json --from {Yesterday:yyyy-MM-dd} --to {Yesterday.AddDays(1):yyyy-MM-dd}"));
        using var rebuilt = JsonDocument.Parse(_output.ToString());
        var day = Assert.Single(rebuilt.RootElement.GetProperty("days").EnumerateArray());
        Assert.Equal((99, 990_000_000), (day.GetProperty("attempts").GetInt64(), day.GetProperty("nanodollars").GetInt64()));
        Assert.Contains("99 attempts", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_without_any_row_is_in_order()
    {
        Assert.Equal(0, await RunAsync("verify"));
        Assert.Contains("No gateway has begun a spool", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_without_its_schema_says_what_to_run_first()
    {
        await _store.QueryAsync("DROP DATABASE tollgate SYNC");
        Assert.Equal(1, await RunAsync("verify"));
        Assert.Contains("Run tollgate migrate first.", _error.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, await RunAsync($"migrate rebuild --from {Yesterday.AddYears(-3):yyyy-MM-dd}"));
    }

    [Theory]
    [InlineData("verify --since yesterday", "--since is \"yesterday\"")]
    [InlineData("verify --since 2999-01-01", "nothing to look at yet")]
    [InlineData("migrate rebuild --from 2026-13-01", "--from is \"2026-13-01\"")]
    [InlineData("migrate rebuild --from 2026-11-01 --to 24.11.2026", "--to is \"24.11.2026\"")]
    [InlineData("migrate rebuild --from 2001-01-01", "rows are kept 25 months")]
    [InlineData("migrate rebuild --from 2999-01-01", "is empty")]
    [InlineData("migrate rebuild", "--from")]
    public async Task A_wrong_use_says_which_value_and_why(string command, string complaint)
    {
        Assert.Equal(2, await RunAsync(command));
        Assert.Contains(complaint, _error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", $"{_output}{_error}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("verify")]
    [InlineData("migrate rebuild --from 2026-11-01")]
    public async Task Without_an_embedded_store_both_say_that_the_gateway_must_run(string command)
    {
        _store.Kill();
        Assert.Equal(1, await RunAsync(command));
        Assert.Contains("start the gateway, then run this beside it", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_store_in_the_configuration_the_use_is_wrong()
    {
        Assert.Equal(2, await RunAsync("verify", new { mode = "none" }));
        Assert.Contains("there is no store to verify", _error.ToString(), StringComparison.Ordinal);
    }

    /// <summary>A hundred rows of a cent, numbered from 1000, in two sessions, taken by the store an hour ago; one of them lost.</summary>
    private async Task FillAsync(int? lost)
    {
        await _store.QueryAsync("INSERT INTO tollgate.spools SELECT 'gw-a', 1000, now64(3) - INTERVAL 2 DAY WHERE NOT EXISTS (SELECT 1 FROM tollgate.spools)");
        await _store.QueryAsync(string.Create(CultureInfo.InvariantCulture, $"""
            INSERT INTO tollgate.requests (ts, request_id, attempt_id, gateway_id, wal_seq, customer, session_id, model, http_status, outcome, usage_source, cost_input, cost, ingested_at)
            SELECT toDateTime64({Yesterday.ToUnixTimeSeconds()} + number * 60, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000001'),
              reinterpretAsUUID(leftPad(toString(number), 16, '0')), 'gw-a', 1000 + number, 'acme', 's' || toString(number % 2), 'm', 200, 'completed', 'final',
              toDecimal64('0.01', 9), toDecimal64('0.01', 9), now64(3) - INTERVAL 1 HOUR
            FROM numbers(100) WHERE number != {lost ?? -1}
            """));
    }

    private async Task<int> RunAsync(string command, object? storage = null)
    {
        _output.GetStringBuilder().Clear();
        _error.GetStringBuilder().Clear();
        await File.WriteAllTextAsync(Path.Combine(_directory, "tollgate.json"), JsonSerializer.Serialize(new { storage = storage ?? new { listen = Address } }), Cancelled);
        return await new CommandLine(new ConfigurationLoader(new Dictionary<string, string>(), _directory), TimeProvider.System, static (_, _) => throw new InvalidOperationException("Nothing is served here."))
            .RunAsync(command.Split(' '), _output, _error, CancellationToken.None);
    }
}
