using System.Net.Http.Headers;
using ClickHouse.Driver.ADO.Parameters;

namespace Tollgate.Store.Tests;

[Collection(typeof(RunningStoreCollection))]
public sealed class QueryTests(RunningStore store)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/ping")]
    [InlineData("/")]
    [InlineData("/replicas_status")]
    public async Task A_ping_is_answered_as_a_server_answers_it(string path) =>
        Assert.Equal("Ok.\n", await store.Http.GetStringAsync(new Uri(store.Process.Address, path), Cancelled));

    [Theory]
    [InlineData("SELECT 1 AS x", "1\n", "text/tab-separated-values")]
    [InlineData("SELECT 1 AS x FORMAT JSONEachRow", "{\"x\":1}\n", "application/x-ndjson")]
    [InlineData("SELECT 1 AS x FORMAT CSV", "1\n", "text/csv")]
    [InlineData("SELECT 1 AS x FORMAT TSVWithNames", "x\n1\n", "text/tab-separated-values")]
    [InlineData("SELECT 1 AS x WHERE 0 FORMAT TSVWithNames", "x\n", "text/tab-separated-values")]
    [InlineData("SELECT 1 AS x WHERE 0", "", "text/tab-separated-values")]
    public async Task A_select_is_answered_in_its_format_and_type(string sql, string text, string type)
    {
        using var answer = await store.Http.PostAsync(store.Process.Address, new StringContent(sql), Cancelled);
        Assert.Equal(text, await answer.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal(type, answer.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task A_dashboard_gets_JSON_with_statistics_in_the_head()
    {
        using var answer = await store.Http.GetAsync(new Uri(store.Process.Address, "/?query=SELECT+sum(number)+AS+s+FROM+numbers(10)+FORMAT+JSON&query_id=mine"), Cancelled);
        var text = await answer.Content.ReadAsStringAsync(Cancelled);
        Assert.Equal(45, System.Text.Json.JsonDocument.Parse(text).RootElement.GetProperty("data")[0].GetProperty("s").GetInt32());
        Assert.Equal("mine", answer.Headers.GetValues("X-ClickHouse-Query-Id").Single());
        Assert.Contains("\"read_rows\":\"10\"", answer.Headers.GetValues("X-ClickHouse-Summary").Single(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SELECT * FROM missing", 404, "60")]
    [InlineData("SELECT missing", 404, "47")]
    [InlineData("SELEKT 1", 400, "62")]
    [InlineData("", 400, "62")]
    [InlineData("SELECT 1; SELECT 2", 400, "62")]
    [InlineData("SELECT 1 FORMAT Nope", 404, "73")]
    [InlineData("SELECT {x:Int32}", 500, "456")]
    [InlineData("SELECT throwIf(1)", 500, "395")]
    [InlineData("SELECT * FROM file('/etc/passwd')", 403, "497")]
    [InlineData("SELECT * FROM '/etc/passwd'", 404, "60")]
    public async Task An_error_has_the_status_and_the_number_of_a_server(string sql, int status, string code)
    {
        var answer = await store.PostAsync(sql);
        Assert.Equal((status, code), (answer.Status, answer.Code));
        Assert.StartsWith($"Code: {code}. DB::Exception: ", answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/?nosuch=1", 404, "115")]
    [InlineData("/?database=nosuch", 404, "81")]
    [InlineData("/?user=eve", 403, "516")]
    [InlineData("/?password=x", 403, "516")]
    [InlineData("/?session_id=1", 501, "48")]
    [InlineData("/?compress=1", 501, "48")]
    public async Task A_request_for_what_is_not_there_is_refused(string path, int status, string code)
    {
        var answer = await store.PostAsync(path, new StringContent("SELECT 1"));
        Assert.Equal((status, code), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task A_GET_may_not_write()
    {
        var table = await store.TableAsync("x Int32");
        using var answer = await store.Http.GetAsync(new Uri(store.Process.Address, $"/?query=DROP+TABLE+{table}"), Cancelled);
        Assert.Equal((500, "164"), (await RunningStore.ReadAsync(answer)) is var (status, code, _) ? (status, code) : default);
        Assert.Equal("0", await store.Process.QueryAsync($"SELECT count() FROM {table}"));
    }

    [Fact]
    public async Task Settings_and_database_of_one_request_do_not_reach_the_next()
    {
        const string ask = "SELECT currentDatabase(), getSetting('max_block_size'), getSetting('insert_deduplication_token')";
        var before = await store.Process.QueryAsync(ask);
        var changed = await store.PostAsync("/?database=system&max_block_size=77&insert_deduplication_token=abc", new StringContent(ask));
        Assert.Equal("system\t77\tabc\n", changed.Text);
        for (var i = 0; i < 12; i++)
        {
            Assert.Equal(before, await store.Process.QueryAsync(ask));
        }
    }

    [Fact]
    public async Task Parameters_arrive_from_URL_and_form_and_stay_data()
    {
        var url = await store.PostAsync("/?param_x=5&param_s=a%27%20OR%201", new StringContent("SELECT {x:Int32} + 1, {s:String}"));
        Assert.Equal("6\ta\\' OR 1\n", url.Text);
        using var form = new MultipartFormDataContent { { new StringContent("SELECT {x:Int32} + 2"), "query" }, { new StringContent("5"), "param_x" } };
        Assert.Equal("7\n", (await store.PostAsync("/", form)).Text);
    }

    [Fact]
    public async Task The_driver_pings_and_reads_with_parameters()
    {
        Assert.True(await store.Driver.PingAsync(cancellationToken: Cancelled));
        var parameters = new ClickHouseParameterCollection();
        parameters.Add(new ClickHouseDbParameter { ParameterName = "n", Value = 5UL });
        Assert.Equal(10UL, await store.Driver.ExecuteScalarAsync("SELECT sum(number) FROM numbers({n:UInt64})", parameters, cancellationToken: Cancelled));
    }

    [Fact]
    public async Task The_driver_reads_an_answer_of_many_pieces_whole()
    {
        const int rows = 200_000;
        using var reader = await store.Driver.ExecuteReaderAsync($"SELECT number, toString(number) AS text FROM numbers({rows})", cancellationToken: Cancelled);
        long count = 0;
        ulong sum = 0;
        while (reader.Read())
        {
            count++;
            sum += (ulong)reader.GetValue(0);
            Assert.Equal(reader.GetValue(0).ToString(), reader.GetString(1));
        }

        Assert.Equal((rows, (ulong)rows * (rows - 1) / 2), (count, sum));
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("lz4")]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate")]
    public async Task An_answer_comes_in_the_coding_that_is_asked_for(string coding)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, store.Process.Address) { Content = new StringContent("SELECT number FROM numbers(100000)") };
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue(coding));
        using var answer = await store.Http.SendAsync(request, Cancelled);
        Assert.Equal(coding, answer.Content.Headers.ContentEncoding.Single());
        await using var plain = Store.Http.BodyCoding.Decode(await answer.Content.ReadAsStreamAsync(Cancelled), coding);
        var text = await new StreamReader(plain).ReadToEndAsync(Cancelled);
        Assert.Equal(string.Concat(Enumerable.Range(0, 100_000).Select(i => i + "\n")), text);
    }

    [Fact]
    public async Task An_error_after_the_first_rows_cannot_be_taken_for_the_end()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, store.Process.Address)
        {
            Content = new StringContent("SELECT throwIf(number = 5000000, 'late') FROM numbers(6000000)"),
        };
        using var answer = await store.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancelled);
        Assert.True(answer.IsSuccessStatusCode);
        var text = new MemoryStream();
        await Assert.ThrowsAnyAsync<IOException>(async () => await (await answer.Content.ReadAsStreamAsync(Cancelled)).CopyToAsync(text, Cancelled));
        var end = System.Text.Encoding.UTF8.GetString(text.ToArray());
        var tag = answer.Headers.GetValues("X-ClickHouse-Exception-Tag").Single();
        Assert.Contains($"\r\n__exception__\r\n{tag}\r\nCode: 395.", end, StringComparison.Ordinal);
        Assert.EndsWith($" {tag}\r\n__exception__\r\n", end, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_in_a_browser_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, store.Process.Address) { Content = new StringContent("SELECT 1") };
        request.Headers.Add("Origin", "https://page.example");
        using var answer = await store.Http.SendAsync(request, Cancelled);
        Assert.Equal(403, (int)answer.StatusCode);
    }

    [Fact]
    public async Task A_client_that_leaves_stops_its_query()
    {
        // The mark finds the statement in system.processes; the asking statement has it in two halves.
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var slow = store.Http.PostAsync(store.Process.Address, new StringContent("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 /* leaving */"), leave.Token);
        await UntilAsync("1");
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => slow);
        await UntilAsync("0");

        async Task UntilAsync(string count)
        {
            using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
            while (await store.Process.QueryAsync("SELECT count() FROM system.processes WHERE query LIKE concat('%/* lea', 'ving */%')") != count)
            {
                await tick.WaitForNextTickAsync(Cancelled);
            }
        }
    }
}
