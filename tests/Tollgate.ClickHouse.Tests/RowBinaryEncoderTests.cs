using System.Globalization;
using CsCheck;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests;

[Collection(nameof(LedgerStore))]
public sealed class RowBinaryEncoderTests(LedgerStore store)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_encoded_is_what_the_engine_reads_back_column_by_column()
    {
        await store.StartAfreshAsync();
        var inserted = 0;
        await RandomRows.Row.Array[1, 20].SampleAsync(
            async rows =>
            {
                var batch = $"round-trip-{Interlocked.Increment(ref inserted)}";
                foreach (var row in rows)
                {
                    row.GatewayId = batch;
                }

                await new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch(batch, rows), Cancelled);
                var read = await ReadAsync(batch);
                foreach (var row in rows)
                {
                    Assert.Equal(Expected(row), read[row.AttemptId]);
                }
            },
            iter: 20,
            threads: 1);
    }

    [Fact]
    public void What_is_encoded_is_what_the_decoder_reads_back()
    {
        foreach (var row in RandomRows.Many(200))
        {
            var batch = EncodedRows.Batch("decode", [row]);
            var fields = RowBinaryDecoder.Read(batch.Row(0).Span, RequestsTable.Version);
            Assert.Equal(RequestsTable.Columns, fields.Select(static field => field.Key));
            Assert.Equal(Expected(row), string.Join('\n', fields.Select(static field => Say(field.Value))));
            Assert.Equal(row.AttemptId, RowBinaryDecoder.AttemptIdOf(batch.Row(0).Span));
        }
    }

    [Fact]
    public void Bytes_that_are_no_row_are_said_to_be_none()
    {
        var row = EncodedRows.Batch("decode", RandomRows.Many(1)).Row(0).ToArray();
        for (var length = 0; length < row.Length; length++)
        {
            Assert.Throws<FormatException>(() => RowBinaryDecoder.Read(row.AsSpan(0, length), RequestsTable.Version));
        }

        Assert.Throws<FormatException>(() => RowBinaryDecoder.Read([.. row, 0], RequestsTable.Version));
        Assert.Throws<ArgumentOutOfRangeException>(() => RowBinaryDecoder.Read(row, RequestsTable.Version + 1));
    }

    [Fact]
    public async Task What_does_not_fit_its_column_is_written_as_the_nearest_value_that_does()
    {
        await store.StartAfreshAsync();
        var row = RandomRows.Many(1)[0];
        row.Timestamp = new DateTimeOffset(9999, 1, 1, 0, 0, 0, TimeSpan.Zero);
        row.Outcome = (ForwardOutcome)99;
        row.UsageSource = (UsageSource)(-1);
        row.HttpStatus = 70_000;
        row.Tokens = new TokenUsage(1L << 32, -1, 0, 0, long.MaxValue, 0);
        row.LatencyMicroseconds = long.MaxValue;
        row.Cost = new Cost(new Nanodollars(long.MaxValue), new Nanodollars(long.MaxValue), default, default, default, new Nanodollars(long.MinValue));
        row.Labels.Clear();
        row.Labels.Add(new("twice", "first"));
        row.Labels.Add(new("twice", "second"));
        await new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch("clamped", [row]), Cancelled);

        Assert.Equal(
            "2100-01-01 00:00:00.000|unknown|none|65535|4294967295|0|4294967295|4294967295|999999999.999999999|999999999.999999999|-999999999.999999999|{'twice':'first'}",
            await store.AskAsync(
                """
                SELECT arrayStringConcat([toString(ts), toString(outcome), toString(usage_source), toString(http_status), toString(input_tokens), toString(cache_read_tokens),
                  toString(output_tokens), toString(latency_ms), toString(cost_input), toString(cost), toString(cost_uncached), toString(labels)], '|')
                FROM tollgate.requests
                """));
    }

    [Theory]
    [InlineData("a", 1024, 1024)]
    [InlineData("ä", 512, 1024)]
    [InlineData("漢", 341, 1023)]
    [InlineData("🧮", 256, 1024)]
    public async Task A_text_too_long_is_cut_at_a_whole_character(string character, int characters, int bytes)
    {
        await store.StartAfreshAsync();
        var row = RandomRows.Many(1)[0];
        row.Project = string.Concat(Enumerable.Repeat(character, 1500));
        await new ClickHouseUsageSink(store.Client, "g", TimeProvider.System).WriteAsync(EncodedRows.Batch("long", [row]), Cancelled);

        Assert.Equal($"{bytes} {characters} 1", await store.AskAsync("SELECT concat(toString(length(project)), ' ', toString(lengthUTF8(project)), ' ', toString(isValidUTF8(project))) FROM tollgate.requests"));
    }

    private async Task<Dictionary<Guid, string>> ReadAsync(string gateway)
    {
        var columns = string.Join(", ", RequestsTable.Columns);
        var lines = await store.Client.QueryAsync(
            $"SELECT attempt_id, {columns} FROM tollgate.requests WHERE gateway_id = {{gateway:String}}",
            reader => (reader.GetGuid(0), string.Join('\n', Enumerable.Range(1, reader.FieldCount - 1).Select(i => Say(reader.GetValue(i))))),
            new Dictionary<string, object> { ["gateway"] = gateway },
            Cancelled);
        return lines.ToDictionary();
    }

    private static string Expected(UsageRow row) => string.Join('\n', new object[]
    {
        row.Sequence, row.AttemptId, row.Timestamp, row.RequestId, row.GatewayId,
        row.Customer, row.Team, row.Project, row.Developer, row.KeyId,
        row.SessionId, row.AgentId, row.ParentAgentId, row.AgentKind, row.PromptId, row.RequestClass, row.Client,
        row.Provider, Snake(row.Endpoint), row.ModelRequested, row.Model, row.FallbackFrom, row.ServiceTier, row.InferenceGeo,
        row.IsStream, row.IsBatch, row.IsFast, row.HttpStatus, Snake(row.Outcome), row.ErrorType, row.StopReason, Snake(row.UsageSource),
        row.Tokens.Input, row.Tokens.Output, row.Tokens.CacheRead, row.Tokens.CacheWrite5m, row.Tokens.CacheWrite1h, row.Tokens.Thinking, row.ServerToolUses,
        row.Cost.Input, row.Cost.Output, row.Cost.CacheRead, row.Cost.CacheWrite, row.Cost.Other, row.Cost.Total, row.Cost.Uncached,
        row.Priced, row.BandAmbiguous, row.PriceRevision,
        row.LatencyMicroseconds / 1000, row.FirstByteMicroseconds, row.TtftMicroseconds, row.MaxGapMicroseconds, row.OverheadMicroseconds, row.RequestBytes, row.ResponseBytes,
        row.UpstreamRequestId, row.MessageId.ToString(), row.Labels.ToDictionary(),
    }.Select(Say));

    private static string Snake(Enum value) =>
        string.Concat(value.ToString().Select((letter, i) => char.IsUpper(letter) ? $"{(i > 0 ? "_" : string.Empty)}{char.ToLowerInvariant(letter)}" : $"{letter}"));

    // One spelling for both sides; text goes through UTF-8, as it does on the wire.
    private static string Say(object value) => value switch
    {
        DateTimeOffset time => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture),
        DateTime time => time.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture),
        Nanodollars money => money.ToDollars().ToString("0.000000000", CultureInfo.InvariantCulture),
        decimal money => money.ToString("0.000000000", CultureInfo.InvariantCulture),
        string text => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text)),
        Dictionary<string, string> map => string.Join(';', map.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={Say(pair.Value)}")),
        global::ClickHouse.Driver.Numerics.ClickHouseDecimal money => decimal.Parse(money.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture).ToString("0.000000000", CultureInfo.InvariantCulture),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };
}
