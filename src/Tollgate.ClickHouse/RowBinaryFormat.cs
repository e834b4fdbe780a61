using System.Buffers;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.ClickHouse;

/// <summary>Rows as ClickHouse's RowBinary, in the order of <see cref="RequestsTable.Columns"/>.</summary>
public sealed class RowBinaryFormat : IRowFormat
{
    /// <inheritdoc/>
    /// <remarks>Goes up whenever the columns change; <see cref="RequestsTable.ColumnsOf"/> keeps those of older ones, for rows that wait in a spool.</remarks>
    public int Version => RequestsTable.Version;

    /// <inheritdoc/>
    public void Write(IBufferWriter<byte> output, UsageRow row) => RowBinaryEncoder.WriteRow(output, row);

    /// <inheritdoc/>
    public Guid ReadAttemptId(ReadOnlySpan<byte> sixteenBytes) => RowBinaryEncoder.ReadUuid(sixteenBytes);
}
