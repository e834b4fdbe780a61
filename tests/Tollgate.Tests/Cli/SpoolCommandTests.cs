using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.Cli;
using Tollgate.ClickHouse;
using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Testing.Gateway;

namespace Tollgate.Tests.Cli;

/// <summary>The verb on a spool that the real recording half has written, with a store that takes and refuses as it is told.</summary>
public sealed class SpoolCommandTests : IDisposable
{
    // What a spool with room makes ahead of need: two in reserve, and the next.
    private const int PreparedSegments = 3;

    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-spool").FullName;
    private StringWriter _output = new();
    private StringWriter _error = new();

    private string Spool => Path.Combine(_directory, "data", "spool");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task The_status_of_a_gateway_that_runs_is_told_and_nothing_of_it_is_touched()
    {
        using var recording = Open(new Sink());
        Record(recording, 3);
        recording.Recorder.Draft(recording.Recorder.Begin(), NewRow());

        // The one written to, and those that are prepared ahead meanwhile; then nothing is made any more.
        await Until.TrueAsync(() => Directory.GetFiles(Spool, "*.segment").Count(static file => File.ReadAllBytes(file) is [not 0, ..]) == 1 + PreparedSegments, Ledger.Patience, "all segments are prepared", TestContext.Current.CancellationToken);
        var before = Content();
        Assert.Equal(0, await Run("spool status --json"));
        using var status = JsonDocument.Parse(_output.ToString());
        Assert.Equal((3, 1, 0), (Number(status, "pendingRows"), Number(status, "openAttempts"), Number(status, "deadLetters")));
        Assert.Equal(1, Number(status, "segments"));
        Assert.Equal(PreparedSegments, Number(status, "preparedSegments"));
        Assert.Equal((1 + Number(status, "preparedSegments")) * 65_536, Number(status, "bytes"));
        Assert.Equal(JsonValueKind.Null, status.RootElement.GetProperty("firstSequence").ValueKind);
        Assert.InRange(status.RootElement.GetProperty("oldestPending").GetDateTimeOffset(), DateTimeOffset.UnixEpoch.AddYears(50), TimeProvider.System.GetUtcNow());
        Assert.Equal(before, Content());

        Assert.Equal(0, await Run("spool status"));
        Assert.Contains("rows waiting    3", _output.ToString(), StringComparison.Ordinal);
        Assert.Contains("none given yet", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_status_after_rows_were_sent_has_their_numbers()
    {
        var first = await SendAsync(new Sink(), 5);
        Assert.Equal(0, await Run("spool status --json"));
        using var status = JsonDocument.Parse(_output.ToString());
        Assert.Equal((first, first + 5), (status.RootElement.GetProperty("firstSequence").GetUInt64(), status.RootElement.GetProperty("nextSequence").GetUInt64()));
        Assert.Equal(0, await Run("spool status"));
        Assert.Contains($"{first} to {first + 4}", _output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("spool status")]
    [InlineData("spool dead-letters")]
    [InlineData("spool dead-letters --show 1")]
    [InlineData("spool resubmit --all")]
    public async Task Where_no_spool_is_it_says_where_it_looked(string command)
    {
        Assert.Equal(1, await Run(command));
        Assert.Contains(Spool, _error.ToString(), StringComparison.Ordinal);
        Assert.Contains("storage.dataDirectory", _error.ToString(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Spool));
    }

    [Theory]
    [InlineData("spool status")]
    [InlineData("spool resubmit --all")]
    public async Task Without_a_ledger_the_use_is_wrong(string command)
    {
        Assert.Equal(2, await Run(command, new { mode = "none", dataDirectory = Path.Combine(_directory, "data") }));
        Assert.Contains("storage.mode is \"none\"", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refused_rows_are_listed_with_the_stores_words()
    {
        var first = await SendAsync(new Sink { Wrong = [1, 3] }, 5);
        Assert.Equal(0, await Run("spool dead-letters"));
        var lines = _output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal([$"{first + 1}", $"{first + 3}"], lines.Select(static line => line.Split(' ')[0]));
        Assert.All(lines, static line => Assert.EndsWith("the table says no", line, StringComparison.Ordinal));

        Assert.Equal(0, await Run("spool dead-letters --json"));
        using var json = JsonDocument.Parse(_output.ToString());
        Assert.Equal([first + 1, first + 3], json.RootElement.EnumerateArray().Select(static letter => letter.GetProperty("sequence").GetUInt64()));
        Assert.Equal(0, await Run("spool status --json"));
        using var status = JsonDocument.Parse(_output.ToString());
        Assert.Equal(2, Number(status, "deadLetters"));
    }

    [Fact]
    public async Task A_refused_row_is_shown_field_by_field()
    {
        var first = await SendAsync(new Sink { Wrong = [0] }, 1);
        Assert.Equal(0, await Run($"spool dead-letters --show {first}"));
        Assert.Contains("the table says no", _output.ToString(), StringComparison.Ordinal);
        Assert.Matches($@"wal_seq +{first}\r?\n", _output.ToString());
        Assert.Matches(@"model +claude-opus-4-8\r?\n", _output.ToString());
        Assert.Matches(@"cost_input +0\.000054321\r?\n", _output.ToString());
        Assert.Matches(@"outcome +client_aborted\r?\n", _output.ToString());
        Assert.Matches(@"labels +environment=test\r?\n", _output.ToString());

        Assert.Equal(0, await Run($"spool dead-letters --show {first} --json"));
        using var json = JsonDocument.Parse(_output.ToString());
        Assert.Equal("client_aborted", json.RootElement.GetProperty("fields").GetProperty("outcome").GetString());
        Assert.Equal(0.000054321m, json.RootElement.GetProperty("fields").GetProperty("cost_input").GetDecimal());
    }

    [Theory]
    [InlineData("\"rowFormat\": 1", "\"rowFormat\": 9", "Rows of format 9 were written by a later Tollgate")]
    [InlineData("\"row\": \"", "\"row\": \"AAAA", "can't be read")]
    public async Task A_refused_row_that_can_not_be_read_is_shown_with_the_reason(string what, string becomes, string reason)
    {
        var first = await SendAsync(new Sink { Wrong = [0] }, 1);
        var file = Directory.GetFiles(Spool, "dead-letter-*").Single();
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).Replace(what, becomes, StringComparison.Ordinal), TestContext.Current.CancellationToken);
        Assert.Equal(0, await Run($"spool dead-letters --show {first}"));
        Assert.Contains(reason, _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_dead_letter_any_more_is_named()
    {
        await SendAsync(new Sink { Wrong = [0] }, 1);
        var file = Directory.GetFiles(Spool, "dead-letter-*").Single();
        await File.WriteAllTextAsync(file, "{", TestContext.Current.CancellationToken);
        Assert.Equal(1, await Run("spool dead-letters"));
        Assert.Contains(file, _error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("spool dead-letters --show 17", 1, "No row 17 was put aside")]
    [InlineData("spool dead-letters --show seven", 2, "\"seven\" is no number")]
    [InlineData("spool resubmit 17", 1, "No row 17 was put aside")]
    [InlineData("spool resubmit -- -1", 2, "\"-1\" is no number")]
    [InlineData("spool resubmit", 2, "Which rows?")]
    [InlineData("spool resubmit 17 --all", 2, "not both")]
    public async Task A_row_that_is_not_there_or_not_named_is_said_so(string command, int code, string words)
    {
        await SendAsync(new Sink { Wrong = [0] }, 1);
        Assert.Equal(code, await Run(command));
        Assert.Contains(words, _error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_row_that_the_store_takes_now_leaves_its_file(bool all)
    {
        await using var store = await LedgerOfAnswers.StartAsync();
        var first = await SendAsync(new Sink { Wrong = [1, 3] }, 5);
        Assert.Equal(0, await Run(all ? "spool resubmit --all" : $"spool resubmit {first + 3} {first + 1} {first + 1}", StorageAt(store)));
        Assert.Equal([first + 1, first + 3], store.Rows.Keys.Order());
        Assert.Equal([$"Row {first + 1}: stored.", $"Row {first + 3}: stored."], _output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
        Assert.Empty(Directory.GetFiles(Spool, "dead-letter-*"));

        Assert.Equal(0, await Run("spool resubmit --all", StorageAt(store)));
        Assert.Contains("No row was refused.", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_that_is_in_the_store_already_is_not_sent()
    {
        await using var store = await LedgerOfAnswers.StartAsync();
        var sink = new Sink { Wrong = [0] };
        var first = await SendAsync(sink, 1);
        store.Rows[first] = sink.Refused[0][8..24];
        Assert.Equal(0, await Run($"spool resubmit {first} --json", StorageAt(store)));
        using var json = JsonDocument.Parse(_output.ToString());
        Assert.True(Assert.Single(json.RootElement.EnumerateArray()).GetProperty("stored").GetBoolean());
        Assert.Empty(store.Tokens);
        Assert.Empty(Directory.GetFiles(Spool, "dead-letter-*"));
    }

    [Fact]
    public async Task A_row_whose_number_another_row_has_is_kept()
    {
        await using var store = await LedgerOfAnswers.StartAsync();
        var first = await SendAsync(new Sink { Wrong = [0] }, 1);
        store.Rows[first] = new byte[16];
        await AssertKeptAsync(store, "another row under this number");
        Assert.Empty(store.Tokens);
    }

    [Fact]
    public async Task A_row_that_is_refused_again_is_kept_and_the_store_is_quoted()
    {
        await using var store = await LedgerOfAnswers.StartAsync();
        store.Refusal = (33, "Cannot read all data.");
        await SendAsync(new Sink { Wrong = [0] }, 1);
        await AssertKeptAsync(store, "still refused", "Cannot read all data.", "--show");
    }

    [Fact]
    public async Task A_row_that_the_set_up_keeps_out_is_kept()
    {
        await using var store = await LedgerOfAnswers.StartAsync();
        store.Refusal = (60, "Table tollgate.requests does not exist.");
        await SendAsync(new Sink { Wrong = [0] }, 1);
        await AssertKeptAsync(store, "not stored", "does not exist", "resubmit it again");
    }

    [Fact]
    public async Task A_store_that_says_it_took_a_row_and_does_not_show_it_is_not_believed()
    {
        await using var store = await LedgerOfAnswers.StartAsync();
        store.IsForgetful = true;
        await SendAsync(new Sink { Wrong = [0] }, 1);
        await AssertKeptAsync(store, "does not show it");
        store.IsForgetful = false;
        Assert.Equal(0, await Run("spool resubmit --all", StorageAt(store)));
    }

    [Fact]
    public async Task With_the_store_away_one_row_is_tried_and_it_says_what_to_do()
    {
        await SendAsync(new Sink { Wrong = [0, 1, 2] }, 3);
        Assert.Equal(1, await Run("spool resubmit --all", new { listen = $"http://127.0.0.1:{LoopbackPort.Free()}", dataDirectory = Path.Combine(_directory, "data") }));
        Assert.Single(_error.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("start the gateway", _error.ToString(), StringComparison.Ordinal);
        Assert.Equal(3, Directory.GetFiles(Spool, "dead-letter-*").Length);
    }

    private async Task AssertKeptAsync(LedgerOfAnswers store, params string[] words)
    {
        Assert.Equal(1, await Run("spool resubmit --all", StorageAt(store)));
        Assert.All(words, word => Assert.Contains(word, _error.ToString(), StringComparison.Ordinal));
        Assert.Single(Directory.GetFiles(Spool, "dead-letter-*"));
    }

    private object StorageAt(LedgerOfAnswers store) => new { listen = store.Address, dataDirectory = Path.Combine(_directory, "data") };

    private UsageRecording Open(IUsageSink sink) => UsageRecording.Open(
        Spool, new SpoolOptions { SegmentBytes = 65_536 }, new RecordingOptions(), new RowBinaryFormat(), sink, "gw", TimeProvider.System,
        new GatewayEvents(new GatewayMetrics(new MetricsOptions()), NullLogger<GatewayEvents>.Instance));

    /// <summary>Lets a gateway send rows, and stop. Returns the number of the first.</summary>
    private async Task<ulong> SendAsync(IUsageSink sink, int rows)
    {
        using var recording = Open(sink);
        Record(recording, rows);
        await recording.StartAsync(CancellationToken.None);
        while (recording.AcknowledgedSequence != recording.FirstSequence + (ulong)rows - 1)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, TestContext.Current.CancellationToken);
        }

        await recording.StopAsync(CancellationToken.None);
        return recording.FirstSequence;
    }

    private static void Record(UsageRecording recording, int rows)
    {
        for (var i = 0; i < rows; i++)
        {
            recording.Recorder.Close(recording.Recorder.Begin(), NewRow());
        }
    }

    private static UsageRow NewRow()
    {
        var row = new UsageRow
        {
            Timestamp = TimeProvider.System.GetUtcNow(),
            AttemptId = Guid.NewGuid(),
            GatewayId = "gw",
            Model = "claude-opus-4-8",
            Outcome = ForwardOutcome.ClientAborted,
            Cost = new Cost(new Nanodollars(54_321), default, default, default, default, default),
        };
        row.Labels.Add(new("environment", "test"));
        return row;
    }

    private string Content() => string.Join('\n', Directory.GetFiles(Spool, "*.segment").Order(StringComparer.Ordinal)
        .Select(static path => $"{path} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))}"));

    private static long Number(JsonDocument json, string name) => json.RootElement.GetProperty(name).GetInt64();

    private async Task<int> Run(string command, object? storage = null)
    {
        (_output, _error) = (new StringWriter(), new StringWriter());
        await File.WriteAllTextAsync(
            Path.Combine(_directory, "tollgate.json"),
            JsonSerializer.Serialize(new { storage = storage ?? new { dataDirectory = Path.Combine(_directory, "data") } }),
            TestContext.Current.CancellationToken);
        return await new CommandLine(new ConfigurationLoader(new Dictionary<string, string>(), _directory), TimeProvider.System, static (_, _) => throw new InvalidOperationException("Nothing is served here."))
            .RunAsync(command.Split(' '), _output, _error, CancellationToken.None);
    }

    /// <summary>Takes every row but some, by their place, of the first batch on.</summary>
    private sealed class Sink : IUsageSink
    {
        private ulong _first;

        public int[] Wrong { get; init; } = [];

        public List<byte[]> Refused { get; } = [];

        public Task WriteAsync(UsageBatch batch, CancellationToken cancellationToken)
        {
            for (var i = 0; i < batch.Count; i++)
            {
                if (Wrong.Contains((int)(batch.SequenceOf(i) - _first)))
                {
                    Refused.Add(batch.Row(i).ToArray());
                    throw new UsageSinkException("the table says no", SinkFault.Data);
                }
            }

            return Task.CompletedTask;
        }

        public Task AbandonAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task WriteFoldsAsync(IReadOnlyList<Fold> folds, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task<IReadOnlyList<StoredRow>> FindAsync(ulong first, ulong last, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<StoredRow>>([]);

        public Task RegisterAsync(ulong firstSequence, CancellationToken cancellationToken)
        {
            _first = firstSequence;
            return Task.CompletedTask;
        }
    }
}
