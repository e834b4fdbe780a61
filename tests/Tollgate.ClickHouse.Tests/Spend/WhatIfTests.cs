using System.Globalization;
using System.Text;
using Tollgate.ClickHouse.Spend;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests.Spend;

/// <summary>What the same tokens would have cost: the view against whole numbers in C#, to the last digit.</summary>
[Collection(nameof(LedgerStore))]
public sealed class WhatIfTests(LedgerStore store) : IAsyncLifetime
{
    // Rates with as many decimals as a list may have, so that rounding shows, and one that lies half between two nano-dollars for each odd number of tokens; a change of price within the rows' days; two bands.
    private const string Json = """
        {
          "revision": 3, "asOf": "2026-11-01",
          "models": [
            {
              "id": "other", "aliases": [], "bedrock": [], "vertex": [], "batch": 0.5, "geoUs": 1.1, "regional": 1.1, "webSearch": 0.01,
              "standard": [
                { "to": "2026-10-15", "input": 3.000000001, "output": 15.123456789, "cacheWrite5m": 3.75, "cacheWrite1h": 6, "cacheRead": 0.300000007 },
                { "from": "2026-10-15", "to": "2026-11-01", "input": 2.0005, "output": 10, "cacheWrite5m": 2.5, "cacheWrite1h": 4, "cacheRead": 0.2 }
              ],
              "fast": [{ "input": 100, "output": 100, "cacheWrite5m": 100, "cacheWrite1h": 100, "cacheRead": 100 }],
              "longPrompt": [
                { "over": 100000, "to": "2026-11-01", "input": 6, "output": 22.5, "cacheWrite5m": 7.5, "cacheWrite1h": 12, "cacheRead": 0.6 },
                { "over": 150000, "to": "2026-11-01", "input": 9, "output": 30, "cacheWrite5m": 9.5, "cacheWrite1h": 15, "cacheRead": 0.9 }
              ]
            },
            { "id": "plain", "batch": 1, "standard": [{ "input": 1, "output": 5, "cacheWrite5m": 1.25, "cacheWrite1h": 2, "cacheRead": 0.1 }] }
          ]
        }
        """;

    private static readonly DateTimeOffset Written = new(2026, 11, 14, 12, 0, 0, TimeSpan.Zero);

    private readonly PriceTable _table = new(store.Client);

    private static PriceList Prices { get; } = Load(Json);

    private static UsageRow[] Rows { get; } = [.. SpendRows.All.Select(Vary)];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await store.StartAfreshAsync();
        await store.Client.ExecuteAsync("ALTER TABLE tollgate.requests REMOVE TTL", cancellationToken: Cancelled);
        var sink = new ClickHouseUsageSink(store.Client, SpendRows.Gateway, TimeProvider.System);
        await sink.RegisterAsync(1, Cancelled);
        await sink.WriteAsync(EncodedRows.Batch("what-if", Rows), Cancelled);
        Assert.True(await _table.WriteAsync(Prices, Written, Cancelled));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("UTC")]
    [InlineData("Asia/Kolkata")]
    [InlineData("America/New_York")]
    public async Task The_same_tokens_are_priced_as_the_list_says_of_their_moment_band_batch_and_place(string zone)
    {
        var (since, until) = (new DateOnly(2026, 10, 1), new DateOnly(2026, 11, 8));
        var rows = Rows.Where(row => Day(row, zone) >= since && Day(row, zone) <= until).ToArray();
        var expected = rows.GroupBy(static row => (row.Team, row.Project, row.Developer, row.Model)).Select(static group =>
        {
            var both = group.Where(static row => row.Priced && (TryCharge(row, out _) || row.Tokens == default)).ToArray();
            var whatIf = both.Sum(static row => TryCharge(row, out var nanodollars) ? nanodollars : 0);
            return Text(group.Key.Team, group.Key.Project, group.Key.Developer, group.Key.Model, group.Count(), group.Count() - both.Length,
                both.Sum(static row => row.Cost.Total.Value), both.Where(static row => row.IsFast).Sum(static row => row.Cost.Total.Value), whatIf, both.Sum(static row => row.Cost.Total.Value) - whatIf);
        }).Order(StringComparer.Ordinal).ToArray();
        var view = $"tollgate.what_if(tz = '{zone}', since = '2026-10-01', until = '2026-11-08', model = 'other')";
        var actual = await store.ListAsync($"""
            SELECT arrayStringConcat([team, project, developer, model, toString(requests), toString(requests_left_out), {Nano("cost")}, {Nano("cost_fast")}, {Nano("what_if")}, {Nano("saving")}], '|')
            FROM {view}
            """);
        Assert.Equal(expected, actual.Order(StringComparer.Ordinal));
        Assert.True(rows.Length > 1000);

        // The reports ask the same view.
        var scope = new ReportScope { Since = since, Until = until, TimeZone = zone, Teams = ["search", "co*"] };
        var lines = await new SpendReports(store.Client, TimeProvider.System).WhatIfAsync(ReportKey.Team, "other", scope, Cancelled);
        Assert.Equal(["core", "search"], lines.Select(static line => line.Key).Order(StringComparer.Ordinal));
        Assert.Equal(
            expected.Select(static line => line.Split('|')).Where(static line => line[0] is "search" or "core").Sum(static line => long.Parse(line[8], CultureInfo.InvariantCulture)),
            lines.Sum(static line => line.WhatIf.Value));
        Assert.Equal(lines.OrderByDescending(static line => line.Saving), lines);
    }

    [Fact]
    public async Task A_model_that_the_list_does_not_know_is_an_error_and_not_free()
    {
        var failed = await Assert.ThrowsAsync<StoreException>(() =>
            store.AskAsync("SELECT count() FROM tollgate.what_if(tz = 'UTC', since = '2026-10-01', until = '2026-11-08', model = 'none of these')"));
        Assert.Contains("No such model in the price list", failed.Message, StringComparison.Ordinal);
        Assert.Equal(["other", "plain"], (await new SpendReports(store.Client, TimeProvider.System).PricedModelsAsync(Cancelled)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_list_is_written_when_it_is_not_the_one_that_holds_and_read_as_it_is()
    {
        Assert.False(await _table.WriteAsync(Load(Json), Written.AddMinutes(1), Cancelled));
        Assert.Equal("3|2026-11-01|long_prompt|150000|2026-11-01 00:00:00|9|30|0.9|9.5|15|0.5|1.1|0.01", await store.AskAsync("""
            SELECT arrayStringConcat([toString(revision), toString(as_of), toString(mode), toString(over_tokens), toString(valid_until), toString(input), toString(output), toString(cache_read),
              toString(cache_w5m), toString(cache_w1h), toString(batch), toString(geo_us), toString(web_search)], '|')
            FROM tollgate.price_list WHERE model = 'other' ORDER BY over_tokens DESC LIMIT 1
            """));
        Assert.Equal("1", await store.AskAsync("SELECT count() FROM tollgate.price_list WHERE model = 'plain' AND web_search IS NULL"));

        // Another takes its place as a whole, and gives it back.
        Assert.True(await _table.WriteAsync(PriceList.Embedded, Written.AddMinutes(2), Cancelled));
        Assert.Equal("0", await store.AskAsync("SELECT count() FROM tollgate.price_list WHERE model IN ('other', 'plain')"));
        Assert.Equal(
            PriceList.Embedded.Prices.Sum(static price => price.Standard.Length + price.Fast.Length + price.LongPrompt.Length),
            int.Parse(await store.AskAsync("SELECT count() FROM tollgate.price_list"), CultureInfo.InvariantCulture));
        Assert.False(await _table.WriteAsync(PriceList.Embedded, Written.AddMinutes(3), Cancelled));
        Assert.True(await _table.WriteAsync(Prices, Written.AddMinutes(4), Cancelled));
        Assert.Equal("6", await store.AskAsync("SELECT count() FROM tollgate.price_list"));
        Assert.NotEqual(PriceTable.NameOf(Prices), PriceTable.NameOf(Load(Json.Replace("15.123456789", "15.123456788", StringComparison.Ordinal))));
    }

    // The rows of the other tests, with what changes a price spread over them.
    private static UsageRow Vary(UsageRow row, int number)
    {
        var random = new Random(number);
        var isFree = random.Next(40) == 0;
        return new UsageRow
        {
            Timestamp = row.Timestamp,
            RequestId = row.RequestId,
            AttemptId = row.AttemptId,
            GatewayId = row.GatewayId,
            Sequence = row.Sequence,
            Customer = row.Customer,
            Team = row.Team,
            Project = row.Project,
            Developer = row.Developer,
            Provider = row.Provider,
            Model = row.Model,
            HttpStatus = row.HttpStatus,
            Outcome = row.Outcome,
            UsageSource = row.UsageSource,
            Tokens = random.Next(50) == 0 ? default : row.Tokens,
            Cost = isFree ? default : row.Cost,
            Priced = random.Next(20) != 0,
            IsFast = random.Next(30) == 0,
            IsBatch = random.Next(10) == 0,
            InferenceGeo = random.Next(10) == 0 ? "us" : "global",
            StopReason = isFree ? "refusal" : "end_turn",
        };
    }

    /// <summary>Nano-dollars at the prices of "other", each class a whole fraction that is rounded half to even.</summary>
    private static bool TryCharge(UsageRow row, out long nanodollars)
    {
        nanodollars = 0;
        var prompt = row.Tokens.Input + row.Tokens.CacheRead + row.Tokens.CacheWrite5m + row.Tokens.CacheWrite1h;
        var at = row.Timestamp.UtcDateTime;
        if (at >= new DateTime(2026, 11, 1, 0, 0, 0, DateTimeKind.Utc))
        {
            return false;
        }

        // In nano-dollars per million: input, output, cache read, writes for five minutes and for an hour.
        decimal[] rates = prompt > 150_000 ? [9, 30, 0.9m, 9.5m, 15]
            : prompt > 100_000 ? [6, 22.5m, 0.6m, 7.5m, 12]
            : at < new DateTime(2026, 10, 15, 0, 0, 0, DateTimeKind.Utc) ? [3.000000001m, 15.123456789m, 0.300000007m, 3.75m, 6]
            : [2.0005m, 10, 0.2m, 2.5m, 4];
        var factor = (row.IsBatch ? 0.5m : 1m) * (row.InferenceGeo == "us" ? 1.1m : 1m);
        if (row.StopReason != "refusal" || row.Cost.Total.Value != 0)
        {
            nanodollars = Round(row.Tokens.Input * rates[0]) + Round(row.Tokens.Output * rates[1]) + Round(row.Tokens.CacheRead * rates[2])
                + Round((row.Tokens.CacheWrite5m * rates[3]) + (row.Tokens.CacheWrite1h * rates[4])) + row.Cost.Other.Value;
        }

        return true;

        long Round(decimal perMillion) => (long)Math.Round(perMillion * factor * 1000m, MidpointRounding.ToEven);
    }

    private static PriceList Load(string json)
    {
        using var file = new MemoryStream(Encoding.UTF8.GetBytes(json));
        return PriceList.Load(file, "test.json");
    }

    private static DateOnly Day(UsageRow row, string zone) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(row.Timestamp, TimeZoneInfo.FindSystemTimeZoneById(zone)).DateTime);

    private static string Nano(string column) => $"toString(toInt128({column} * 1000000000))";

    private static string Text(params object[] cells) => string.Join('|', cells.Select(static cell => Convert.ToString(cell, CultureInfo.InvariantCulture)));
}
