using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace Tollgate.Testing.Soak;

/// <summary>Kills a gateway and its store again and again under load, then asks whether the ledger has every answer once and to the nano-dollar.</summary>
/// <remarks>
/// Everything random comes from the seed; what a kill meets still depends on the machine. Public surface only: HTTP, SQL, signals.
/// Clients call without end. A call that breaks off is no answer, and its client goes on.
/// </remarks>
public sealed class KillRounds
{
    private const int LongestPauseMilliseconds = 400;
    private const int LongestThinkMilliseconds = 40;

    // Before a look at the rows since the last one: the longest call began that much earlier at most.
    private static readonly TimeSpan LongestCall = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan RollupPatience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Reconnect = TimeSpan.FromMilliseconds(10);

    // Of ten calls: four brief streams, three slow ones, and one of each other kind.
    private static readonly CallKind[] Mix =
    [
        CallKind.Brief, CallKind.Brief, CallKind.Brief, CallKind.Brief, CallKind.Slow, CallKind.Slow, CallKind.Slow, CallKind.Whole, CallKind.Overloaded, CallKind.Aborted,
    ];

    private readonly KillRoundsOptions _options;
    private readonly Action<KillRoundsProgress> _progress;
    private readonly SoakTally _tally = new();
    private readonly Dictionary<Victim, int> _kills = Enum.GetValues<Victim>().ToDictionary(static victim => victim, static _ => 0);
    private readonly List<TimeSpan> _recoveries = [];
    private readonly long _started = Stopwatch.GetTimestamp();
    private int _round;
    private int _missing;
    private int _wrong;
    private int _checked;
    private DateTimeOffset _checkedAt = TimeProvider.System.GetUtcNow();

    private KillRounds(KillRoundsOptions options, Action<KillRoundsProgress>? progress)
    {
        _options = options;
        _progress = progress ?? (static _ => { });
    }

    /// <summary>Runs the rounds and the checks.</summary>
    /// <param name="options">How long and how hard.</param>
    /// <param name="progress">Told after each round, and while it waits.</param>
    /// <param name="cancellationToken">Ends the rounds early; what was answered by then is still checked.</param>
    /// <exception cref="InvalidOperationException">A killed gateway did not start again; the message has its output.</exception>
    public static Task<KillRoundsReport> RunAsync(KillRoundsOptions options, Action<KillRoundsProgress>? progress, CancellationToken cancellationToken) =>
        new KillRounds(options, progress).RunAsync(cancellationToken);

    private async Task<KillRoundsReport> RunAsync(CancellationToken enough)
    {
        await using var upstream = new NumberedUpstream();
        await using var gateway = await SoakedGateway.StartAsync(upstream.BaseUrl, _options.Store, enough);
        gateway.KeepsDirectory = true;
        using (var closing = new CancellationTokenSource())
        {
            var clients = Enumerable.Range(0, _options.Clients).Select(client => CallOnAsync(gateway.Address, new Random(_options.Seed + client + 1), closing.Token)).ToArray();
            try
            {
                await KillOnAsync(gateway, upstream, enough);
            }
            finally
            {
                await closing.CancelAsync();
                await Task.WhenAll(clients).WaitAsync(LongestCall, CancellationToken.None);
            }
        }

        if (enough.IsCancellationRequested)
        {
            await gateway.StartAgainAsync();
        }

        return await CheckAllAsync(gateway, upstream);
    }

    private async Task KillOnAsync(SoakedGateway gateway, NumberedUpstream upstream, CancellationToken enough)
    {
        var random = new Random(_options.Seed);
        while (_round < _options.Rounds && Stopwatch.GetElapsedTime(_started) < _options.Limit && !enough.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1 + random.Next(LongestPauseMilliseconds)), TimeProvider.System, CancellationToken.None);
            var victim = _options.Victims[random.Next(_options.Victims.Count)];
            if (await gateway.KillAsync(victim, storeFirst: random.Next(2) == 0, CancellationToken.None) is { } recovery)
            {
                _recoveries.Add(recovery);
            }

            _kills[victim]++;
            _round++;
            Tell("killing");
            if (_round % _options.RoundsPerCheck == 0 && _round < _options.Rounds)
            {
                await CheckNewAsync(gateway, upstream);
            }
        }
    }

    /// <summary>One client: calls, thinks for a moment, calls again; a broken connection is opened anew.</summary>
    private async Task CallOnAsync(Uri gateway, Random random, CancellationToken closing)
    {
        SoakCall? connection = null;
        while (!closing.IsCancellationRequested)
        {
            var kind = Mix[random.Next(Mix.Length)];
            try
            {
                connection ??= await SoakCall.ConnectAsync(gateway, CancellationToken.None);
                var (end, answer) = await connection.CallAsync(kind, CancellationToken.None);
                _tally.Add(end, answer);
                if (end != CallEnd.Answered)
                {
                    await connection.DisposeAsync();
                    connection = null;
                }

                await PauseAsync(TimeSpan.FromMilliseconds(random.Next(LongestThinkMilliseconds)));
            }
            catch (SocketException)
            {
                // Nobody listens at the moment: no call was sent.
                await PauseAsync(Reconnect);
            }
        }

        if (connection is not null)
        {
            await connection.DisposeAsync();
        }

        async Task PauseAsync(TimeSpan pause) => await Task.Delay(pause, TimeProvider.System, closing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Waits until every answer since the last look has its row, then compares, while the load goes on. Those without a row in time are missing.</summary>
    private async Task CheckNewAsync(SoakedGateway gateway, NumberedUpstream upstream)
    {
        var recent = $"WHERE ts >= fromUnixTimestamp64Milli({(_checkedAt - LongestCall).ToUnixTimeMilliseconds()})";
        _checkedAt = TimeProvider.System.GetUtcNow();
        var fresh = _tally.AnsweredFrom(_checked);
        _checked += fresh.Count;
        var awaited = fresh.Select(static answer => answer.RequestId).ToHashSet();
        var progressed = Stopwatch.GetTimestamp();
        while (awaited.Count > 0 && Stopwatch.GetElapsedTime(progressed) < _options.Patience)
        {
            Tell($"waiting for {awaited.Count} rows");
            var before = awaited.Count;
            try
            {
                await foreach (var id in gateway.LinesAsync($"SELECT request_id FROM tollgate.requests {recent}", CancellationToken.None))
                {
                    awaited.Remove(Guid.Parse(id));
                }
            }
            catch (Exception away) when (away is HttpRequestException or IOException)
            {
                // A store that was just killed; patience counts on.
            }

            if (awaited.Count < before)
            {
                progressed = Stopwatch.GetTimestamp();
            }

            if (awaited.Count > 0)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, CancellationToken.None);
            }
        }

        // Replies that have no row yet may be of calls still open: only the last look accounts for them.
        var verdict = await CompareAsync(gateway, upstream, fresh, recent);
        _missing += verdict.Missing;
        _wrong += verdict.Duplicates + verdict.Misfiled + verdict.Drifting;
    }

    private static async Task<LedgerVerdict> CompareAsync(SoakedGateway gateway, NumberedUpstream upstream, IEnumerable<Answered> answered, string where)
    {
        await gateway.LineAsync("SELECT 1", CancellationToken.None);
        var rows = new List<SoakRow>();
        await foreach (var line in gateway.LinesAsync($"SELECT {SoakRow.Columns} FROM tollgate.requests FINAL {where} ORDER BY ts", CancellationToken.None))
        {
            rows.Add(SoakRow.Parse(line));
        }

        // What the upstream served is asked after the rows, so that none can be of a reply it does not know yet.
        var oracle = new LedgerOracle(answered, upstream.Served);
        foreach (var row in rows)
        {
            oracle.See(row);
        }

        return oracle.Judge();
    }

    private async Task<KillRoundsReport> CheckAllAsync(SoakedGateway gateway, NumberedUpstream upstream)
    {
        await CheckNewAsync(gateway, upstream);
        await UntilNoRowComesAsync(gateway);
        Tell("comparing");
        var verdict = await CompareAsync(gateway, upstream, _tally.AnsweredFrom(0), string.Empty);
        var stored = long.Parse(await gateway.LineAsync("SELECT count() FROM tollgate.requests", CancellationToken.None), CultureInfo.InvariantCulture);
        var hasRollup = await gateway.LineAsync("SELECT count() > 0 FROM tollgate.usage_15m_data", CancellationToken.None) == "1";
        var report = new KillRoundsReport
        {
            Rounds = _round,
            Kills = _kills,
            Sent = _tally.Sent,
            Unanswered = _tally.CountOf(CallEnd.Unanswered),
            Refused = _tally.CountOf(CallEnd.Refused),
            Verdict = verdict,
            StoredTwice = stored - verdict.Rows,
            HasRollup = hasRollup,
            RollupProblem = hasRollup ? await RollupProblemAsync(gateway) : string.Empty,
            Duration = Stopwatch.GetElapsedTime(_started),
            Recovery = _recoveries.Count == 0 ? default : (_recoveries.Order().ElementAt(_recoveries.Count / 2), _recoveries.Max()),
            KeptDirectory = null,
        };
        gateway.KeepsDirectory = !report.IsExact;
        if (report.IsExact)
        {
            return report;
        }

        await File.WriteAllTextAsync(Path.Combine(gateway.Directory, "gateway.log"), gateway.Output, CancellationToken.None);
        return report with { KeptDirectory = gateway.Directory };
    }

    /// <summary>Rows of calls that nobody waits for, such as those open at a kill, come a moment after the others.</summary>
    private async Task UntilNoRowComesAsync(SoakedGateway gateway)
    {
        Tell("waiting until no row comes any more");
        var last = string.Empty;
        var since = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(since) < Settled)
        {
            var count = await gateway.LineAsync("SELECT count() FROM tollgate.requests", CancellationToken.None);
            if (count != last)
            {
                (last, since) = (count, Stopwatch.GetTimestamp());
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, CancellationToken.None);
        }
    }

    /// <summary>The rollup follows the rows by a minute or so; it is asked until it equals them.</summary>
    private async Task<string> RollupProblemAsync(SoakedGateway gateway)
    {
        const string Raw = "SELECT count(), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_w5m_tokens), sum(cache_w1h_tokens), sum(cost) FROM tollgate.requests FINAL";
        const string Rolled = "SELECT sum(requests), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_w5m_tokens), sum(cache_w1h_tokens), sum(cost) FROM tollgate.usage_15m";
        var raw = await gateway.LineAsync(Raw, CancellationToken.None);
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            Tell("waiting for the rollup");
            var rolled = await gateway.LineAsync(Rolled, CancellationToken.None);
            if (rolled == raw)
            {
                return string.Empty;
            }

            if (Stopwatch.GetElapsedTime(started) > RollupPatience)
            {
                return $"usage_15m adds up to {rolled}, the rows to {raw}";
            }

            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, CancellationToken.None);
        }
    }

    private void Tell(string doing) =>
        _progress(new KillRoundsProgress(_round, _options.Rounds, _kills, _tally.Sent, _tally.AnsweredCount, _missing, _wrong, Stopwatch.GetElapsedTime(_started), doing));
}
