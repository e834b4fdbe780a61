using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording.Spool;

/// <summary>Rows that tell which attempt they are of, and what of them is in a spool.</summary>
internal static class SpoolRows
{
    public const int Format = 1;

    public static GatewayEvents Events { get; } = new(new GatewayMetrics(new MetricsOptions()), NullLogger<GatewayEvents>.Instance);

    /// <summary>A row of an attempt; <paramref name="filling"/> fills what is the format's own.</summary>
    public static byte[] Row(int attempt, byte filling = 0xEE, int length = 40)
    {
        var row = new byte[length];
        row.AsSpan(SpooledRow.FixedBytes).Fill(filling);
        BitConverter.TryWriteBytes(row.AsSpan(8), attempt);
        return row;
    }

    public static int AttemptOf(ReadOnlySpan<byte> row) => BitConverter.ToInt32(row[8..]);

    /// <summary>The rows that a sender would be shown now.</summary>
    public static List<byte[]> ReadAll(UsageSpool spool, int? format = null)
    {
        var rows = new List<byte[]>();
        var reader = new SpoolReader(spool);
        reader.Seek(spool.Cursor.Acknowledged);
        while (reader.TryRead(format, out var row, out _))
        {
            rows.Add(row.ToArray());
        }

        return rows;
    }

    public static UsageSpool Open(ISpoolFiles files, int segmentBytes = 4096, int segments = 64, int format = Format) =>
        UsageSpool.Open(files, new SpoolSettings(segmentBytes, (long)segmentBytes * segments, format), Events, TimeProvider.System);

    public static bool TryWrite(UsageSpool spool, int attempt, byte filling = 0xEE) => spool.TryClose(spool.Begin(), Row(attempt, filling), 1, out _);
}

/// <summary>A form of rows that is only the attempt id.</summary>
internal sealed class BareRowFormat : IRowFormat
{
    public int Version => SpoolRows.Format;

    public void Write(System.Buffers.IBufferWriter<byte> output, UsageRow row)
    {
        var bytes = output.GetSpan(SpooledRow.FixedBytes)[..SpooledRow.FixedBytes];
        bytes.Clear();
        row.AttemptId.TryWriteBytes(bytes[8..]);
        output.Advance(SpooledRow.FixedBytes);
    }

    public Guid ReadAttemptId(ReadOnlySpan<byte> sixteenBytes) => new(sixteenBytes);
}
