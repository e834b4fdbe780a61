using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Tollgate.Testing;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>What docs/backup.md says is done here: copied, wiped, restored, compared row by row, and gone on with.</summary>
public sealed class BackupTests
{
    private const string AdminToken = "a-token-of-the-backup-tests";
    private const string WholeLedger = "SELECT * FROM tollgate.requests FINAL ORDER BY gateway_id, wal_seq FORMAT TSV";
    private const string Holes = "SELECT sum(missing), sum(duplicates), sum(rows), count() FROM tollgate.sequence_holes";
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_copied_data_directory_brings_back_every_row_and_object_and_the_numbers_go_on(bool isKilled)
    {
        using var home = new TemporaryDirectory();
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl,
            directory: home,
            configure: configuration =>
            {
                configuration["admin"]!["token"] = AdminToken;
                configuration["recording"] = new JsonObject { ["batchInterval"] = isKilled ? "00:00:20" : "00:00:00.050" };
            },
            cancellationToken: Cancellation);
        var made = await AdministerAsync(gateway, HttpMethod.Post, "/api/teams", """{"id":"search","name":"Search"}""");
        Assert.Equal(HttpStatusCode.Created, made);
        await CallManyAsync(gateway, 40);
        if (isKilled)
        {
            // All rows are still in the spool; the store ends by itself when it finds its gateway gone.
            var store = OwnProcesses.StoreOf(gateway) ?? throw new InvalidOperationException("The gateway has no store.");
            await gateway.KillAsync();
            await Until.TrueAsync(() => !OwnProcesses.IsStore(store), Ledger.Patience, "The store of a killed gateway ends.", Cancellation);
        }
        else
        {
            Assert.Equal(0, await gateway.StopAsync());
        }

        var data = Path.Combine(home.Path, "data");
        var copy = Path.Combine(home.Path, "copy");
        await CopyAsync(data, copy);
        await gateway.RestartAsync(cancellationToken: Cancellation);
        await CallManyAsync(gateway, 5);
        Assert.Equal(0, await gateway.StopAsync());
        Directory.Delete(data, recursive: true);
        await CopyAsync(copy, data);
        await gateway.RestartAsync(cancellationToken: Cancellation);

        // The five calls after the copy are gone with the disk; everything before them is as it was.
        var rows = await gateway.RowsAsync("anthropic", 40, Cancellation);
        Assert.Equal(40, rows.Count);
        Assert.Equal(upstream.Replies.Take(40).Sum(static reply => UpstreamPrice.OfOpus48(reply.Figures!)), rows.Sum(static row => row.Cost));
        Assert.Equal(HttpStatusCode.OK, await AdministerAsync(gateway, HttpMethod.Get, "/api/teams/search"));

        await CallManyAsync(gateway, 10);
        await gateway.QueryUntilAsync(Holes, static answer => answer == "0\t0\t50\t1\n", Ledger.Patience, Cancellation);
    }

    [Fact]
    public async Task An_export_from_a_running_gateway_becomes_the_same_ledger_in_a_new_one()
    {
        string[] tables = ["requests", "usage_folded", "spools", "usage_15m_data", "budget_events", "prices", "invoice_lines"];
        await using var upstream = await FakeUpstream.StartAsync();
        await using var old = await GatewayProcess.StartAsync(upstream.BaseUrl, cancellationToken: Cancellation);
        await CallManyAsync(old, 40);
        await old.RowsAsync("anthropic", 40, Cancellation);
        using var http = new HttpClient();
        var exported = new Dictionary<string, byte[]>();
        foreach (var table in tables)
        {
            using var answer = await http.PostAsync(new Uri(old.StoreAddress), new StringContent($"SELECT * FROM tollgate.{table} FORMAT Native"), Cancellation);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            exported[table] = await answer.Content.ReadAsByteArrayAsync(Cancellation);
        }

        var ledger = await old.QueryAsync(WholeLedger, Cancellation);
        await using var fresh = await GatewayProcess.StartAsync(upstream.BaseUrl, cancellationToken: Cancellation);
        foreach (var table in tables)
        {
            var statement = Uri.EscapeDataString($"INSERT INTO tollgate.{table} FORMAT Native");
            using var answer = await http.PostAsync(new Uri($"{fresh.StoreAddress}/?query={statement}"), new ByteArrayContent(exported[table]), Cancellation);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
        }

        Assert.Equal(ledger, await fresh.QueryAsync(WholeLedger, Cancellation));
        Assert.Equal("40\n", await fresh.QueryAsync("SELECT sum(requests) FROM tollgate.usage_1m", Cancellation));
        await CallManyAsync(fresh, 10);
        await fresh.QueryUntilAsync(Holes, static answer => answer == "0\t0\t50\t2\n", Ledger.Patience, Cancellation);
    }

    [Fact]
    public async Task A_gateway_restored_from_an_older_copy_than_its_server_loses_and_doubles_nothing()
    {
        await using var store = await StoreProcess.StartAsync();
        using var home = new TemporaryDirectory();
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, directory: home, store: store.Address, cancellationToken: Cancellation);
        var data = Path.Combine(home.Path, "data");
        var copy = Path.Combine(home.Path, "copy");
        await CallManyAsync(gateway, 30);
        Assert.Equal(0, await gateway.StopAsync());
        await CopyAsync(data, copy);
        await gateway.RestartAsync(cancellationToken: Cancellation);
        await CallManyAsync(gateway, 20);
        Assert.Equal(0, await gateway.StopAsync());
        Directory.Delete(data, recursive: true);
        await CopyAsync(copy, data);
        await gateway.RestartAsync(cancellationToken: Cancellation);
        await CallManyAsync(gateway, 10);

        var rows = await gateway.RowsAsync("anthropic", 60, Cancellation);
        Assert.Equal(60, rows.DistinctBy(static row => row.AttemptId).Count());
        Assert.Equal(upstream.Replies.Sum(static reply => UpstreamPrice.OfOpus48(reply.Figures!)), rows.Sum(static row => row.Cost));
        Assert.Equal("0\n", await gateway.QueryAsync("SELECT sum(missing) FROM tollgate.sequence_holes", Cancellation));
    }

    [Fact]
    public async Task A_server_restored_from_an_older_copy_than_its_gateway_is_told_of_by_number()
    {
        using var home = new TemporaryDirectory();
        var tables = home.Subdirectory("store");
        await using var store = await StoreProcess.StartAsync(tables);
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, directory: home, store: store.Address, cancellationToken: Cancellation);
        await CallManyAsync(gateway, 30);
        await gateway.RowsAsync("anthropic", 30, Cancellation);
        Assert.Equal(0, await store.StopAsync());
        var copy = Path.Combine(home.Path, "copy");
        await CopyAsync(tables, copy);
        await store.RestartAsync();
        await CallManyAsync(gateway, 20);
        await gateway.RowsAsync("anthropic", 50, Cancellation);

        Assert.Equal(0, await store.StopAsync());
        Directory.Delete(tables, recursive: true);
        await CopyAsync(copy, tables);
        await store.RestartAsync();
        await CallManyAsync(gateway, 10);
        await gateway.QueryUntilAsync(Holes, static answer => answer == "20\t0\t40\t1\n", Ledger.Patience, Cancellation);
    }

    private static async Task CallManyAsync(GatewayProcess gateway, int count)
    {
        using var client = new MessageClient();
        await Parallel.ForAsync(
            0,
            count,
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Cancellation },
            async (_, cancellationToken) => Assert.True((await client.CallAsync(gateway.ProxyAddress + "/anthropic", cancellationToken)).IsWholeStream));
    }

    /// <summary>As docs/backup.md says it.</summary>
    private static async Task CopyAsync(string from, string to)
    {
        using var copy = Process.Start("cp", ["-a", from, to]);
        await copy.WaitForExitAsync(Cancellation);
        Assert.Equal(0, copy.ExitCode);
    }

    private static async Task<HttpStatusCode> AdministerAsync(GatewayProcess gateway, HttpMethod method, string path, string? json = null)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(method, new Uri(gateway.AdminAddress + path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", AdminToken);
        request.Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json");
        using var answer = await http.SendAsync(request, Cancellation);
        return answer.StatusCode;
    }
}
