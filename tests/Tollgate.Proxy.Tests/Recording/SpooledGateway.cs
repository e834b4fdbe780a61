using Microsoft.Extensions.Logging;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Proxy.Recording.Spool;
using Tollgate.Testing.Gateway;

namespace Tollgate.Proxy.Tests.Recording;

/// <summary>The recording half of a gateway on a directory of its own: the real spool and sender, a store and a clock of the test's.</summary>
internal sealed class SpooledGateway : IDisposable
{
    // Long enough that no batch is due by itself while a test looks.
    public static readonly RecordingOptions Options = new() { BatchRows = 10, BatchInterval = TimeSpan.FromMilliseconds(250), MaxRetryInterval = TimeSpan.FromSeconds(10) };

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly FoldTable _folds;
    private readonly SpoolCommitter _committer;
    private long _rows;

    // The one that the sender is in, as far as the test knows.
    private TimeSpan? _wait;

    private SpooledGateway(TemporaryDirectory directory, FakeStore store, ILogger<GatewayEvents> log, DateTimeOffset start, int segmentBytes, int rowFormat)
    {
        Directory = directory;
        Time.SetUtcNow(start);
        var events = new GatewayEvents(Metrics, log);
        Files = LinuxSpoolFiles.Take(directory.Path);
        Spool = UsageSpool.Open(Files, new SpoolSettings(segmentBytes, 1L << 30, rowFormat), events, Time);
        _rows = Spool.DurableRows;
        _folds = FoldTable.Open(Files, events);
        _committer = new SpoolCommitter(Spool, TimeSpan.FromMilliseconds(5), TimeProvider.System);
        Sender = new UsageSender(Spool, _committer, store, new FakeFormat(rowFormat), _folds, new DeadLetters(Files), Options, Time, events, "gw");
    }

    public TemporaryDirectory Directory { get; }

    public LinuxSpoolFiles Files { get; }

    public UsageSpool Spool { get; }

    public UsageSender Sender { get; }

    public WatchedTime Time { get; } = new();

    public GatewayMetrics Metrics { get; } = new(new MetricsOptions());

    /// <summary>Opens the spool in a directory.</summary>
    public static SpooledGateway Open(
        TemporaryDirectory directory, FakeStore store, ILogger<GatewayEvents>? log = null, DateTimeOffset? start = null, int segmentBytes = 1 << 20, int rowFormat = 1) =>
        new(directory, store, log ?? new RecordedLog<GatewayEvents>(), start ?? new DateTimeOffset(2026, 11, 24, 0, 0, 0, TimeSpan.Zero), segmentBytes, rowFormat);

    /// <summary>Records attempts, each of so many bytes.</summary>
    public List<Guid> Record(int count, int bytes = 100)
    {
        var ids = new List<Guid>(count);
        for (var i = 0; i < count; i++)
        {
            var row = new UsageRow { AttemptId = Guid.NewGuid(), RequestBytes = bytes };
            var attempt = Spool.Begin();

            // Small segments are written faster than the committer prepares them.
            Assert.True(SpinWait.SpinUntil(() => Spool.TryDraft(attempt, FakeFormat.Encode(row)), Patience));
            Assert.True(SpinWait.SpinUntil(() => Spool.TryClose(attempt, FakeFormat.Encode(row), Time.GetUtcNow().ToUnixTimeMilliseconds(), out _), Patience));
            ids.Add(row.AttemptId);
        }

        _rows += count;
        return ids;
    }

    /// <summary>Returns once everything recorded so far is durable.</summary>
    public async Task CommittedAsync()
    {
        while (Spool.DurableRows < _rows)
        {
            await Spool.WhenCommittedAsync(TestContext.Current.CancellationToken);
        }
    }

    public Task StartAsync() => Sender.StartAsync(CancellationToken.None);

    public Task StopAsync() => Sender.StopAsync(CancellationToken.None);

    /// <summary>Passes the sender's waits until it waits and <paramref name="isSo"/>.</summary>
    public async Task UntilAsync(Func<bool> isSo)
    {
        while (true)
        {
            _wait ??= await Time.NextWaitAsync();
            if (isSo())
            {
                return;
            }

            Time.Advance(_wait.Value);
            _wait = null;
        }
    }

    /// <summary>Runs until every row is in the store and nothing is left to note.</summary>
    public Task UntilDoneAsync() => UntilAsync(() => Spool.DurableRows == _rows && Sender.PendingRows == 0 && Sender.Problem is null);

    /// <summary>The directory as a kill would leave it.</summary>
    public TemporaryDirectory Killed()
    {
        var copy = new TemporaryDirectory();
        foreach (var path in System.IO.Directory.EnumerateFiles(Directory.Path, "*.segment"))
        {
            File.Copy(path, Path.Combine(copy.Path, Path.GetFileName(path)));
        }

        return copy;
    }

    public void Dispose()
    {
        _committer.Dispose();
        Sender.Dispose();
        _folds.Dispose();
        Spool.Dispose();
    }
}
