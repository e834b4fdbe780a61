using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using K4os.Compression.LZ4.Streams;
using ZstdSharp;

namespace Tollgate.Store.Tests;

[Collection(typeof(RunningStoreCollection))]
public sealed class InsertTests(RunningStore store)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_driver_inserts_a_raw_stream_with_everything_in_it()
    {
        var table = await store.TableAsync("s String");
        const string hostile = "a\n\nDROP TABLE x;\0'\"`$$ FORMAT CSV\n\n";
        using var rows = new MemoryStream([(byte)hostile.Length, .. Encoding.UTF8.GetBytes(hostile)]);
        using var answer = await store.Driver.InsertRawStreamAsync(table, rows, "RowBinary", ["s"], useCompression: false, cancellationToken: Cancelled);
        Assert.Equal(hostile, await store.Driver.ExecuteScalarAsync($"SELECT s FROM {table}", cancellationToken: Cancelled));
    }

    [Fact]
    public async Task The_driver_inserts_rows()
    {
        var table = await store.TableAsync("x Int32, s String, at DateTime64(3, 'UTC')");
        var rows = Enumerable.Range(0, 10_000).Select(i => new object[] { i, "row\n\n" + i, DateTime.UnixEpoch.AddSeconds(i) });
        await store.Driver.InsertBinaryAsync(table, ["x", "s", "at"], rows, cancellationToken: Cancelled);
        Assert.Equal("10000\t49995000\t9999", await store.Process.QueryAsync($"SELECT count(), sum(x), toUnixTimestamp(max(at)) FROM {table}"));
    }

    [Theory]
    [InlineData("RowBinary", "\u0003abc\u0018\n\nDROP TABLE hostile_victim")]
    [InlineData("CSV", "\"abc\"\n\nDROP TABLE hostile_victim\n")]
    [InlineData("TSV", "abc\n\nDROP TABLE hostile_victim\n")]
    [InlineData("JSONEachRow", "{\"s\":\"a\"}\n\nDROP TABLE hostile_victim\n")]
    [InlineData("Values", "('a')\n\n;DROP TABLE hostile_victim")]
    public async Task Data_are_never_run_as_statements(string format, string data)
    {
        var table = await store.TableAsync("s String");
        await store.Process.QueryAsync("CREATE TABLE IF NOT EXISTS hostile_victim (x Int8) ENGINE = Memory");
        await store.PostAsync($"INSERT INTO {table} FORMAT {format}\n{data}");
        await store.PostAsync($"/?query=INSERT+INTO+{table}+FORMAT+{format}", new StringContent(data));
        Assert.Equal("1", await store.Process.QueryAsync("EXISTS TABLE hostile_victim"));
    }

    [Fact]
    public async Task Values_are_inserted_with_parameters()
    {
        var table = await store.TableAsync("x Int32, s String");
        var answer = await store.PostAsync($"/?param_s=it%5C%27s", new StringContent($"INSERT INTO {table} VALUES (1, 'a;b'), (2, {{s:String}})"));
        Assert.Equal((200, ""), (answer.Status, answer.Text));
        Assert.Equal("1\ta;b\n2\tit\\'s", await store.Process.QueryAsync($"SELECT * FROM {table} ORDER BY x"));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("lz4")]
    [InlineData("deflate")]
    [InlineData("br")]
    public async Task A_coded_body_is_inserted_and_a_cut_one_is_not(string coding)
    {
        var table = await store.TableAsync("x UInt32");
        var plain = Encoding.UTF8.GetBytes($"INSERT INTO {table} FORMAT TSV\n" + string.Concat(Enumerable.Range(0, 50_000).Select(i => (i * 7919) + "\n")));
        var coded = Encode(plain, coding);
        Assert.Equal(200, (await PostAsync(coded)).Status);
        Assert.Equal("50000", await store.Process.QueryAsync($"SELECT count() FROM {table}"));

        Assert.NotEqual(200, (await PostAsync(coded[..(coded.Length / 2)])).Status);
        Assert.Equal("50000", await store.Process.QueryAsync($"SELECT count() FROM {table}"));

        Task<(int Status, string Code, string Text)> PostAsync(byte[] body)
        {
            var content = new ByteArrayContent(body);
            content.Headers.ContentEncoding.Add(coding);
            return store.PostAsync("/", content);
        }
    }

    [Theory]
    [InlineData("Content-Length: 1000\r\n\r\n", "{\"x\":1}\n{\"x\":2}\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n", "10\r\n{\"x\":1}\n{\"x\":2}\n\r\n")]
    public async Task A_body_that_breaks_off_commits_nothing(string head, string body)
    {
        var table = await store.TableAsync("x UInt32");
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(IPAddress.Loopback, store.Process.Address.Port, Cancelled);
            var request = $"POST /?query=INSERT+INTO+{table}+FORMAT+JSONEachRow HTTP/1.1\r\nHost: localhost\r\n{head}{body}";
            var stream = socket.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(request), Cancelled);
            socket.Client.Shutdown(SocketShutdown.Send);

            // The store has let the insert go when it closes.
            Assert.DoesNotContain("HTTP/1.1 200", await ReadToEndAsync(stream), StringComparison.Ordinal);
        }

        Assert.Equal("0", await store.Process.QueryAsync($"SELECT count() FROM {table}"));
        await store.Process.QueryAsync($"DROP TABLE {table} SYNC");
    }

    [Fact]
    public async Task A_row_cut_in_the_middle_inserts_none_and_frees_the_table()
    {
        var table = await store.TableAsync("x UInt32");
        var answer = await store.PostAsync($"/?query=INSERT+INTO+{table}+FORMAT+RowBinary", new ByteArrayContent(new byte[7]));
        Assert.Equal((500, "33"), (answer.Status, answer.Code));
        Assert.Equal("0", await store.Process.QueryAsync($"SELECT count() FROM {table}"));
        await store.Process.QueryAsync($"DROP TABLE {table} SYNC");
    }

    [Fact]
    public async Task The_same_token_inserts_once_and_is_forgotten_by_the_next_request()
    {
        var table = await store.TableAsync("x UInt32");
        await store.Process.QueryAsync($"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 100");
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(200, (await store.PostAsync($"/?query=INSERT+INTO+{table}+FORMAT+TSV&insert_deduplication_token=t1&async_insert=0", new StringContent("1\n"))).Status);
        }

        Assert.Equal("1", await store.Process.QueryAsync($"SELECT count() FROM {table}"));
        Assert.Equal(200, (await store.PostAsync($"/?query=INSERT+INTO+{table}+FORMAT+TSV&async_insert=0", new StringContent("2\n"))).Status);
        Assert.Equal("2", await store.Process.QueryAsync($"SELECT count() FROM {table}"));
    }

    private static async Task<string> ReadToEndAsync(NetworkStream stream)
    {
        using var text = new MemoryStream();
        try
        {
            await stream.CopyToAsync(text, Cancelled);
        }
        catch (IOException)
        {
            // Reset instead of closed: what came before counts.
        }

        return Encoding.UTF8.GetString(text.ToArray());
    }

    private static byte[] Encode(byte[] plain, string coding)
    {
        using var coded = new MemoryStream();
        using (Stream encoder = coding switch
        {
            "gzip" => new GZipStream(coded, CompressionLevel.Fastest, leaveOpen: true),
            "deflate" => new ZLibStream(coded, CompressionLevel.Fastest, leaveOpen: true),
            "br" => new BrotliStream(coded, CompressionLevel.Fastest, leaveOpen: true),
            "zstd" => new CompressionStream(coded, leaveOpen: true),
            _ => LZ4Stream.Encode(coded, leaveOpen: true),
        })
        {
            encoder.Write(plain);
        }

        return coded.ToArray();
    }
}
