using System.Diagnostics;
using System.Globalization;
using Tollgate.LoadTest.Generator;
using Tollgate.LoadTest.Measuring;
using Tollgate.LoadTest.Peers;
using Tollgate.LoadTest.Reporting;
using Tollgate.LoadTest.Wire;

namespace Tollgate.LoadTest;

/// <summary>Starts the upstream and every peer, gives each the same load by turns in random order, and measures.</summary>
internal sealed class LoadTestRun : IAsyncDisposable
{
    // A peer whose windows are void is tried again, but not for ever.
    private const int TriesPerRound = 2;

    // A runtime compiles its hot paths while it serves: before its first window a peer gets this many times the warm-up.
    private const int FirstWarmUp = 3;
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan MemoryInterval = TimeSpan.FromMilliseconds(500);

    private readonly LoadTestOptions _options;
    private readonly Action<string> _say;
    private readonly TemporaryDirectory _directory = new();
    private readonly List<Peer> _peers = [];
    private readonly Dictionary<string, double> _idleMemory = [];
    private readonly Random _order;
    private readonly QuietMachine _quiet;
    private readonly AnswerBytes _answer;
    private ChildServer? _upstream;

    private LoadTestRun(LoadTestOptions options, Action<string> say)
    {
        _options = options;
        _say = say;
        _order = new Random(options.Seed);
        _quiet = new QuietMachine(options.Bounds.OtherCpuPercent, options.Patience);
        _answer = options.Scenario.Answer();
    }

    /// <summary>Starts everything that takes part.</summary>
    public static async Task<LoadTestRun> StartAsync(LoadTestOptions options, Action<string> say, CancellationToken cancellationToken)
    {
        var run = new LoadTestRun(options, say);
        try
        {
            await run.StartProcessesAsync(cancellationToken);
            return run;
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    /// <summary>Measures every peer at one rate.</summary>
    public async Task<LoadTestReport> MeasureAsync(int rate, CancellationToken cancellationToken)
    {
        var conditions = Conditions.Now(_options);
        var windows = new List<PeerWindow>();
        for (var round = 1; round <= _options.Rounds * (_options.Scenario.IsLong ? 1 : TriesPerRound); round++)
        {
            var wanting = _peers.Where(peer => windows.Count(window => window.Peer == peer.Name && window.IsValid) < _options.Rounds).ToArray();
            _order.Shuffle(wanting);
            foreach (var peer in wanting)
            {
                var window = await MeasureAsync(peer, rate, round, cancellationToken);
                windows.Add(window);
                _say(WindowLine.Of(window));
            }
        }

        await Task.Delay(Settling, TimeProvider.System, cancellationToken);
        var rows = new List<PeerRow>();
        foreach (var peer in _peers)
        {
            var memory = new PeerMemory(_idleMemory[peer.Name], windows.Where(window => window.Peer == peer.Name).SelectMany(static window => window.ResidentMebibytes).DefaultIfEmpty().Max(), peer.ResidentMebibytes());
            rows.Add(PeerRow.Of(peer, windows, memory));
        }

        return new LoadTestReport(_options.Scenario.Name, _options.Scenario.Summary, rate, conditions, rows, await LedgerAsync(cancellationToken), windows);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var peer in _peers)
        {
            await peer.DisposeAsync();
        }

        if (_upstream is not null)
        {
            await _upstream.DisposeAsync();
        }

        _directory.Dispose();
    }

    private async Task StartProcessesAsync(CancellationToken cancellationToken)
    {
        var self = typeof(LoadTestRun).Assembly.Location;
        (_upstream, var port) = await ChildServer.StartAsync("dotnet", ["exec", self, "upstream", _options.Scenario.Name], _directory.Path, cancellationToken);
        var starter = new PeerStarter(int.Parse(port, CultureInfo.InvariantCulture), _options.Scenario.Setup, _directory, _options.Nginx, _options.Haproxy);
        foreach (var name in _options.Peers)
        {
            if (await starter.StartAsync(name, _say, cancellationToken) is { } peer)
            {
                _peers.Add(peer);
            }
        }

        await Task.Delay(Settling, TimeProvider.System, cancellationToken);
        foreach (var peer in _peers)
        {
            _idleMemory[peer.Name] = peer.ResidentMebibytes();
        }
    }

    private async Task<PeerWindow> MeasureAsync(Peer peer, int rate, int round, CancellationToken cancellationToken)
    {
        var requests = peer.Keys.Select(key => RequestBytes.Create(peer.Port, _options.Scenario.BodyBytes, _options.Scenario.Streams, key)).ToArray();
        var plan = new LoadPlan(peer.Port, requests, _answer, rate, _options.WarmUp * (peer.Answers == 0 ? FirstWarmUp : 1), _options.Window, _options.Connections, _options.Threads);
        var everyone = _peers.SelectMany(static each => each.Processes()).Append(_upstream!.Id).Append(Environment.ProcessId).ToArray();
        int[] rig = [_upstream.Id, Environment.ProcessId];
        var own = peer.Processes();

        await _quiet.WaitAsync(everyone, cancellationToken);
        await using var load = LoadWindow.Open(plan, cancellationToken);
        await UntilAsync(load.Start, cancellationToken);
        var (machine, all, before, rigBefore, completed, from) = (MachineCpu.Now(), ProcessTree.Use(everyone), ProcessTree.Use(own), ProcessTree.Use(rig), load.Completed, Stopwatch.GetTimestamp());
        var memory = await WatchMemoryAsync(peer, own, load.End, cancellationToken);
        var (machineAfter, allAfter, after, rigAfter, completedAfter, to) = (MachineCpu.Now(), ProcessTree.Use(everyone), ProcessTree.Use(own), ProcessTree.Use(rig), load.Completed, Stopwatch.GetTimestamp());
        var figures = await load.CloseAsync();
        peer.Answers += load.Completed;

        var answers = Math.Max(1, completedAfter - completed);
        var otherPercent = QuietMachine.OtherPercent(machine, machineAfter, all, allAfter);
        return new PeerWindow
        {
            Peer = peer.Name,
            Round = round,
            VoidBecause = _options.Bounds.Reasons(otherPercent, figures),
            Due = figures.Due,
            Answered = figures.Answered,
            Errors = figures.Errors,
            Refused = figures.Refused,
            Missing = figures.Missing,
            Waited = figures.Waited,
            AnsweredPerSecond = answers / Stopwatch.GetElapsedTime(from, to).TotalSeconds,
            Latency = Percentiles.Of(figures.Latency),
            FirstByte = Percentiles.Of(figures.FirstByte),
            Gap = Percentiles.Of(figures.Gap),
            Lag = Percentiles.Of(figures.Lag),
            CpuPerRequest = (double)(after.CpuMicroseconds - before.CpuMicroseconds) / answers,
            RigCpuPerRequest = (double)(rigAfter.CpuMicroseconds - rigBefore.CpuMicroseconds) / answers,
            SwitchesPerRequest = (double)(after.ContextSwitches - before.ContextSwitches) / answers,
            OtherCpuPercent = otherPercent,
            ResidentMebibytes = memory,
            Curve = PeerWindow.CurveOf(figures),
        };
    }

    /// <summary>Looks at the peer's memory until the window ends, and asks for its metrics once, as a monitoring system would.</summary>
    private static async Task<IReadOnlyList<double>> WatchMemoryAsync(Peer peer, IReadOnlyList<int> processes, long end, CancellationToken cancellationToken)
    {
        var samples = new List<double>();
        var step = (long)MemoryInterval.TotalNanoseconds;
        for (var next = Stopwatch.GetTimestamp() + step; next < end; next += step)
        {
            await UntilAsync(next, cancellationToken);
            if (processes.Count > 0)
            {
                samples.Add(Math.Round(ProcessTree.ResidentBytes(processes) / 1024.0 / 1024.0, 1));
            }

            // A scrape each 15 s is the usual; every window gets one at least.
            if (peer.Gateway is { } gateway && samples.Count % 30 == 3)
            {
                _ = await gateway.MetricsAsync(cancellationToken);
            }
        }

        await UntilAsync(end, cancellationToken);
        return samples;
    }

    private static async Task UntilAsync(long timestamp, CancellationToken cancellationToken)
    {
        var left = TimeSpan.FromMicroseconds((timestamp - Stopwatch.GetTimestamp()) / 1000.0);
        if (left > TimeSpan.Zero)
        {
            await Task.Delay(left, TimeProvider.System, cancellationToken);
        }
    }

    /// <summary>Whether every answer has its row; null without a ledger.</summary>
    private async Task<string?> LedgerAsync(CancellationToken cancellationToken)
    {
        if (_options.Scenario.Setup != GatewaySetup.Everything || _peers.Find(static peer => peer.Gateway is not null) is not { } peer)
        {
            return null;
        }

        var expected = peer.Answers.ToString(CultureInfo.InvariantCulture);
        try
        {
            await peer.Gateway!.QueryUntilAsync("SELECT count() FROM tollgate.requests", rows => rows.Trim() == expected, TimeSpan.FromSeconds(20), cancellationToken);
            return $"{expected} answers, {expected} rows";
        }
        catch (TimeoutException)
        {
            var rows = await peer.Gateway!.QueryAsync("SELECT count() FROM tollgate.requests", cancellationToken);
            return $"{expected} answers, {rows.Trim()} rows: they differ";
        }
    }
}
