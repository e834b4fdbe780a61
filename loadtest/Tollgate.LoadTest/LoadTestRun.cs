using System.Diagnostics;
using System.Globalization;
using Tollgate.LoadTest.Generator;
using Tollgate.LoadTest.Measuring;
using Tollgate.LoadTest.Peers;
using Tollgate.LoadTest.Polling;
using Tollgate.LoadTest.Reporting;
using Tollgate.LoadTest.Wire;

namespace Tollgate.LoadTest;

/// <summary>Starts the upstream and every peer, gives each the same load by turns in random order, and measures.</summary>
internal sealed class LoadTestRun : IAsyncDisposable
{
    // A peer whose windows are void is tried again, but not for ever.
    private const int TriesPerRound = 2;

    // A runtime compiles its hot paths while it serves: before its first window a peer gets this many times the warm-up. (Compiling took a fifth of a gateway's CPU in the first half minute.)
    private const int FirstWarmUp = 5;

    // Of the load under which system calls are counted: longer than the counter needs to attach, count and detach.
    private static readonly TimeSpan CountingWarmUp = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CountingTime = TimeSpan.FromSeconds(3);
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
    private readonly LoopbackCertificate? _certificate;
    private readonly TlsContext? _tls;
    private ChildServer? _upstream;

    private LoadTestRun(LoadTestOptions options, Action<string> say)
    {
        _options = options;
        _say = say;
        _order = new Random(options.Seed);
        _quiet = new QuietMachine(options.Bounds.OtherCpuPercent, options.Patience);
        _certificate = options.Scenario.IsTls ? LoopbackCertificate.Create(_directory.Path) : null;
        _tls = options.Scenario.IsTls ? TlsContext.Client() : null;
        _answer = options.Scenario.Answer(options.Pause, options.HeldFrames);
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
            if (round > _options.Rounds && Stopwatch.GetTimestamp() > _options.RepeatUntil)
            {
                break;
            }

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
            var own = windows.Where(window => window.Peer == peer.Name).ToArray();
            var memory = new PeerMemory(
                _idleMemory[peer.Name],
                own.SelectMany(static window => window.ResidentMebibytes).DefaultIfEmpty().Max(),
                peer.ResidentMebibytes(),
                own.Select(static window => window.StoreResidentMebibytes).DefaultIfEmpty().Max());
            rows.Add(PeerRow.Of(peer, windows, memory, await CountSystemCallsAsync(peer, rate, cancellationToken)));
        }

        return new LoadTestReport(_options.Scenario.Title, _options.Scenario.Summary, rate, _options.Scenario.BodyBytes + _answer.BodyBytes, conditions, rows, await LedgerAsync(cancellationToken), windows);
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

        _tls?.Dispose();
        _directory.Dispose();
    }

    private async Task StartProcessesAsync(CancellationToken cancellationToken)
    {
        var self = typeof(LoadTestRun).Assembly.Location;
        (_upstream, var port) = await ChildServer.StartAsync("dotnet", UpstreamCommand(self), _directory.Path, cancellationToken);
        var starter = new PeerStarter(int.Parse(port, CultureInfo.InvariantCulture), _options.Scenario, _certificate, _directory, _options.Nginx, _options.Haproxy);
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

    private string[] UpstreamCommand(string self) => _options.Scenario.Holds
        ? ["exec", self, "upstream", _options.Scenario.Name, "--pause", _options.Pause.TotalSeconds.ToString(CultureInfo.InvariantCulture), "--frames", _options.HeldFrames.ToString(CultureInfo.InvariantCulture)]
        : ["exec", self, "upstream", _options.Scenario.Name, .. _certificate is { } files ? ["--certificate", files.Certificate, "--key", files.Key] : Array.Empty<string>()];

    private LoadPlan Plan(Peer peer, int rate, TimeSpan warmUp, TimeSpan window)
    {
        var requests = peer.Keys.Select(key => RequestBytes.Create(peer.Port, _options.Scenario.BodyBytes, _options.Scenario.Streams, key)).ToArray();
        return new LoadPlan(peer.Port, requests, _answer, rate, warmUp, window, _options.Connections, _options.Threads, _options.Scenario.Holds, _tls);
    }

    /// <summary>Load of its own for the counter, after every window: nothing else of it is looked at.</summary>
    private async Task<SystemCalls?> CountSystemCallsAsync(Peer peer, int rate, CancellationToken cancellationToken)
    {
        var relaying = peer.Relaying();
        if (relaying.Count == 0 || _options.Scenario.Holds || _options.Scenario.IsLong)
        {
            return null;
        }

        await using var load = LoadWindow.Open(Plan(peer, rate, CountingWarmUp, CountingTime), cancellationToken);
        await UntilAsync(load.Start, cancellationToken);
        var calls = await SystemCalls.CountAsync(relaying, () => load.Completed, cancellationToken);
        _ = await load.CloseAsync();
        peer.Answers += load.Completed;
        return calls;
    }

    private async Task<PeerWindow> MeasureAsync(Peer peer, int rate, int round, CancellationToken cancellationToken)
    {
        var plan = Plan(peer, rate, _options.WarmUpAt(rate) * (peer.Answers == 0 && !_options.Scenario.Holds ? FirstWarmUp : 1), _options.Window);
        var everyone = _peers.SelectMany(static each => each.Processes()).Append(_upstream!.Id).Append(Environment.ProcessId).ToArray();
        int[] rig = [_upstream.Id, Environment.ProcessId];
        var (own, store) = (peer.Relaying(), peer.Store());

        await _quiet.WaitAsync(everyone, cancellationToken);
        var buffers = SocketMemory.Bytes();
        await using var load = LoadWindow.Open(plan, cancellationToken);
        await UntilAsync(load.Start, cancellationToken);
        var overhead = await OverheadAsync(peer, cancellationToken);
        var (machine, all, before, storeBefore, rigBefore, completed, from) = (MachineCpu.Now(), ProcessTree.Use(everyone), ProcessTree.Use(own), ProcessTree.Use(store), ProcessTree.Use(rig), load.Completed, Stopwatch.GetTimestamp());
        var (memory, storeMemory) = await WatchMemoryAsync(peer, own, store, load.End, cancellationToken);
        var (machineAfter, allAfter, after, storeAfter, rigAfter, completedAfter, to) = (MachineCpu.Now(), ProcessTree.Use(everyone), ProcessTree.Use(own), ProcessTree.Use(store), ProcessTree.Use(rig), load.Completed, Stopwatch.GetTimestamp());
        var buffersAfter = SocketMemory.Bytes();
        var overheadAfter = await OverheadAsync(peer, cancellationToken);
        var figures = await load.CloseAsync();
        peer.Answers += load.Completed;

        var answers = Math.Max(1, completedAfter - completed);
        var otherPercent = QuietMachine.OtherPercent(machine, machineAfter, all, allAfter);
        return new PeerWindow
        {
            Peer = peer.Name,
            Round = round,
            VoidBecause = _options.Bounds.Reasons(otherPercent, figures, hasStore: store.Count > 0),
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
            StoreCpuPerRequest = (double)(storeAfter.CpuMicroseconds - storeBefore.CpuMicroseconds) / answers,
            RigCpuPerRequest = (double)(rigAfter.CpuMicroseconds - rigBefore.CpuMicroseconds) / answers,
            SwitchesPerRequest = (double)(after.ContextSwitches - before.ContextSwitches) / answers,
            OtherCpuPercent = otherPercent,
            ResidentMebibytes = memory,
            StoreResidentMebibytes = storeMemory,
            Overhead = overhead is not null && overheadAfter is not null ? Overhead.Between(overhead, overheadAfter) : null,
            Streams = _options.Scenario.Holds && figures.Answered > 0
                ? new StreamUse(figures.Answered, Math.Max(0, memory.DefaultIfEmpty().Max() - _idleMemory[peer.Name]) * 1024 / figures.Answered, (buffersAfter - buffers) / 1024.0 / figures.Answered)
                : null,
            Curve = PeerWindow.CurveOf(figures),
        };
    }

    /// <summary>Looks at the peer's memory until the window ends, and asks for its metrics once, as a monitoring system would.</summary>
    /// <returns>Samples of the processes that relay, and the largest of the store.</returns>
    private static async Task<(IReadOnlyList<double> Relaying, double Store)> WatchMemoryAsync(Peer peer, IReadOnlyList<int> processes, IReadOnlyList<int> store, long end, CancellationToken cancellationToken)
    {
        var samples = new List<double>();
        var largest = 0.0;
        var step = (long)MemoryInterval.TotalNanoseconds;
        for (var next = Stopwatch.GetTimestamp() + step; next < end; next += step)
        {
            await UntilAsync(next, cancellationToken);
            if (processes.Count > 0)
            {
                samples.Add(Math.Round(ProcessTree.ResidentBytes(processes) / 1024.0 / 1024.0, 1));
                largest = Math.Max(largest, Math.Round(ProcessTree.ResidentBytes(store) / 1024.0 / 1024.0, 1));
            }

            // A scrape each 15 s is the usual; every window gets one at least.
            if (peer.Gateway is { } gateway && samples.Count % 30 == 3)
            {
                _ = await gateway.MetricsAsync(cancellationToken);
            }
        }

        await UntilAsync(end, cancellationToken);
        return (samples, largest);
    }

    private static async Task<Overhead?> OverheadAsync(Peer peer, CancellationToken cancellationToken) =>
        peer.Gateway is { } gateway ? Overhead.Parse(await gateway.MetricsAsync(cancellationToken)) : null;

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
        if (_options.Scenario.Setup != GatewaySetup.Everything || _options.Scenario.Holds || _peers.Find(static peer => peer.Name == "tollgate") is not { } peer)
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
