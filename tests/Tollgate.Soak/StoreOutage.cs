using System.Diagnostics;
using System.Globalization;
using Tollgate.Testing;

namespace Tollgate.Soak;

/// <summary>How long the store is away, and under which load.</summary>
/// <param name="Away">How long the store is away.</param>
/// <param name="Rate">Calls a second.</param>
internal sealed record StoreOutageOptions(TimeSpan Away, int Rate);

/// <summary>What an outage came to.</summary>
internal sealed record StoreOutageReport
{
    /// <summary>The load, phase by phase.</summary>
    public required OpenLoad Load { get; init; }

    /// <summary>The gateway's memory with the store there, at its most while it was away, and at the end.</summary>
    public required (ProcessMemory Start, ProcessMemory Most, ProcessMemory End) Memory { get; init; }

    /// <summary>Most bytes in the gateway's own directory.</summary>
    public required long SpoolBytes { get; init; }

    /// <summary>Answers without a row when the store came back.</summary>
    public required long Backlog { get; init; }

    /// <summary>From the store's return until less than a second's arrivals had no row; null when that never came.</summary>
    public required TimeSpan? Drained { get; init; }

    /// <summary>Rows a second while it drained.</summary>
    public required double CatchUpRate { get; init; }

    /// <summary>The oracle's word.</summary>
    public required LedgerVerdict Verdict { get; init; }

    /// <summary>Rows stored beyond those that <c>FINAL</c> shows.</summary>
    public required long StoredTwice { get; init; }

    /// <summary>Where the ledger was left; null when it was exact, and deleted.</summary>
    public required string? KeptDirectory { get; init; }
}

/// <summary>Takes the store away under constant load, brings it back, and measures what clients notice and how long the rows take to follow.</summary>
/// <remarks>The store runs as a server of the harness's own, so that nothing starts it again too early. The gateway has its default settings.</remarks>
internal sealed class StoreOutage
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan After = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan SampleInterval = TimeSpan.FromSeconds(10);

    // A backlog that has not shrunk for that long does not drain any more. The gateway's longest pause between two tries is 10 s.
    private static readonly TimeSpan Stalled = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(12);

    private readonly StoreOutageOptions _options;
    private readonly TextWriter _output;
    private readonly SoakTally _tally = new();
    private readonly TemporaryDirectory _directory;
    private readonly long _started = Stopwatch.GetTimestamp();
    private GatewayProcess _gateway = null!;
    private StoreProcess _store = null!;
    private OpenLoad _load = null!;
    private ProcessMemory _most;
    private long _spoolBytes;

    private StoreOutage(StoreOutageOptions options, TextWriter output, TemporaryDirectory directory)
    {
        _options = options;
        _output = output;
        _directory = directory;
    }

    /// <summary>Runs the outage; prints a line every ten seconds.</summary>
    public static async Task<StoreOutageReport> RunAsync(StoreOutageOptions options, TextWriter output, CancellationToken cancellationToken)
    {
        var directory = new TemporaryDirectory();
        var report = await new StoreOutage(options, output, directory).RunAsync(cancellationToken);
        if (report.KeptDirectory is null)
        {
            directory.Dispose();
        }

        return report;
    }

    private async Task<StoreOutageReport> RunAsync(CancellationToken cancellationToken)
    {
        await using var upstream = new NumberedUpstream();
        await using var store = _store = await StoreProcess.StartAsync(_directory.Subdirectory("store"));
        await using var gateway = _gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl, configure: static configuration => configuration.Remove("recording"), directory: _directory, store: store.Address, cancellationToken: cancellationToken);
        _load = new OpenLoad(new Uri(gateway.ProxyAddress), _options.Rate, _tally);
        using var stop = new CancellationTokenSource();
        var load = _load.RunAsync(stop.Token);

        await PassAsync(OutagePhase.WarmUp, WarmUp, cancellationToken);
        await PassAsync(OutagePhase.Before, Before, cancellationToken);
        var start = ProcessMemory.Of(gateway.Id);

        store.Kill();
        await PassAsync(OutagePhase.During, _options.Away, cancellationToken);

        _load.Phase = OutagePhase.CatchUp;
        await store.RestartAsync();
        var rows = await CountAsync();
        var backlog = _tally.AnsweredCount - rows;
        var drained = await DrainAsync(cancellationToken);
        var drainedRows = await CountAsync() - rows;
        await PassAsync(OutagePhase.After, After, cancellationToken);
        var end = ProcessMemory.Of(gateway.Id);
        await stop.CancelAsync();
        await load;

        await UntilNoRowComesAsync(cancellationToken);
        var verdict = await CompareAsync(upstream);
        return new StoreOutageReport
        {
            Load = _load,
            Memory = (start, _most, end),
            SpoolBytes = _spoolBytes,
            Backlog = backlog,
            Drained = drained.InTime ? drained.Took : null,
            CatchUpRate = drainedRows / drained.Took.TotalSeconds,
            Verdict = verdict,
            StoredTwice = await CountAsync() - verdict.Rows,
            KeptDirectory = verdict.IsExact ? null : _directory.Path,
        };
    }

    private async Task PassAsync(OutagePhase phase, TimeSpan length, CancellationToken cancellationToken)
    {
        _load.Phase = phase;
        for (var left = length; left > TimeSpan.Zero; left -= SampleInterval)
        {
            await Task.Delay(left < SampleInterval ? left : SampleInterval, TimeProvider.System, cancellationToken);
            await SampleAsync(string.Empty);
        }
    }

    /// <summary>Waits until less than a second's arrivals have no row.</summary>
    private async Task<(bool InTime, TimeSpan Took)> DrainAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var (least, leastAt, sampledAt) = (long.MaxValue, started, started);
        while (true)
        {
            var behind = _tally.AnsweredCount - await CountAsync();
            if (behind <= _options.Rate)
            {
                return (true, Stopwatch.GetElapsedTime(started));
            }

            if (behind < least)
            {
                (least, leastAt) = (behind, Stopwatch.GetTimestamp());
            }
            else if (Stopwatch.GetElapsedTime(leastAt) > Stalled)
            {
                return (false, Stopwatch.GetElapsedTime(started));
            }

            if (Stopwatch.GetElapsedTime(sampledAt) > SampleInterval)
            {
                sampledAt = Stopwatch.GetTimestamp();
                await SampleAsync($", {behind} rows behind");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, cancellationToken);
        }
    }

    private async Task SampleAsync(string more)
    {
        var memory = ProcessMemory.Of(_gateway.Id);
        var spool = SpoolBytes();
        _spoolBytes = Math.Max(_spoolBytes, spool);
        if (_load.Phase is OutagePhase.During or OutagePhase.CatchUp && memory.Resident > _most.Resident)
        {
            _most = memory;
        }

        var phase = _load[_load.Phase];
        await _output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{Stopwatch.GetElapsedTime(_started):hh\\:mm\\:ss} {_load.Phase}: {phase.Calls} calls, {phase.Errors} errors, {memory}, gateway's files {ProcessMemory.Mebibytes(spool)} MiB{more}"));
    }

    private long SpoolBytes()
    {
        try
        {
            return new DirectoryInfo(Path.Combine(_directory.Path, "data")).EnumerateFiles("*", SearchOption.AllDirectories).Sum(static file => file.Length);
        }
        catch (IOException)
        {
            // A file that was deleted while it was looked at: the next sample counts again.
            return 0;
        }
    }

    private async Task UntilNoRowComesAsync(CancellationToken cancellationToken)
    {
        var (last, since) = (await CountAsync(), Stopwatch.GetTimestamp());
        while (Stopwatch.GetElapsedTime(since) < Settled)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, cancellationToken);
            var count = await CountAsync();
            if (count != last)
            {
                (last, since) = (count, Stopwatch.GetTimestamp());
            }
        }
    }

    private async Task<LedgerVerdict> CompareAsync(NumberedUpstream upstream)
    {
        var oracle = new LedgerOracle(_tally.AnsweredFrom(0), upstream.Served);
        using var body = new StringContent($"SELECT {SoakRow.Columns} FROM tollgate.requests FINAL");
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, _store.Address) { Content = body };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is { } line)
        {
            oracle.See(SoakRow.Parse(line));
        }

        return oracle.Judge();
    }

    private async Task<long> CountAsync() => long.Parse(await _store.QueryAsync("SELECT count() FROM tollgate.requests"), CultureInfo.InvariantCulture);
}
