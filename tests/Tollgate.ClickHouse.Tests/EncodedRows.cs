using System.Buffers;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests;

/// <summary>Rows as the spool holds them: bytes.</summary>
internal static class EncodedRows
{
    /// <summary>The rows as one batch.</summary>
    /// <param name="name">What its token begins with, so that the store tells it from other tests' batches.</param>
    /// <param name="rows">The rows; they have their numbers.</param>
    /// <param name="attempt">Counts the tokens under which they were sent.</param>
    public static UsageBatch Batch(string name, IReadOnlyList<UsageRow> rows, int attempt = 0)
    {
        var bytes = new ArrayBufferWriter<byte>();
        var ends = new int[rows.Count];
        for (var i = 0; i < ends.Length; i++)
        {
            RowBinaryEncoder.WriteRow(bytes, rows[i]);
            ends[i] = bytes.WrittenCount;
        }

        return new UsageBatch(name, RequestsTable.Version, attempt, bytes.WrittenMemory, ends);
    }
}
