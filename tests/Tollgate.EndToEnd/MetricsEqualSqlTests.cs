using System.Globalization;
using System.Text.Json.Nodes;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>The two books are one: what Prometheus adds up is what SQL adds up, model by model.</summary>
public sealed class MetricsEqualSqlTests
{
    private static readonly string[] Models = ["claude-opus-4-8", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2", "gw-house-model"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Metrics_equal_sql_to_the_token_and_the_nano_dollar_however_attempts_end()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayProcess.StartAsync(upstream.BaseUrl, configure: static configuration =>
            configuration["upstreams"]!["nobody"] = new JsonObject { ["dialect"] = "anthropic", ["baseUrl"] = $"http://127.0.0.1:{LoopbackPort.Free()}" });
        using var client = new MessageClient();
        var url = gateway.ProxyAddress + "/anthropic";

        var answers = new List<MessageAnswer>();
        for (var call = 0; call < 4 * Models.Length; call++)
        {
            answers.Add(await client.CallAsync(url, Cancellation, Models[call % Models.Length], stream: call / Models.Length != 3));
        }

        Assert.All(answers, static answer => Assert.Equal((200, false), (answer.Status, answer.IsBroken)));
        Assert.Equal(answers.Select(static answer => answer.SentSha256), upstream.MessageRequests.Select(static request => request.BodySha256));

        Reply[] special =
        [
            Reply.WebSearch("found", searches: 3),
            Reply.Text("ok") with { Usage = static figures => figures with { Geo = "us" } },
            Reply.Text("ok") with { Usage = static figures => figures with { Speed = "fast" } },
            Reply.Text("ok") with { Usage = static figures => figures with { WithSplit = false } },
            Reply.Error(400),
            Reply.Error(429),
            Reply.Error(529),
            Reply.Page(502, "text/html", "<h1>Bad gateway</h1>"),
            Reply.Text("cut within its text") with { Delivery = Delivery.FinAfter(6) },
            Reply.Text("ends without its last event") with { Delivery = Delivery.CleanEndAfter(6) },
            Reply.Text("fails within its text") with { ErrorEvent = ("overloaded_error", "Overloaded") },
        ];
        upstream.Script.Next(special);
        foreach (var _ in special)
        {
            await client.CallAsync(url, Cancellation);
        }

        upstream.Script.Next(Reply.Text("never told to its end") with { Delivery = Delivery.StallAfter(4) });
        await client.AbortAsync(url, Cancellation);
        Assert.Equal(502, (await client.CallAsync(gateway.ProxyAddress + "/nobody", Cancellation)).Status);

        var rows = await gateway.RowsAsync("anthropic", upstream.Requests.Count, Cancellation);
        Assert.Equal(
            [("client_aborted", 1), ("completed", 28), ("error_event", 1), ("incomplete", 1), ("upstream_error", 4), ("upstream_truncated", 1)],
            rows.GroupBy(static row => row.Outcome).OrderBy(static group => group.Key, StringComparer.Ordinal).Select(static group => (group.Key, group.Count())));
        var unreachable = Assert.Single(await gateway.RowsAsync("nobody", 1, Cancellation));
        Assert.Equal(("unreachable", 502, 0m), (unreachable.Outcome, unreachable.HttpStatus, unreachable.Cost));

        // SQL sees a row a moment before its insert is acknowledged, and counted.
        string metrics;
        using (var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(20)))
        using (var late = new CancellationTokenSource(Ledger.Patience))
        {
            while (SumOf(metrics = await gateway.MetricsOfSettledAsync(rows.Count + 1, Cancellation), "store_rows_total", string.Empty) < rows.Count + 1)
            {
                await tick.WaitForNextTickAsync(late.Token);
            }
        }

        (string Metric, string Sql)[] sums =
        [
            ("upstream_requests_total", "count()"),
            ("success_requests_total", "countIf(outcome = 'completed')"),
            ("error_requests_total", "countIf(outcome != 'completed')"),
            ("input_tokens_total", "sum(input_tokens)"),
            ("output_tokens_total", "sum(output_tokens)"),
            ("cache_read_input_tokens_total", "sum(cache_read_tokens)"),
            ("cache_write_input_tokens_5m_total", "sum(cache_w5m_tokens)"),
            ("cache_write_input_tokens_1h_total", "sum(cache_w1h_tokens)"),
            ("cache_hits_total", "countIf(cache_read_tokens > 0)"),
            ("unpriced_requests_total", "countIf(NOT priced AND input_tokens > 0)"),
            ("cost_total", "sum(cost)"),
        ];
        foreach (var (metric, sql) in sums)
        {
            foreach (var model in Models)
            {
                var stored = await gateway.NumberAsync($"SELECT {sql} FROM tollgate.requests FINAL WHERE model = '{model}'", Cancellation);
                Assert.Equal((metric, model, stored), (metric, model, SumOf(metrics, metric, $"model=\"{model}\"")));
            }
        }

        foreach (var type in (string[])["input", "output", "cache_read", "cache_write", "other"])
        {
            var stored = await gateway.NumberAsync($"SELECT sum(cost_{type}) FROM tollgate.requests FINAL", Cancellation);
            Assert.True(stored > 0, type);
            Assert.Equal((type, stored), (type, SumOf(metrics, "cost_total", $"token_type=\"{type}\"")));
        }

        Assert.Equal(rows.Count + 1, SumOf(metrics, "store_rows_total", string.Empty));
        Assert.Equal(rows.Count + 1, SumOf(metrics, "spool_rows_total", string.Empty));
        Assert.Equal(0, SumOf(metrics, "spool_folded_rows_total", string.Empty) + SumOf(metrics, "spool_dead_letter_rows", string.Empty));
    }

    /// <summary>The sum over all series of a metric that have a label; 0 when there is none, as with errors of a model that had none.</summary>
    private static decimal SumOf(string metrics, string name, string label)
    {
        var series = metrics.Split('\n').Where(line => (line.StartsWith($"tollgate_{name}{{", StringComparison.Ordinal) || line.StartsWith($"tollgate_{name} ", StringComparison.Ordinal))
            && line.Contains(label, StringComparison.Ordinal)).ToList();
        return series.Sum(static line => decimal.Parse(line[(line.LastIndexOf(' ') + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture));
    }
}
