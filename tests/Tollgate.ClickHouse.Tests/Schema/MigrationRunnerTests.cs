using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.ClickHouse.Schema;
using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Tests.Schema;

[Collection(nameof(LedgerStore))]
public sealed class MigrationRunnerTests(LedgerStore store)
{
    // What every complete schema looks like, whichever way it came about.
    private const string Fingerprint =
        "SELECT arrayStringConcat(arraySort(groupArray(concat(name, ' ', toString(cityHash64(create_table_query))))), '\n') FROM system.tables WHERE database = 'tollgate'";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_empty_store_gets_the_whole_schema_and_a_second_run_has_nothing_to_do()
    {
        await store.ForgetAsync();
        var first = await RunAsync(SchemaScript.Migrations);
        var tables = await store.AskAsync(Fingerprint);
        var second = await RunAsync(SchemaScript.Migrations);

        Assert.Equal(SchemaScript.Migrations.Select(migration => migration.Name), first.Applied);
        Assert.Empty(second.Applied);
        Assert.Equal(second.BinaryVersion, second.StoreVersion);
        Assert.Equal(tables, await store.AskAsync(Fingerprint));
    }

    [Fact]
    public async Task Every_earlier_version_grows_into_the_same_schema()
    {
        await store.StartAfreshAsync();
        var whole = await store.AskAsync(Fingerprint);
        for (var earlier = 0; earlier < SchemaScript.Migrations.Count; earlier++)
        {
            await store.ForgetAsync();
            await RunAsync([.. SchemaScript.Migrations.Take(earlier)]);
            var report = await RunAsync(SchemaScript.Migrations);

            Assert.Equal(SchemaScript.Migrations.Count - earlier, report.Applied.Count);
            Assert.Equal(whole, await store.AskAsync(Fingerprint));
        }
    }

    [Fact]
    public async Task A_table_with_rows_learns_the_stopped_gateway_without_being_rewritten_and_its_views_go_on()
    {
        await store.ForgetAsync();
        await RunAsync([.. SchemaScript.Migrations.Take(5)]);
        var rows = RandomRows.Many(600);
        foreach (var row in rows)
        {
            row.Outcome = row.Outcome == ForwardOutcome.GatewayStopped ? ForwardOutcome.Completed : row.Outcome;
        }

        await new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch("before", rows[..500]), Cancelled);
        var parts = await store.ListAsync("SELECT name FROM system.parts WHERE database = 'tollgate' AND table = 'requests' AND active ORDER BY name");
        await RunAsync(SchemaScript.Migrations);
        Assert.Equal(parts, await store.ListAsync("SELECT name FROM system.parts WHERE database = 'tollgate' AND table = 'requests' AND active ORDER BY name"));
        Assert.Equal("0", await store.AskAsync("SELECT toString(count()) FROM system.mutations WHERE database = 'tollgate'"));

        rows[500].Outcome = ForwardOutcome.GatewayStopped;
        await new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch("after", rows[500..]), Cancelled);
        Assert.Equal("1", await store.AskAsync("SELECT toString(countIf(outcome = 'gateway_stopped')) FROM tollgate.requests"));
        Assert.Equal("600", await store.AskAsync("SELECT toString(sum(requests)) FROM tollgate.usage_1m"));
    }

    [Fact]
    public async Task A_run_that_died_before_its_record_is_run_again()
    {
        await store.StartAfreshAsync();
        await store.Client.ExecuteAsync("TRUNCATE TABLE tollgate.schema_migrations", cancellationToken: Cancelled);
        Assert.Equal(SchemaScript.Migrations.Count, (await RunAsync(SchemaScript.Migrations)).Applied.Count);
    }

    [Fact]
    public async Task A_migration_changed_after_it_was_applied_is_refused_before_anything_runs()
    {
        await store.ForgetAsync();
        await RunAsync([SchemaScript.Migrations[0]]);
        var changed = SchemaScript.Migrations[0] with { Checksum = new string('A', 64) };

        var refusal = await Assert.ThrowsAsync<MigrationChangedException>(() => RunAsync([changed, .. SchemaScript.Migrations.Skip(1)]));

        Assert.Contains(changed.Name, refusal.Message, StringComparison.Ordinal);
        Assert.Equal("1", await store.AskAsync("SELECT toString(count()) FROM tollgate.schema_migrations"));
    }

    [Fact]
    public async Task A_newer_store_is_left_as_it_is()
    {
        await store.StartAfreshAsync();
        var report = await RunAsync([.. SchemaScript.Migrations.Take(2)]);

        Assert.Empty(report.Applied);
        Assert.Equal(2u, report.BinaryVersion);
        Assert.Equal((uint)SchemaScript.Migrations.Count, report.StoreVersion);
        Assert.Equal("1", await store.AskAsync("SELECT toString(count()) FROM system.tables WHERE database = 'tollgate' AND name = 'sessions'"));
    }

    [Fact]
    public async Task A_retention_that_an_operator_lengthened_stays_when_a_gateway_starts()
    {
        await store.ForgetAsync();
        await RunAsync([.. SchemaScript.Migrations.Take(5)]);
        await store.Client.ExecuteAsync("ALTER TABLE tollgate.requests MODIFY TTL toDateTime(ts) + INTERVAL 120 MONTH DELETE", cancellationToken: Cancelled);
        await RunAsync(SchemaScript.Migrations);
        await RunAsync(SchemaScript.Migrations);
        Assert.Equal("1", await store.AskAsync(
            "SELECT toString(countIf(create_table_query LIKE '%TTL toDateTime(ts) + toIntervalMonth(120)%')) FROM system.tables WHERE database = 'tollgate' AND name = 'requests'"));
    }

    [Fact]
    public async Task Two_gateways_that_start_at_once_both_find_the_schema()
    {
        await store.ForgetAsync();
        await Task.WhenAll(RunAsync(SchemaScript.Migrations), RunAsync(SchemaScript.Migrations));

        var versions = await store.ListAsync("SELECT toString(version) FROM tollgate.schema_migrations GROUP BY version, checksum ORDER BY version");
        Assert.Equal(SchemaScript.Migrations.Select(migration => $"{migration.Version}"), versions);
        Assert.Empty((await RunAsync(SchemaScript.Migrations)).Applied);
    }

    private Task<MigrationReport> RunAsync(IReadOnlyList<SchemaScript> migrations) =>
        new MigrationRunner(store.Client, SchemaDialect.OneServer, migrations, NullLogger<MigrationRunner>.Instance).MigrateAsync(Cancelled);
}
