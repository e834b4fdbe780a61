using System.Buffers;
using Tollgate.ClickHouse;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Benchmarks.Recording;

/// <summary>Writes each draft and row as the spool would and forgets it: what the spool adds is measured apart. One request at a time.</summary>
internal sealed class MemoryRecorder : IUsageRecorder
{
    private readonly OpenAttempt _attempt = new();
    private readonly ArrayBufferWriter<byte> _output = new(4096);
    private readonly RowBinaryFormat _format = new();

    public long Tail { get; private set; }

    public bool CanBegin => true;

    public OpenAttempt Begin() => _attempt;

    public void Draft(OpenAttempt attempt, UsageRow row) => Write(row);

    public void DraftWhole(OpenAttempt attempt, UsageRow row) => Write(row);

    public ValueTask WhenSafeAsync(OpenAttempt attempt, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public long Close(OpenAttempt attempt, UsageRow row)
    {
        Write(row);
        return Tail++;
    }

    private void Write(UsageRow row)
    {
        _output.ResetWrittenCount();
        _format.Write(_output, row);
    }
}
