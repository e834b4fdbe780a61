using System.Text;
using BenchmarkDotNet.Attributes;
using Tollgate.Benchmarks.Gate;
using Tollgate.Proxy.Scanning;

namespace Tollgate.Benchmarks.Scanning;

/// <summary>What one event costs as it passes, and how fast long ones do.</summary>
/// <remarks>Targets: 50 ns for an event that metering has no use for, 8 GB/s inside a long one, 0 B.</remarks>
[MemoryDiagnoser]
public class SseScannerBenchmarks
{
    private const int Frames = 2_000;
    private const int FrameBytes = 1_000_000; // Below SseScanner.MaxEventBytes, so that it is read and not passed over.
    private const int ReadBytes = 4096;

    private readonly SseScanner _scanner = new(new UsageReader());
    private byte[] _pings = [];
    private byte[] _stops = [];
    private byte[] _deltas = [];
    private byte[] _longPing = [];
    private byte[] _longDelta = [];
    private ReadOnlyMemory<byte>[] _longDeltaInReads = [];

    [GlobalSetup]
    public void Make()
    {
        var filling = new string('x', FrameBytes);
        _pings = Many(SampleAnswers.Ping);
        _stops = Many("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n");
        _deltas = Many(SampleAnswers.Delta("a"));
        _longPing = Encoding.UTF8.GetBytes("event: ping\ndata: {\"filling\":\"" + filling + "\"}\n\n");
        _longDelta = Encoding.UTF8.GetBytes(SampleAnswers.Delta(filling));
        _longDeltaInReads = SampleAnswers.Cut(_longDelta, ReadBytes);

        static byte[] Many(string frame) => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(frame, Frames)));
    }

    /// <summary>An event that metering has no use for, many in one read. Per event.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Frames)]
    [Allocates(0)]
    public void TinyPing() => _scanner.Scan(_pings);

    /// <summary>Likewise, the end of a block.</summary>
    [Benchmark(OperationsPerInvoke = Frames)]
    [Allocates(0)]
    public void TinyBlockStop() => _scanner.Scan(_stops);

    /// <summary>A piece of one byte of text, many in one read: its text is measured for estimates. Per event.</summary>
    [Benchmark(OperationsPerInvoke = Frames)]
    [Allocates(0)]
    public void TinyDelta() => _scanner.Scan(_deltas);

    /// <summary>A megabyte in one event that metering has no use for.</summary>
    [Benchmark]
    [Allocates(0)]
    [Reads(FrameBytes)]
    public void LongPing() => _scanner.Scan(_longPing);

    /// <summary>A megabyte of text in one event.</summary>
    [Benchmark]
    [Allocates(0)]
    [Reads(FrameBytes)]
    public void LongDelta() => _scanner.Scan(_longDelta);

    /// <summary>The same in reads of 4 KiB: all of it has to be kept until its end comes.</summary>
    [Benchmark]
    [Allocates(0)]
    [Reads(FrameBytes)]
    public void LongDeltaInReads()
    {
        foreach (var piece in _longDeltaInReads)
        {
            _scanner.Scan(piece.Span);
        }
    }
}
