using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;

namespace Tollgate.ClickHouse;

/// <summary>Writes rows of the ledger in ClickHouse's RowBinary: values one after the other, without names, types or separators.</summary>
/// <remarks>
/// No value can poison a batch: what does not fit its column is written as the nearest value that does, never wrapped.
/// Hot path: no allocation once the output has grown. See RowBinaryAllocationTests.Encoding_a_warm_row_allocates_nothing.
/// </remarks>
public static class RowBinaryEncoder
{
    /// <summary>The longest text written, in UTF-8 bytes; a longer one is cut at the last whole character that fits.</summary>
    public const int MaxTextBytes = 1024;

    // Decimal(18,9) holds 18 digits, a little less than the 64-bit integer it travels in.
    private const long MaxNanodollars = 999_999_999_999_999_999;

    // What the column's TTL can do arithmetic with: it counts seconds in 32 bits, up to 2106.
    private static readonly long LastMillisecond = new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    /// <summary>Writes one row.</summary>
    // row = the columns of RequestsTable.Columns, in that order.
    public static void WriteRow(IBufferWriter<byte> output, UsageRow row)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(row);
        WriteUInt64(output, row.Sequence);
        WriteUuid(output, row.AttemptId);
        WriteTimestamp(output, row.Timestamp);
        WriteUuid(output, row.RequestId);
        WriteText(output, row.GatewayId);
        WriteText(output, row.Customer);
        WriteText(output, row.Team);
        WriteText(output, row.Project);
        WriteText(output, row.Developer);
        WriteText(output, row.KeyId);
        WriteText(output, row.SessionId);
        WriteText(output, row.AgentId);
        WriteText(output, row.ParentAgentId);
        WriteText(output, row.AgentKind);
        WriteText(output, row.PromptId);
        WriteText(output, row.RequestClass);
        WriteText(output, row.Client);
        WriteText(output, row.Provider);
        WriteText(output, EndpointName(row.Endpoint));
        WriteText(output, row.ModelRequested);
        WriteText(output, row.Model);
        WriteText(output, row.FallbackFrom);
        WriteText(output, row.ServiceTier);
        WriteText(output, row.InferenceGeo);
        WriteBool(output, row.IsStream);
        WriteBool(output, row.IsBatch);
        WriteBool(output, row.IsFast);
        WriteUInt16(output, row.HttpStatus);
        WriteEnum(output, (int)row.Outcome, (int)ForwardOutcome.GatewayStopped);
        WriteText(output, row.ErrorType);
        WriteText(output, row.StopReason);
        WriteEnum(output, (int)row.UsageSource, (int)UsageSource.Estimated);
        WriteTokens(output, row);
        WriteCost(output, row.Cost);
        WriteBool(output, row.Priced);
        WriteBool(output, row.BandAmbiguous);
        WriteUInt32(output, row.PriceRevision);
        WriteUInt32(output, row.LatencyMicroseconds / 1000);
        WriteUInt32(output, row.FirstByteMicroseconds);
        WriteUInt32(output, row.TtftMicroseconds);
        WriteUInt32(output, row.MaxGapMicroseconds);
        WriteUInt32(output, row.OverheadMicroseconds);
        WriteUInt32(output, row.RequestBytes);
        WriteUInt32(output, row.ResponseBytes);
        WriteText(output, row.UpstreamRequestId);
        WriteBytes(output, row.MessageId.Span);
        WriteLabels(output, CollectionsMarshal.AsSpan(row.Labels));
    }

    /// <summary>Writes one fold.</summary>
    // fold = the columns of FoldedTable.Columns, in that order. Its sums are in range already: an Int64 that is not negative reads the same as UInt64,
    // and money travels as Int64 nano-dollars.
    public static void WriteFold(IBufferWriter<byte> output, Fold fold, string gatewayId)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(fold);
        ArgumentNullException.ThrowIfNull(gatewayId);
        var (key, sums) = (fold.Key, fold.Sums);
        WriteText(output, key.Customer);
        WriteUInt32(output, key.Slot.ToUnixTimeSeconds());
        WriteText(output, key.Team);
        WriteText(output, key.Project);
        WriteText(output, key.Developer);
        WriteText(output, key.KeyId);
        WriteText(output, key.Provider);
        WriteText(output, key.Model);
        foreach (var sum in (ReadOnlySpan<long>)[
            sums.Requests, sums.Errors,
            sums.InputTokens, sums.OutputTokens, sums.CacheReadTokens, sums.CacheWrite5mTokens, sums.CacheWrite1hTokens,
            sums.CostInput, sums.CostOutput, sums.CostCacheRead, sums.CostCacheWrite, sums.CostOther, sums.Cost, sums.CostUncached, sums.EstimatedCost])
        {
            WriteInt64(output, sum);
        }

        WriteText(output, gatewayId);
        WriteUuid(output, fold.Id);
    }

    /// <summary>Writes something that a budget did.</summary>
    // event = the columns that BudgetEventsTable names, in that order.
    internal static void WriteBudgetEvent(IBufferWriter<byte> output, in BudgetEventRow row)
    {
        WriteTimestamp(output, row.At);
        WriteText(output, row.Customer);
        WriteText(output, row.BudgetId);
        WriteByte(output, row.Kind);
        WriteText(output, row.Developer);
        WriteUuid(output, row.RequestId);
        WriteMoney(output, row.Spent);
        WriteMoney(output, row.Limit);
        WriteText(output, row.Note);
        WriteUuid(output, row.EventId);
    }

    /// <summary>Reads a UUID as <see cref="WriteRow"/> writes it.</summary>
    internal static Guid ReadUuid(ReadOnlySpan<byte> bytes)
    {
        Span<byte> bigEndian = stackalloc byte[16];
        bytes[..16].CopyTo(bigEndian);
        bigEndian[..8].Reverse();
        bigEndian[8..].Reverse();
        return new Guid(bigEndian, bigEndian: true);
    }

    /// <summary>The name of an operation in the column <c>endpoint</c>.</summary>
    internal static string EndpointName(Operation operation) => operation switch
    {
        Operation.Messages => "messages",
        Operation.CountTokens => "count_tokens",
        Operation.Models => "models",
        Operation.Batches => "batches",
        _ => "other",
    };

    // tokens = UInt32 input, output, cache read, cache write 5 m, cache write 1 h, thinking; UInt16 server tool uses
    private static void WriteTokens(IBufferWriter<byte> output, UsageRow row)
    {
        var tokens = row.Tokens;
        WriteUInt32(output, tokens.Input);
        WriteUInt32(output, tokens.Output);
        WriteUInt32(output, tokens.CacheRead);
        WriteUInt32(output, tokens.CacheWrite5m);
        WriteUInt32(output, tokens.CacheWrite1h);
        WriteUInt32(output, tokens.Thinking);
        WriteUInt16(output, row.ServerToolUses);
    }

    // cost = Decimal(18,9) input, output, cache read, cache write, other, their sum, uncached
    private static void WriteCost(IBufferWriter<byte> output, in Cost cost)
    {
        WriteMoney(output, cost.Input.Value);
        WriteMoney(output, cost.Output.Value);
        WriteMoney(output, cost.CacheRead.Value);
        WriteMoney(output, cost.CacheWrite.Value);
        WriteMoney(output, cost.Other.Value);

        // Summed in 128 bits: Cost.Total throws where this can still be clamped.
        WriteMoney(output, (Int128)cost.Input.Value + cost.Output.Value + cost.CacheRead.Value + cost.CacheWrite.Value + cost.Other.Value);
        WriteMoney(output, cost.Uncached.Value);
    }

    // DateTime64(3) = Int64 milliseconds since 1970-01-01 UTC, little-endian
    private static void WriteTimestamp(IBufferWriter<byte> output, DateTimeOffset value) =>
        WriteInt64(output, Math.Clamp(value.ToUnixTimeMilliseconds(), 0, LastMillisecond));

    // UUID = UInt64 high half, UInt64 low half, each little-endian
    private static void WriteUuid(IBufferWriter<byte> output, Guid value)
    {
        var span = output.GetSpan(16)[..16];
        var written = value.TryWriteBytes(span, bigEndian: true, out _);
        Debug.Assert(written, "Sixteen bytes hold a UUID.");
        span[..8].Reverse();
        span[8..].Reverse();
        output.Advance(16);
    }

    // Decimal(18,9) = Int64 nano-dollars, little-endian
    private static void WriteMoney(IBufferWriter<byte> output, Int128 nanodollars) =>
        WriteInt64(output, (long)Int128.Clamp(nanodollars, -MaxNanodollars, MaxNanodollars));

    // Map = varint count, then count times: String key, String value. A key given twice keeps its first value: a map has each once.
    private static void WriteLabels(IBufferWriter<byte> output, ReadOnlySpan<KeyValuePair<string, string>> labels)
    {
        var count = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            count += IsFirst(labels, i) ? 1 : 0;
        }

        WriteLength(output, count);
        for (var i = 0; i < labels.Length; i++)
        {
            if (IsFirst(labels, i))
            {
                WriteText(output, labels[i].Key);
                WriteText(output, labels[i].Value);
            }
        }

        // A handful of labels: comparing each with those before it beats any set.
        static bool IsFirst(ReadOnlySpan<KeyValuePair<string, string>> labels, int index)
        {
            for (var i = 0; i < index; i++)
            {
                if (string.Equals(labels[i].Key, labels[index].Key, StringComparison.Ordinal))
                {
                    return false;
                }
            }

            return true;
        }
    }

    // String, LowCardinality(String) = varint length in bytes, then the bytes of UTF-8; a lone surrogate becomes U+FFFD
    private static void WriteText(IBufferWriter<byte> output, string text)
    {
        var length = text.Length > MaxTextBytes ? int.MaxValue : Encoding.UTF8.GetByteCount(text);
        if (length > MaxTextBytes)
        {
            WriteCut(output, text);
            return;
        }

        WriteLength(output, length);
        Encoding.UTF8.GetBytes(text, output.GetSpan(Math.Max(1, length)));
        output.Advance(length);

        static void WriteCut(IBufferWriter<byte> output, string text)
        {
            Span<byte> kept = stackalloc byte[MaxTextBytes];

            // Stops before the first character that does not fit.
            Utf8.FromUtf16(text, kept, out _, out var length);
            WriteBytes(output, kept[..length]);
        }
    }

    // String = varint length in bytes, then the bytes
    private static void WriteBytes(IBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        WriteLength(output, bytes.Length);
        output.Write(bytes);
    }

    // varint = seven bits a byte, lowest first; the eighth bit says that more follow
    private static void WriteLength(IBufferWriter<byte> output, int value)
    {
        var span = output.GetSpan(5);
        var left = (uint)value;
        var length = 0;
        while (left >= 0x80)
        {
            span[length++] = (byte)(left | 0x80);
            left >>= 7;
        }

        span[length++] = (byte)left;
        output.Advance(length);
    }

    // Enum8 = Int8; a value the column does not name is written as 0, which both our columns name
    private static void WriteEnum(IBufferWriter<byte> output, int value, int last) => WriteByte(output, value >= 0 && value <= last ? (byte)value : (byte)0);

    // Bool = UInt8, 0 or 1
    private static void WriteBool(IBufferWriter<byte> output, bool value) => WriteByte(output, value ? (byte)1 : (byte)0);

    private static void WriteByte(IBufferWriter<byte> output, byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    // UInt16, little-endian
    private static void WriteUInt16(IBufferWriter<byte> output, int value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(output.GetSpan(sizeof(ushort)), (ushort)Math.Clamp(value, 0, ushort.MaxValue));
        output.Advance(sizeof(ushort));
    }

    // UInt32, little-endian
    private static void WriteUInt32(IBufferWriter<byte> output, long value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(output.GetSpan(sizeof(uint)), (uint)Math.Clamp(value, 0, uint.MaxValue));
        output.Advance(sizeof(uint));
    }

    // UInt64, little-endian
    private static void WriteUInt64(IBufferWriter<byte> output, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(output.GetSpan(sizeof(ulong)), value);
        output.Advance(sizeof(ulong));
    }

    // Int64, little-endian
    private static void WriteInt64(IBufferWriter<byte> output, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(sizeof(long)), value);
        output.Advance(sizeof(long));
    }
}
