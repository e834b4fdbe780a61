using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Tollgate.Testing;
using Tollgate.Testing.Soak;

namespace Tollgate.EndToEnd;

/// <summary>The store is away until the spool is full and for long after: what was served is in the ledger to the last nano-dollar all the same.</summary>
public sealed partial class FullSpoolTests
{
    private const int MiB = 1024 * 1024;

    // Two files of folds, some fifteen segments of 64 KiB, and the gateway's own small files.
    private const int DiskBytes = 3 * MiB;

    // A segment holds some twenty attempts, so this is several times what the spool takes.
    private const int FarBeyond = 2500;

    private const string LedgerTotals = """
        SELECT
          (SELECT count() FROM tollgate.requests FINAL) + (SELECT sum(requests) FROM tollgate.usage_folded FINAL),
          toInt128(((SELECT sum(cost) FROM tollgate.requests FINAL) + (SELECT sum(cost) FROM tollgate.usage_folded FINAL)) * 1000000000),
          (SELECT sum(toUInt64(output_tokens)) FROM tollgate.requests FINAL) + (SELECT sum(output_tokens) FROM tollgate.usage_folded FINAL),
          (SELECT countIf(http_status >= 400 OR error_type != '') FROM tollgate.requests FINAL) + (SELECT sum(errors) FROM tollgate.usage_folded FINAL)
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_full_disk_costs_no_client_an_answer_and_the_ledger_no_nano_dollar()
    {
        await using var trial = await Trial.StartAsync(onSmallDisk: true);
        await BeFilledAndDrainAsync(trial);
    }

    [Fact]
    public async Task A_spool_at_its_cap_costs_no_client_an_answer_and_the_ledger_no_nano_dollar()
    {
        await using var trial = await Trial.StartAsync(onSmallDisk: false);
        await BeFilledAndDrainAsync(trial);
    }

    [Fact]
    public async Task A_gateway_killed_while_it_folds_has_lost_and_doubled_nothing()
    {
        await using var trial = await Trial.StartAsync(onSmallDisk: true);
        trial.Store.Kill();
        await trial.CallManyAsync(FarBeyond);
        Assert.NotEqual(0, await trial.MetricAsync("spool_folded_rows_total"));
        var served = trial.Upstream.Served.Count;

        // Three times, each with what the one before left: what was found is on its way, and what is folded meanwhile goes elsewhere.
        for (var kill = 0; kill < 3; kill++)
        {
            await trial.Gateway.KillAsync();
            await trial.Gateway.RestartAsync(GatewayProcess.Serving, Cancellation);
            await trial.CallManyAsync(100);
        }

        Assert.Equal(0, trial.Tally.CountOf(CallEnd.Refused) + trial.Tally.CountOf(CallEnd.Unanswered));
        await trial.Store.RestartAsync();
        Assert.Equal(trial.ServedTotals(served + 300), await trial.SettledTotalsAsync(served + 300));
        await trial.ResumeAsync();
    }

    [Fact]
    public async Task A_gateway_killed_under_load_while_it_folds_has_every_answer_that_a_client_got()
    {
        await using var trial = await Trial.StartAsync(onSmallDisk: true);
        trial.Store.Kill();
        await trial.CallManyAsync(FarBeyond);
        for (var kill = 0; kill < 3; kill++)
        {
            var sent = trial.Tally.Sent;
            var load = trial.CallManyAsync(400);
            await Until.TrueAsync(() => trial.Tally.Sent > sent + 50, Ledger.Patience, "Calls are under way.", Cancellation);
            await trial.Gateway.KillAsync();
            await load;
            await trial.Gateway.RestartAsync(GatewayProcess.Serving, Cancellation);
        }

        await trial.Store.RestartAsync();
        var (answered, served) = (trial.Tally.AnsweredFrom(0), trial.Upstream.Served);
        var least = answered.Aggregate(Int128.Zero, static (sum, answer) => sum + Trial.NanodollarsOf(answer.Number, answer.Kind));
        var totals = await trial.UntilQuietAsync();
        Assert.InRange(totals.Attempts, answered.Count, trial.Tally.Sent);
        Assert.True(totals.Nanodollars >= least, $"{totals.Nanodollars} nano-dollars are in the ledger, and clients got answers for {least}.");
        Assert.InRange(served.Count, answered.Count, trial.Tally.Sent);
    }

    [Fact]
    public async Task Where_the_configuration_says_block_a_full_spool_refuses_and_keeps_what_it_let_in()
    {
        await using var trial = await Trial.StartAsync(onSmallDisk: true, whenFull: "block");
        trial.Store.Kill();
        await trial.CallManyAsync(FarBeyond);
        Assert.NotEqual(0, trial.Tally.CountOf(CallEnd.Refused));
        Assert.Equal(0, trial.Tally.CountOf(CallEnd.Unanswered));
        await AssertRefusedAsync(trial.Gateway);

        await trial.Store.RestartAsync();
        var served = trial.Upstream.Served.Count;
        Assert.Equal(trial.ServedTotals(served), await trial.SettledTotalsAsync(served));
        await trial.ResumeAsync();
    }

    private static async Task BeFilledAndDrainAsync(Trial trial)
    {
        await trial.CallManyAsync(100);
        trial.Store.Kill();
        await trial.CallManyAsync(FarBeyond / 2);
        var before = trial.ResidentBytes();
        await trial.CallManyAsync(FarBeyond);
        var grown = trial.ResidentBytes() - before;

        Assert.Equal(0, trial.Tally.CountOf(CallEnd.Refused) + trial.Tally.CountOf(CallEnd.Unanswered));
        Assert.Equal(1, await trial.MetricAsync("spool_full"));

        // An attempt is folded, and counted, a moment after its client has the answer's end.
        await Until.TrueAsync(
            async () =>
            {
                var metrics = await trial.Gateway.MetricsAsync(Cancellation);
                var folded = Trial.Metric(metrics, "spool_folded_rows_total");
                return Trial.Metric(metrics, "spool_rows_total") + folded == 100 + FarBeyond + (FarBeyond / 2) && folded == Trial.Metric(metrics, "spool_pending_folded_rows");
            },
            Ledger.Patience,
            "every attempt is a row or folded",
            Cancellation);
        Assert.InRange(await trial.MetricAsync("spool_folded_rows_total"), FarBeyond, FarBeyond + (FarBeyond / 2));
        Assert.True(grown < 64 * MiB, $"The gateway grew by {grown} bytes while it folded.");

        await trial.Store.RestartAsync();
        var served = trial.Upstream.Served.Count;
        Assert.Equal(100 + FarBeyond + (FarBeyond / 2), served);
        Assert.Equal(trial.ServedTotals(served), await trial.SettledTotalsAsync(served));
        await trial.ResumeAsync();
    }

    private static async Task AssertRefusedAsync(GatewayProcess gateway)
    {
        using var http = new HttpClient();
        using var body = new StringContent("{\"model\":\"claude-opus-4-8\",\"max_tokens\":1,\"messages\":[]}", Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri($"{gateway.ProxyAddress}/anthropic/v1/messages"), body, Cancellation);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("overloaded_error", (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancellation))!["error"]!["type"]);
        Assert.True(answer.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        Assert.Equal("true", Assert.Single(answer.Headers.GetValues("x-should-retry")));
    }

    /// <summary>What a ledger, or an upstream, says in sum.</summary>
    private readonly record struct Totals(long Attempts, Int128 Nanodollars, long OutputTokens, long Errors);

    /// <summary>A gateway with a small spool, an upstream that numbers its replies, and a store that can be taken away.</summary>
    private sealed partial class Trial : IAsyncDisposable
    {
        private readonly TemporaryDirectory _directory;
        private readonly SmallDisk? _disk;

        private Trial(TemporaryDirectory directory, SmallDisk? disk)
        {
            _directory = directory;
            _disk = disk;
        }

        public NumberedUpstream Upstream { get; } = new();

        public SoakTally Tally { get; } = new();

        public StoreProcess Store { get; private set; } = null!;

        public GatewayProcess Gateway { get; private set; } = null!;

        public static async Task<Trial> StartAsync(bool onSmallDisk, string whenFull = "fold")
        {
            var directory = new TemporaryDirectory();
            var disk = onSmallDisk ? SmallDisk.TryMount(directory.Subdirectory("data"), DiskBytes) : null;
            var trial = new Trial(directory, disk);
            try
            {
                Assert.SkipWhen(onSmallDisk && disk is null, "This process may not mount a tmpfs.");
                trial.Store = await StoreProcess.StartAsync();
                trial.Gateway = await GatewayProcess.StartAsync(
                    trial.Upstream.BaseUrl,
                    configure: configuration => configuration["spool"] = new JsonObject
                    {
                        ["segmentBytes"] = 65_536,
                        ["maxBytes"] = onSmallDisk ? 64 * MiB : MiB,
                        ["whenFull"] = whenFull,
                    },
                    directory: directory,
                    store: trial.Store.Address,
                    cancellationToken: Cancellation);
                return trial;
            }
            catch
            {
                await trial.DisposeAsync();
                throw;
            }
        }

        public static Int128 NanodollarsOf(int number, CallKind kind) =>
            (Int128)(UpstreamPrice.OfOpus48(NumberedReply.FiguresOf(number, kind)) * 1_000_000_000m);

        /// <summary>What the upstream served, once it has served exactly so much.</summary>
        public Totals ServedTotals(int count)
        {
            var kinds = Upstream.Served;
            Assert.Equal(count, kinds.Count);
            var totals = default(Totals);
            for (var number = 1; number <= kinds.Count; number++)
            {
                var kind = kinds[number - 1];
                totals = new Totals(
                    totals.Attempts + 1,
                    totals.Nanodollars + NanodollarsOf(number, kind),
                    totals.OutputTokens + NumberedReply.FiguresOf(number, kind).Output,
                    totals.Errors + (kind == CallKind.Overloaded ? 1 : 0));
            }

            return totals;
        }

        /// <summary>So many calls of every kind that has figures, sixteen at a time, each connection used as long as it lives.</summary>
        public async Task CallManyAsync(int count)
        {
            CallKind[] kinds = [CallKind.Brief, CallKind.Whole, CallKind.Brief, CallKind.Slow, CallKind.Overloaded, CallKind.Whole];
            var next = 0;
            await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
            {
                SoakCall? call = null;
                for (int index; (index = Interlocked.Increment(ref next)) <= count;)
                {
                    try
                    {
                        call ??= await SoakCall.ConnectAsync(new Uri(Gateway.ProxyAddress), Cancellation);
                    }
                    catch (System.Net.Sockets.SocketException)
                    {
                        Tally.Add(CallEnd.Unanswered, default);
                        continue;
                    }

                    var (end, answer) = await call.CallAsync(kinds[index % kinds.Length], Cancellation);
                    Tally.Add(end, answer);
                    if (end == CallEnd.Unanswered)
                    {
                        await call.DisposeAsync();
                        call = null;
                    }
                }

                if (call is not null)
                {
                    await call.DisposeAsync();
                }
            }));
        }

        /// <summary>The ledger's sums once it has at least so many attempts, and a moment later, so that a repeat would show.</summary>
        public async Task<Totals> SettledTotalsAsync(int attempts)
        {
            await Gateway.QueryUntilAsync(LedgerTotals, answer => Parse(answer).Attempts >= attempts, Ledger.Patience, Cancellation);
            return await UntilQuietAsync();
        }

        /// <summary>The ledger's sums once nothing waits in spool or folds any more.</summary>
        public async Task<Totals> UntilQuietAsync()
        {
            await UntilMetricAsync("spool_pending_rows", 0);
            await UntilMetricAsync("spool_pending_folded_rows", 0);
            return Parse(await Gateway.QueryAsync(LedgerTotals, Cancellation));
        }

        /// <summary>Sees that the spool has room again by itself, and that attempts are rows again.</summary>
        public async Task ResumeAsync()
        {
            const string Rows = "SELECT count() FROM tollgate.requests FINAL";
            await UntilMetricAsync("spool_full", 0);

            // The segment written to, and three prepared ahead: everything else is deleted.
            await UntilMetricAsync("spool_bytes", 4 * 65_536);
            var (rows, served, refused) = (await Gateway.NumberAsync(Rows, Cancellation), Upstream.Served.Count, Tally.CountOf(CallEnd.Refused));
            await CallManyAsync(50);
            Assert.Equal(refused, Tally.CountOf(CallEnd.Refused));
            Assert.Equal(ServedTotals(served + 50), await SettledTotalsAsync(served + 50));
            Assert.Equal(rows + 50, await Gateway.NumberAsync(Rows, Cancellation));
        }

        public async Task<double> MetricAsync(string name) => Metric(await Gateway.MetricsAsync(Cancellation), name);

        public static double Metric(string metrics, string name) =>
            double.Parse(Regex.Match(metrics, $@"^tollgate_{name} (\S+)", RegexOptions.Multiline).Groups[1].Value, CultureInfo.InvariantCulture);

        public long ResidentBytes()
        {
            var status = File.ReadAllText($"/proc/{Gateway.Id}/status");
            return long.Parse(ResidentKilobytes.Match(status).Groups[1].Value, CultureInfo.InvariantCulture) * 1024;
        }

        public async ValueTask DisposeAsync()
        {
            if (Gateway is not null)
            {
                await Gateway.DisposeAsync();
            }

            if (Store is not null)
            {
                await Store.DisposeAsync();
            }

            await Upstream.DisposeAsync();
            _disk?.Dispose();
            _directory.Dispose();
        }

        private async Task UntilMetricAsync(string name, double value)
        {
            var started = TimeProvider.System.GetTimestamp();
            while (await MetricAsync(name) is var now && now != value)
            {
                Assert.True(TimeProvider.System.GetElapsedTime(started) < Ledger.Patience, $"{name} is still {now}.\n{Gateway.Output}");
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancellation);
            }
        }

        private static Totals Parse(string answer)
        {
            var figures = answer.TrimEnd('\n').Split('\t');
            return new Totals(
                long.Parse(figures[0], CultureInfo.InvariantCulture),
                Int128.Parse(figures[1], CultureInfo.InvariantCulture),
                long.Parse(figures[2], CultureInfo.InvariantCulture),
                long.Parse(figures[3], CultureInfo.InvariantCulture));
        }

        [GeneratedRegex(@"^VmRSS:\s+(\d+)", RegexOptions.Multiline)]
        private static partial Regex ResidentKilobytes { get; }
    }
}
