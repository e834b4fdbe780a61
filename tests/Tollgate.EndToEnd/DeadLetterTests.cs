using System.Text.Json;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>An operator breaks the table, sees which rows it cost, mends it, and has every one of them back.</summary>
public sealed class DeadLetterTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rows_that_a_broken_table_refused_are_put_aside_and_come_back_once_when_it_is_mended()
    {
        using var directory = new TemporaryDirectory();
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, configure: EachRowByItself, directory: directory, cancellationToken: Cancellation);
        using var client = new MessageClient();
        var url = gateway.ProxyAddress + "/anthropic";

        // More bytes than a row has left there, so that none can be read.
        await gateway.QueryAsync("ALTER TABLE tollgate.requests MODIFY COLUMN upstream_request_id FixedString(256)", Cancellation);
        for (var call = 0; call < 3; call++)
        {
            await client.CallAsync(url, Cancellation);
        }

        var file = Path.Combine(directory.Path, "tollgate.json");
        await Until.TrueAsync(() => Directory.GetFiles(Path.Combine(directory.Path, "data", "spool"), "dead-letter-*.json").Length == 3, Ledger.Patience, "three rows are put aside", Cancellation);
        using (var letters = JsonDocument.Parse(await GatewayProcess.RunVerbAsync(Cancellation, "spool", "dead-letters", "--json", "--config", file)))
        {
            Assert.All(letters.RootElement.EnumerateArray(), static letter => Assert.Contains("refused with code", letter.GetProperty("error").GetString(), StringComparison.Ordinal));
        }

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => GatewayProcess.RunVerbAsync(Cancellation, "spool", "resubmit", "--all", "--config", file));
        Assert.Contains("ended with 1", refused.Message, StringComparison.Ordinal);
        Assert.Contains("still refused", refused.Message, StringComparison.Ordinal);

        await gateway.QueryAsync("ALTER TABLE tollgate.requests MODIFY COLUMN upstream_request_id String", Cancellation);
        var stored = await GatewayProcess.RunVerbAsync(Cancellation, "spool", "resubmit", "--all", "--config", file);
        Assert.Equal(3, stored.Split('\n').Count(static line => line.EndsWith("stored.", StringComparison.Ordinal)));
        await client.CallAsync(url, Cancellation);

        var rows = await gateway.RowsAsync("anthropic", 4, Cancellation);
        Assert.Equal(upstream.Replies.Sum(static reply => UpstreamPrice.OfOpus48(reply.Figures!)), rows.Sum(static row => row.Cost));
        Assert.Equal(4, await gateway.NumberAsync("SELECT count() FROM tollgate.requests", Cancellation));
        Assert.Equal(4, await gateway.NumberAsync("SELECT 1 + max(wal_seq) - min(wal_seq) FROM tollgate.requests", Cancellation));
        using var status = JsonDocument.Parse(await GatewayProcess.RunVerbAsync(Cancellation, "spool", "status", "--json", "--config", file));
        Assert.Equal(0, status.RootElement.GetProperty("deadLetters").GetInt32());
    }

    private static void EachRowByItself(System.Text.Json.Nodes.JsonObject configuration) => configuration["recording"]!["batchRows"] = 1;
}
