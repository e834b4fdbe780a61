using System.Net.Sockets;
using System.Text;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests;

/// <summary>What delivery asks the store between two tries, answered by the real engine.</summary>
[Collection(nameof(LedgerStore))]
public sealed class StoreQuestionsTests(LedgerStore store)
{
    private const string Gateway = "gw";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private ClickHouseUsageSink Sink => new(store.Client, Gateway, TimeProvider.System);

    [Fact]
    public async Task Where_nothing_runs_there_is_nothing_to_end()
    {
        await store.StartAfreshAsync();
        await Sink.AbandonAsync(Cancelled);
    }

    [Fact]
    public async Task An_insert_whose_rows_still_arrive_is_ended_and_leaves_none()
    {
        await store.StartAfreshAsync();
        using var client = await BeginInsertAsync(Batch(4_000));
        await UntilRunsAsync(1);
        await Assert.ThrowsAsync<StoreException>(() => store.Client.EndAsync(Gateway + "/", TimeSpan.FromMilliseconds(200), TimeProvider.System, Cancelled));

        // Its client goes on sending: it ends only with him, and it does not matter how.
        var ending = Sink.AbandonAsync(Cancelled);
        client.Close();
        await ending.WaitAsync(Patience, Cancelled);
        await UntilRunsAsync(0);
        Assert.Equal("0", await store.AskAsync("SELECT toString(count()) FROM tollgate.requests"));
        Assert.Empty(await Sink.FindAsync(0, ulong.MaxValue, Cancelled));
    }

    [Fact]
    public async Task An_insert_whose_rows_arrive_to_their_end_after_it_was_ended_leaves_none()
    {
        await store.StartAfreshAsync();
        var batch = Batch(4_000);
        using var client = await BeginInsertAsync(batch);
        await UntilRunsAsync(1);
        var ending = Sink.AbandonAsync(Cancelled);
        await store.Client.ExecuteAsync("KILL QUERY WHERE startsWith(Settings['log_comment'], 'gw/') ASYNC", cancellationToken: Cancelled);
        await client.GetStream().WriteAsync(batch.Bytes[(batch.Bytes.Length / 2)..], Cancelled);
        await ending.WaitAsync(Patience, Cancelled);
        var answer = new byte[12];
        await client.GetStream().ReadExactlyAsync(answer, Cancelled);
        Assert.Equal("HTTP/1.1 500", Encoding.ASCII.GetString(answer));
        Assert.Equal("0", await store.AskAsync("SELECT toString(count()) FROM tollgate.requests"));
    }

    [Fact]
    public async Task An_insert_that_the_engine_works_on_is_ended_before_the_store_is_asked_what_it_has()
    {
        await store.StartAfreshAsync();
        await store.Client.ExecuteAsync("CREATE MATERIALIZED VIEW tollgate.slow ENGINE = Null AS SELECT sleepEachRow(0.5) AS nothing FROM tollgate.requests", cancellationToken: Cancelled);
        var batch = Batch(6);
        var writing = Sink.WriteAsync(batch, Cancelled);
        await UntilRunsAsync(1);
        await Sink.AbandonAsync(Cancelled).WaitAsync(Patience, Cancelled);
        var found = await Sink.FindAsync(batch.SequenceOf(0), batch.SequenceOf(5), Cancelled);
        Assert.Equal(SinkFault.Ambiguous, (await Assert.ThrowsAsync<UsageSinkException>(() => writing)).Fault);

        // Whatever it had by then, it has now: nothing comes later.
        Assert.Equal(found.Count, (await Sink.FindAsync(0, ulong.MaxValue, Cancelled)).Count);
        await store.Client.ExecuteAsync("DROP VIEW tollgate.slow SYNC", cancellationToken: Cancelled);
    }

    [Fact]
    public async Task Inserts_of_other_gateways_go_on()
    {
        await store.StartAfreshAsync();
        var rows = Batch(4_000);
        using var client = await BeginInsertAsync(rows, token: "gw2/1-4000/0");
        await UntilRunsAsync(1, "gw2/");
        await Sink.AbandonAsync(Cancelled);
        await client.GetStream().WriteAsync(rows.Bytes[(rows.Bytes.Length / 2)..], Cancelled);
        var answer = new byte[12];
        await client.GetStream().ReadExactlyAsync(answer, Cancelled);
        Assert.Equal("HTTP/1.1 200", Encoding.ASCII.GetString(answer));
        Assert.Equal("4000", await store.AskAsync("SELECT toString(count()) FROM tollgate.requests"));
    }

    [Fact]
    public async Task Rows_are_found_by_gateway_and_number_each_once()
    {
        await store.StartAfreshAsync();
        var rows = Rows(10);
        await Sink.WriteAsync(EncodedRows.Batch(Gateway, rows), Cancelled);
        await Sink.WriteAsync(EncodedRows.Batch(Gateway, rows[..3], attempt: 1), Cancelled);
        var others = Rows(10);
        Array.ForEach(others, static row => row.GatewayId = "gw2");
        await Sink.WriteAsync(EncodedRows.Batch("gw2", others), Cancelled);

        var found = await Sink.FindAsync(2, 9, Cancelled);
        Assert.Equal(rows[1..9].Select(static row => new StoredRow(row.Sequence, row.AttemptId)), found.OrderBy(static row => row.Sequence));
        Assert.Equal(10, (await Sink.FindAsync(0, ulong.MaxValue, Cancelled)).Count);
        Assert.Empty(await Sink.FindAsync(11, ulong.MaxValue, Cancelled));
    }

    [Fact]
    public async Task The_beginning_of_a_spool_is_noted_once_however_often_it_is_said()
    {
        await store.StartAfreshAsync();
        for (var again = 0; again < 3; again++)
        {
            await Sink.RegisterAsync(1000, Cancelled);
            await Sink.RegisterAsync(2000, Cancelled);
            await new ClickHouseUsageSink(store.Client, "gw2", TimeProvider.System).RegisterAsync(1000, Cancelled);
        }

        Assert.Equal(
            ["gw 1000", "gw 2000", "gw2 1000"],
            await store.ListAsync("SELECT gateway_id || ' ' || toString(first_seq) FROM tollgate.spools ORDER BY ALL"));
    }

    private static UsageRow[] Rows(int count, ulong first = 1)
    {
        var rows = RandomRows.Many(count);
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i].GatewayId = Gateway;
            rows[i].Sequence = first + (ulong)i;
        }

        return rows;
    }

    private static UsageBatch Batch(int count, ulong first = 1, int attempt = 0) => EncodedRows.Batch(Gateway, Rows(count, first), attempt);

    /// <summary>Sends the head of an insert and half of its rows.</summary>
    private async Task<TcpClient> BeginInsertAsync(UsageBatch batch, string? token = null)
    {
        var client = new TcpClient();
        await client.ConnectAsync(store.Address.Host, store.Address.Port, Cancelled);
        var sql = $"INSERT INTO {RequestsTable.Name} ({string.Join(", ", RequestsTable.Columns)}) FORMAT RowBinary";
        var named = Uri.EscapeDataString(token ?? batch.Token);
        var head = $"POST /?query={Uri.EscapeDataString(sql)}&log_comment={named}&insert_deduplication_token={named}&async_insert=0&wait_end_of_query=1 HTTP/1.1\r\nHost: {store.Address.Authority}\r\nContent-Length: {batch.Bytes.Length}\r\n\r\n";
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head), Cancelled);
        await client.GetStream().WriteAsync(batch.Bytes[..(batch.Bytes.Length / 2)], Cancelled);
        return client;
    }

    private async Task UntilRunsAsync(int count, string tokens = Gateway + "/")
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        late.CancelAfter(Patience);
        while (await store.AskAsync($"SELECT toString(count()) FROM system.processes WHERE startsWith(Settings['log_comment'], '{tokens}')") != $"{count}")
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, late.Token);
        }
    }
}
