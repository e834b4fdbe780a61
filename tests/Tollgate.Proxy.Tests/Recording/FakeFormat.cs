using System.Buffers;
using System.Buffers.Binary;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording;

/// <summary>The shortest row there can be: its number, its attempt, and as many bytes as its request had.</summary>
internal sealed class FakeFormat(int version = 1) : IRowFormat
{
    public int Version { get; } = version;

    public void Write(IBufferWriter<byte> output, UsageRow row)
    {
        var bytes = output.GetSpan(SpooledRow.FixedBytes + (int)row.RequestBytes)[..(SpooledRow.FixedBytes + (int)row.RequestBytes)];
        bytes.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, row.Sequence);
        row.AttemptId.TryWriteBytes(bytes[8..]);
        output.Advance(bytes.Length);
    }

    public Guid ReadAttemptId(ReadOnlySpan<byte> sixteenBytes) => new(sixteenBytes[..16]);

    /// <summary>Rows as bytes.</summary>
    public static byte[] Encode(UsageRow row)
    {
        var output = new ArrayBufferWriter<byte>();
        new FakeFormat().Write(output, row);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>A batch of new attempts, numbered from <paramref name="first"/>.</summary>
    public static UsageBatch Batch(ulong first, int count, int attempt = 0)
    {
        var output = new ArrayBufferWriter<byte>();
        var ends = new int[count];
        for (var i = 0; i < count; i++)
        {
            new FakeFormat().Write(output, new UsageRow { Sequence = first + (ulong)i, AttemptId = Guid.NewGuid() });
            ends[i] = output.WrittenCount;
        }

        return new UsageBatch("gw", 1, attempt, output.WrittenMemory, ends);
    }

    /// <summary>Numbers and attempts of a batch.</summary>
    public static IEnumerable<StoredRow> RowsOf(UsageBatch batch) =>
        Enumerable.Range(0, batch.Count).Select(index => new StoredRow(batch.SequenceOf(index), new Guid(SpooledRow.AttemptIdOf(batch.Row(index).Span))));
}
