using System.Globalization;
using System.Text.Json;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary><c>tollgate report</c> beside a running gateway: what it prints is what the rows and the metrics say.</summary>
public sealed class ReportTests
{
    private static readonly string[] Models = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_report_beside_a_running_gateway_equals_the_rows_and_the_metrics()
    {
        using var home = new TemporaryDirectory();
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, directory: home);
        using var client = new MessageClient();
        var url = gateway.ProxyAddress + "/anthropic";
        for (var call = 0; call < 4 * Models.Length; call++)
        {
            Assert.Equal(200, (await client.CallAsync(url, Cancellation, Models[call % Models.Length], stream: call % 2 == 0)).Status);
        }

        upstream.Script.Next([Reply.Error(429), Reply.Text("cut within its text") with { Delivery = Delivery.FinAfter(6) }]);
        await client.CallAsync(url, Cancellation, Models[0]);
        await client.CallAsync(url, Cancellation, Models[0]);
        var rows = await gateway.RowsAsync("anthropic", upstream.Requests.Count, Cancellation);
        var cost = rows.Sum(static row => row.Cost);
        Assert.True(cost > 0);
        var metrics = await gateway.MetricsOfSettledAsync(rows.Count, Cancellation);
        Assert.Equal(cost, metrics.Split('\n').Where(static line => line.StartsWith("tollgate_cost_total{", StringComparison.Ordinal)).Sum(static line => decimal.Parse(line[(line.LastIndexOf(' ') + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture)));

        // At once: no report waits for the money rollup, which is computed once a minute.
        var file = Path.Combine(home.Path, "tollgate.json");
        foreach (var (verb, array) in ((string, string)[])[("daily", "daily"), ("weekly", "weekly"), ("monthly", "monthly"), ("session", "sessions"), ("blocks", "blocks"), ("developer", "developers"), ("model", "models")])
        {
            using var report = JsonDocument.Parse(await GatewayProcess.RunVerbAsync(Cancellation, "report", verb, "--json", "--config", file));
            var totals = report.RootElement.GetProperty("totals");
            Assert.Equal((verb, cost), (verb, totals.GetProperty("totalCost").GetDecimal()));
            Assert.Equal((verb, rows.Sum(static row => row.Input + row.Output + row.CacheRead + row.CacheWrite5m + row.CacheWrite1h)), (verb, totals.GetProperty("totalTokens").GetInt64()));
            Assert.NotEmpty(report.RootElement.GetProperty(array).EnumerateArray());
        }

        // The gateway has written its price list; what ran on the model itself costs the same there.
        await gateway.QueryUntilAsync("SELECT count() > 0 FROM tollgate.price_list", static answer => answer == "1\n", Ledger.Patience, Cancellation);
        using (var whatIf = JsonDocument.Parse(await GatewayProcess.RunVerbAsync(Cancellation, "report", "what-if", Models[0], "--by", "model", "--json", "--config", file)))
        {
            Assert.Equal(cost, whatIf.RootElement.GetProperty("totals").GetProperty("cost").GetDecimal());
            var same = whatIf.RootElement.GetProperty("models").EnumerateArray().Single(static line => line.GetProperty("model").GetString() == Models[0]);
            Assert.Equal((rows.Where(static row => row.Model == Models[0]).Sum(static row => row.Cost), 0m), (same.GetProperty("whatIf").GetDecimal(), same.GetProperty("saving").GetDecimal()));
            Assert.All(whatIf.RootElement.GetProperty("models").EnumerateArray(), static line => Assert.True(line.GetProperty("saving").GetDecimal() <= 0));
        }

        using (var byModel = JsonDocument.Parse(await GatewayProcess.RunVerbAsync(Cancellation, "report", "model", "--json", "--store", gateway.StoreAddress)))
        {
            Assert.Equal(
                rows.GroupBy(static row => row.Model).OrderByDescending(static model => model.Sum(static row => row.Cost)).Select(static model => (model.Key, model.Count(), model.Sum(static row => row.Cost))),
                byModel.RootElement.GetProperty("models").EnumerateArray().Select(static model => (model.GetProperty("model").GetString()!, model.GetProperty("requests").GetInt32(), model.GetProperty("totalCost").GetDecimal())));
        }

        var table = await GatewayProcess.RunVerbAsync(Cancellation, "report", "daily", "--config", file);
        Assert.Contains($"${cost.ToString("0.00#######", CultureInfo.InvariantCulture)}", table, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', table);

        await gateway.StopAsync();
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => GatewayProcess.RunVerbAsync(Cancellation, "report", "daily", "--config", file));
        Assert.Contains($"It ended with 1: Nobody answers at storage.listen, {gateway.StoreAddress}. The embedded store runs only with the gateway: start the gateway", refused.Message, StringComparison.Ordinal);
    }
}
