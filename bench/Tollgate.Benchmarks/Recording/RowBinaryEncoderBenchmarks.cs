using System.Buffers;
using BenchmarkDotNet.Attributes;
using Tollgate.Benchmarks.Gate;
using Tollgate.ClickHouse;
using Tollgate.Proxy.Recording;

namespace Tollgate.Benchmarks.Recording;

/// <summary>What writing a row as the spool keeps it and the store takes it costs: 418 bytes.</summary>
[MemoryDiagnoser]
public class RowBinaryEncoderBenchmarks
{
    private readonly UsageRow _row = TypicalRow.Make();
    private readonly ArrayBufferWriter<byte> _output = new(4096);
    private readonly RowBinaryFormat _format = new();

    [Benchmark]
    [Allocates(0)]
    public int WriteRow()
    {
        _output.ResetWrittenCount();
        _format.Write(_output, _row);
        return _output.WrittenCount;
    }
}
