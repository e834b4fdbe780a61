using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests;

[Collection(nameof(LedgerStore))]
public sealed class ClickHouseUsageSinkTests(LedgerStore store)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ten_thousand_rows_arrive_as_one_insert_with_every_nano_dollar()
    {
        await store.StartAfreshAsync();
        var rows = RandomRows.Many(10_000);
        await WriteAsync("ten-thousand", rows);

        var nanodollars = rows.Aggregate(Int128.Zero, (sum, row) => sum + row.Cost.Total.Value);
        Assert.Equal("10000", await store.AskAsync("SELECT toString(count()) FROM tollgate.requests"));
        Assert.Equal(nanodollars.ToString(CultureInfo.InvariantCulture), await store.AskAsync("SELECT toString(toInt128(sum(cost) * 1000000000)) FROM tollgate.requests"));
        Assert.Equal("0", await store.AskAsync("SELECT toString(sum(cost) - sum(cost_input + cost_output + cost_cache_read + cost_cache_write + cost_other)) FROM tollgate.requests"));
    }

    [Fact]
    public async Task A_batch_written_three_times_counts_once_also_in_the_views()
    {
        await store.StartAfreshAsync();
        var rows = RandomRows.Many(500);
        foreach (var row in rows)
        {
            row.SessionId = "s";
        }

        await WriteAsync("again", rows);
        await WriteAsync("again", rows);
        await WriteAsync("again", rows);
        await WriteAsync("another", RandomRows.Many(10, seed: 2));

        Assert.Equal("510", await store.AskAsync("SELECT toString(count()) FROM tollgate.requests"));
        Assert.Equal("510", await store.AskAsync("SELECT toString(sum(requests)) FROM tollgate.usage_1m"));
        Assert.Equal("500", await store.AskAsync("SELECT toString(sum(requests)) FROM tollgate.sessions WHERE session_id = 's'"));
    }

    [Fact]
    public async Task The_views_hold_the_sums_of_the_rows()
    {
        await store.StartAfreshAsync();
        for (uint batch = 1; batch <= 3; batch++)
        {
            await WriteAsync($"sums-{batch}", RandomRows.Many(400, batch));
        }

        const string Sums = "toString((sum(cost), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens)";
        const string RawSums = $"{Sums}, sum(toUInt64(cache_w5m_tokens) + cache_w1h_tokens), count(), countIf(http_status >= 400 OR error_type != ''))) FROM tollgate.requests";
        const string ViewSums = $"{Sums}, sum(cache_write_tokens), sum(requests), sum(errors)))";
        Assert.Equal(await store.AskAsync($"SELECT {RawSums}"), await store.AskAsync($"SELECT {ViewSums} FROM tollgate.usage_1m"));
        Assert.Equal(
            await store.ListAsync($"SELECT tenant || ' ' || session_id || {RawSums} WHERE session_id != '' GROUP BY tenant, session_id ORDER BY ALL"),
            await store.ListAsync($"SELECT tenant || ' ' || session_id || {ViewSums} FROM tollgate.sessions GROUP BY tenant, session_id ORDER BY ALL"));
    }

    [Fact]
    public async Task The_minutes_percentiles_are_in_milliseconds_and_leave_out_answers_without_content()
    {
        await store.StartAfreshAsync();
        var rows = RandomRows.Many(2);
        rows[0].TtftMicroseconds = 2_500_000;
        rows[1].TtftMicroseconds = 0;
        await WriteAsync("percentiles", rows);

        Assert.Equal("2500", await store.AskAsync("SELECT toString(round(quantilesTDigestMerge(0.5,0.95,0.99)(ttft_q)[1])) FROM tollgate.usage_1m"));
        Assert.Equal("2500", await store.AskAsync("SELECT toString(max(ttft_ms)) FROM tollgate.requests"));
    }

    [Fact]
    public async Task A_store_that_is_away_leaves_open_what_it_did()
    {
        using var away = new StoreClient(new StorageOptions { Listen = $"http://127.0.0.1:{ClosedPort()}" });
        var failure = await Assert.ThrowsAsync<UsageSinkException>(() => new ClickHouseUsageSink(away, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch("away", RandomRows.Many(1)), Cancelled));
        Assert.Equal(SinkFault.Ambiguous, failure.Fault);
        Assert.NotNull(await away.PingAsync(TimeSpan.FromSeconds(5), Cancelled));
    }

    [Fact]
    public async Task A_store_without_its_tables_can_be_tried_again_once_they_are_there()
    {
        await store.ForgetAsync();
        var rows = RandomRows.Many(3);
        var failure = await Assert.ThrowsAsync<UsageSinkException>(() => WriteAsync("early", rows));
        Assert.Equal(SinkFault.Setup, failure.Fault);
        Assert.Equal(StoreFault.Setup, Assert.IsType<StoreException>(failure.InnerException).Fault);

        await store.StartAfreshAsync();
        await WriteAsync("early", rows);
        Assert.Equal("3", await store.AskAsync("SELECT toString(count()) FROM tollgate.requests"));
    }

    [Fact]
    public async Task Damaged_bytes_are_not_tried_again_and_leave_no_row()
    {
        await store.StartAfreshAsync();
        using var torn = new MemoryStream([1, 2, 3]);
        var failure = await Assert.ThrowsAsync<StoreException>(() => store.Client.InsertAsync(RequestsTable.Name, RequestsTable.Columns, torn, "torn", Cancelled));

        Assert.Equal(StoreFault.Data, failure.Fault);
        Assert.False(failure.CanRetry);
        Assert.Contains($"code {failure.Code}", failure.Message, StringComparison.Ordinal);
        Assert.Equal("0", await store.AskAsync("SELECT toString(count()) FROM tollgate.requests"));
    }

    [Fact]
    public async Task A_caller_that_gives_up_gets_its_own_cancellation()
    {
        using var given = new CancellationTokenSource();
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch("given-up", RandomRows.Many(1)), given.Token));
    }

    [Fact]
    public async Task A_well_store_has_nothing_to_say() => Assert.Null(await store.Client.PingAsync(TimeSpan.FromSeconds(10), Cancelled));

    private Task WriteAsync(string id, UsageRow[] rows) => new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch(id, rows), Cancelled);

    private static int ClosedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
