using System.Buffers;
using System.Runtime.InteropServices;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse;

/// <summary>Writes batches of the ledger to ClickHouse, one insert each.</summary>
/// <remarks>
/// A batch is one block of one insert under its own deduplication token. It is not split by month: a batch spans a few hundred
/// milliseconds, so only one at a month's turn falls into two partitions, and each of the two parts has its own record under
/// the token. Should only one part be committed, sending the batch again writes the other.
/// Only damaged data is beyond retry. A wrong set-up (no table, no right, wrong password) can be mended while the rows wait.
/// </remarks>
public sealed class ClickHouseUsageSink(StoreClient store) : IUsageSink
{
    // 64 MiB: a batch of 100,000 rows at twice the usual size. A larger buffer is an exception and is not kept.
    private const int MaxKeptBytes = 64 * 1024 * 1024;

    private ArrayBufferWriter<byte>? _spare;

    /// <inheritdoc/>
    public async Task WriteAsync(UsageBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Rows.Count == 0)
        {
            return;
        }

        var buffer = Interlocked.Exchange(ref _spare, null) ?? new ArrayBufferWriter<byte>();
        foreach (var row in batch.Rows)
        {
            RowBinaryEncoder.WriteRow(buffer, row);
        }

        await InsertAsync(batch, buffer.WrittenMemory, cancellationToken);

        // Only a write that went well gives its buffer back: after a failure the connection may still be reading it.
        if (buffer.Capacity <= MaxKeptBytes)
        {
            buffer.ResetWrittenCount();
            _spare = buffer;
        }
    }

    private async Task InsertAsync(UsageBatch batch, ReadOnlyMemory<byte> rows, CancellationToken cancellationToken)
    {
        using var body = ToStream(rows);
        try
        {
            await store.InsertAsync(RequestsTable.Name, RequestsTable.Columns, body, batch.Id, cancellationToken);
        }
        catch (StoreException failure)
        {
            throw new UsageSinkException($"Batch {batch.Id} of {batch.Rows.Count} rows was not written. {failure.Message}", failure.CanRetry, failure);
        }
    }

    private static MemoryStream ToStream(ReadOnlyMemory<byte> rows) =>
        MemoryMarshal.TryGetArray(rows, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(rows.ToArray(), writable: false);
}
