using System.Buffers;
using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using Tollgate.Benchmarks.Gate;
using Tollgate.ClickHouse;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Benchmarks.Recording;

/// <summary>What a request pays for a record that survives the kill of the gateway.</summary>
/// <remarks>
/// Each iteration writes into fresh files on the disk of the temporary directory, page faults of the first touch included. The baseline is what the
/// spool would cost with one write(2) a record. An attempt is what a small request does: a draft before it goes up, a draft before its answer's end, its row.
/// </remarks>
[MemoryDiagnoser]
[InvocationCount(1)]
[WarmupCount(4)]
[IterationCount(12)]
public class UsageSpoolBenchmarks
{
    private const int Records = 60_000;
    private const int Attempts = Records / 3;

    private readonly UsageRow _row = TypicalRow.Make();
    private readonly GatewayEvents _events = new(new GatewayMetrics(new MetricsOptions()), NullLogger<GatewayEvents>.Instance);
    private byte[] _bytes = [];
    private string _directory = string.Empty;
    private UsageSpool _spool = null!;
    private SpoolCommitter _committer = null!;
    private FoldTable _folds = null!;
    private UsageRecorder _recorder = null!;
    private SafeFileHandle _file = null!;

    [GlobalSetup]
    public void Encode()
    {
        var encoded = new ArrayBufferWriter<byte>();
        new RowBinaryFormat().Write(encoded, _row);
        _bytes = encoded.WrittenSpan.ToArray();
    }

    [IterationSetup]
    public void Open()
    {
        _directory = Directory.CreateTempSubdirectory("tollgate-bench-").FullName;

        // All of an iteration in one segment: rolling is the committer's work, made ahead on its own thread.
        var options = new SpoolOptions { SegmentBytes = 64 * 1024 * 1024, MaxBytes = 1024 * 1024 * 1024 };
        var settings = new SpoolSettings(options.SegmentBytes, options.MaxBytes, RequestsTable.Version);
        var files = LinuxSpoolFiles.Take(_directory);
        _folds = FoldTable.Open(files, _events);
        _spool = UsageSpool.Open(files, settings, _events, TimeProvider.System);
        _committer = new SpoolCommitter(_spool, TimeSpan.FromMinutes(1), TimeProvider.System);
        _recorder = new UsageRecorder(_spool, _committer, new RowBinaryFormat(), _folds, options, TimeProvider.System, _events);
        _file = File.OpenHandle(Path.Combine(_directory, "baseline"), FileMode.CreateNew, FileAccess.Write, preallocationSize: options.SegmentBytes);
    }

    [IterationCleanup]
    public void Close()
    {
        _file.Dispose();
        _committer.Dispose();
        _folds.Dispose();
        _spool.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Records)]
    [Allocates(0)]
    public void OneWriteCallPerRecord()
    {
        for (var i = 0; i < Records; i++)
        {
            RandomAccess.Write(_file, _bytes, (long)i * _bytes.Length);
        }
    }

    [Benchmark(OperationsPerInvoke = Records)]
    [Allocates(0)]
    public void AppendOneRecord()
    {
        var attempt = _spool.Begin();
        for (var i = 0; i < Records; i++)
        {
            _spool.TryDraft(attempt, _bytes);
        }
    }

    [Benchmark(OperationsPerInvoke = Records)]
    [Allocates(0)]
    public void EncodeAndAppendOneRecord()
    {
        var attempt = _recorder.Begin();
        for (var i = 0; i < Records; i++)
        {
            _recorder.Draft(attempt, _row);
        }
    }

    [Benchmark(OperationsPerInvoke = Attempts)]
    [Allocates(0)]
    public void AttemptOfTwoDraftsAndARow()
    {
        for (var i = 0; i < Attempts; i++)
        {
            var attempt = _recorder.Begin();
            _recorder.Draft(attempt, _row);
            _recorder.Draft(attempt, _row);
            _recorder.Close(attempt, _row);
        }
    }
}
