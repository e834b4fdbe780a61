using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests;

/// <summary>What goes over the wire, seen by a server that only listens.</summary>
public sealed class InsertRequestTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_insert_announces_its_length_and_says_every_setting_it_stands_on()
    {
        IQueryCollection? query = null;
        long? announced = null;
        long received = 0;
        await using var server = await StartAsync(async context =>
        {
            query = context.Request.Query;
            announced = context.Request.ContentLength;
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            received = body.Length;
        });
        using var client = new StoreClient(new StorageOptions { Listen = server.Urls.First() });

        await new ClickHouseUsageSink(client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch("gateway", RandomRows.Many(3)), Cancelled);

        Assert.NotNull(query);
        Assert.Equal(received, announced);
        Assert.True(received > 3 * 300, $"{received} bytes are no three rows.");
        Assert.Equal(["0", "1", "gateway/1-3/0"], [query["async_insert"].ToString(), query["wait_end_of_query"].ToString(), query["insert_deduplication_token"].ToString()]);
        Assert.StartsWith("INSERT INTO tollgate.requests (wal_seq, attempt_id, ts, request_id, ", query["query"].ToString(), StringComparison.Ordinal);
        Assert.EndsWith("FORMAT RowBinary", query["query"].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_names_the_code_and_the_text_but_no_credential()
    {
        await using var server = await StartAsync(context =>
        {
            context.Response.StatusCode = 403;
            context.Response.Headers["X-ClickHouse-Exception-Code"] = "516";
            return context.Response.WriteAsync("Code: 516. DB::Exception: tg: Authentication failed. (AUTHENTICATION_FAILED)");
        });
        var address = new Uri(server.Urls.First());
        using var client = new StoreClient(new StorageOptions
        {
            Mode = StorageMode.ClickHouse,
            ConnectionString = $"Host={address.Host};Port={address.Port};Username=tg;Password=hush-hush",
        });

        var failure = await Assert.ThrowsAsync<UsageSinkException>(
            () => new ClickHouseUsageSink(client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch("refused", RandomRows.Many(1)), Cancelled));

        Assert.Equal(SinkFault.Setup, failure.Fault);
        Assert.Contains("code 516", failure.Message, StringComparison.Ordinal);
        Assert.Contains("Authentication failed", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hush-hush", failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_never_answers_times_out_and_leaves_open_what_it_did()
    {
        await using var server = await StartAsync(context => Task.Delay(Timeout.Infinite, context.RequestAborted));
        var address = new Uri(server.Urls.First());
        using var client = new StoreClient(new StorageOptions { Mode = StorageMode.ClickHouse, ConnectionString = $"Host={address.Host};Port={address.Port};Timeout=1" });

        var failure = await Assert.ThrowsAsync<UsageSinkException>(
            () => new ClickHouseUsageSink(client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch("silent", RandomRows.Many(1)), Cancelled));

        Assert.Equal(SinkFault.Ambiguous, failure.Fault);
        Assert.Equal(StoreFault.Unreachable, Assert.IsType<StoreException>(failure.InnerException).Fault);
    }

    private static async Task<WebApplication> StartAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var server = builder.Build();
        server.Urls.Add("http://127.0.0.1:0");
        server.Run(answer);
        await server.StartAsync(Cancelled);
        return server;
    }
}
