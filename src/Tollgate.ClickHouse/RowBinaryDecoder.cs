using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse;

/// <summary>Reads a row that <see cref="RowBinaryEncoder"/> wrote, for people who want to see what is in it.</summary>
public static class RowBinaryDecoder
{
    private delegate object Reader(ref Cursor cursor);

    private static readonly Reader Text = static (ref Cursor cursor) => cursor.Text();
    private static readonly Reader Bool = static (ref Cursor cursor) => cursor.Take(1)[0] != 0;
    private static readonly Reader UInt16 = static (ref Cursor cursor) => BinaryPrimitives.ReadUInt16LittleEndian(cursor.Take(sizeof(ushort)));
    private static readonly Reader UInt32 = static (ref Cursor cursor) => BinaryPrimitives.ReadUInt32LittleEndian(cursor.Take(sizeof(uint)));
    private static readonly Reader UInt64 = static (ref Cursor cursor) => BinaryPrimitives.ReadUInt64LittleEndian(cursor.Take(sizeof(ulong)));
    private static readonly Reader Uuid = static (ref Cursor cursor) => RowBinaryEncoder.ReadUuid(cursor.Take(16));
    private static readonly Reader Time = static (ref Cursor cursor) => DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64LittleEndian(cursor.Take(sizeof(long))));
    private static readonly Reader Money = static (ref Cursor cursor) => new Nanodollars(BinaryPrimitives.ReadInt64LittleEndian(cursor.Take(sizeof(long)))).ToDollars();
    private static readonly Reader Outcome = static (ref Cursor cursor) => cursor.Take(1)[0] is var value and not 0 ? Word(((ForwardOutcome)value).ToString()) : "unknown";
    private static readonly Reader Source = static (ref Cursor cursor) => Word(((UsageSource)cursor.Take(1)[0]).ToString());
    private static readonly Reader Labels = static (ref Cursor cursor) => cursor.Labels();

    // In the order of RequestsTable.Columns; those that are not named are text.
    private static readonly Dictionary<string, Reader> Readers = new(StringComparer.Ordinal)
    {
        ["wal_seq"] = UInt64,
        ["attempt_id"] = Uuid,
        ["ts"] = Time,
        ["request_id"] = Uuid,
        ["is_stream"] = Bool,
        ["is_batch"] = Bool,
        ["is_fast"] = Bool,
        ["http_status"] = UInt16,
        ["outcome"] = Outcome,
        ["usage_source"] = Source,
        ["input_tokens"] = UInt32,
        ["output_tokens"] = UInt32,
        ["cache_read_tokens"] = UInt32,
        ["cache_w5m_tokens"] = UInt32,
        ["cache_w1h_tokens"] = UInt32,
        ["thinking_tokens"] = UInt32,
        ["server_tool_uses"] = UInt16,
        ["cost_input"] = Money,
        ["cost_output"] = Money,
        ["cost_cache_read"] = Money,
        ["cost_cache_write"] = Money,
        ["cost_other"] = Money,
        ["cost"] = Money,
        ["cost_uncached"] = Money,
        ["priced"] = Bool,
        ["band_ambiguous"] = Bool,
        ["price_rev"] = UInt32,
        ["latency_ms"] = UInt32,
        ["first_byte_us"] = UInt32,
        ["ttft_us"] = UInt32,
        ["max_gap_us"] = UInt32,
        ["overhead_us"] = UInt32,
        ["req_bytes"] = UInt32,
        ["resp_bytes"] = UInt32,
        ["labels"] = Labels,
    };

    /// <summary>Columns and values of one row.</summary>
    /// <param name="row">Its bytes.</param>
    /// <param name="version">The version of its form.</param>
    /// <exception cref="ArgumentOutOfRangeException">This binary does not know the version.</exception>
    /// <exception cref="FormatException">The bytes are no such row.</exception>
    public static IReadOnlyList<KeyValuePair<string, object>> Read(ReadOnlySpan<byte> row, int version)
    {
        var columns = RequestsTable.ColumnsOf(version);
        var values = new List<KeyValuePair<string, object>>(columns.Count);
        var cursor = new Cursor(row);
        foreach (var column in columns)
        {
            values.Add(new(column, Readers.GetValueOrDefault(column, Text)(ref cursor)));
        }

        return cursor.IsAtEnd ? values : throw new FormatException($"The row has {cursor.Left} bytes more than its columns.");
    }

    /// <summary>The attempt of a row of any version: it stands behind the number, in all of them.</summary>
    public static Guid AttemptIdOf(ReadOnlySpan<byte> row) => RowBinaryEncoder.ReadUuid(row[sizeof(ulong)..]);

    private static string Word(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    private ref struct Cursor(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _left = bytes;

        public readonly bool IsAtEnd => _left.IsEmpty;

        public readonly int Left => _left.Length;

        public ReadOnlySpan<byte> Take(int count)
        {
            if (count > _left.Length)
            {
                throw new FormatException("The row ends in the middle of a column.");
            }

            var taken = _left[..count];
            _left = _left[count..];
            return taken;
        }

        public string Text() => Encoding.UTF8.GetString(Take(Length()));

        public Dictionary<string, string> Labels()
        {
            var labels = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var count = Length(); count > 0; count--)
            {
                var name = Text();
                labels[name] = Text();
            }

            return labels;
        }

        private int Length()
        {
            var value = 0UL;
            for (var shift = 0; shift < 35; shift += 7)
            {
                var part = Take(1)[0];
                value |= (ulong)(part & 0x7F) << shift;
                if ((part & 0x80) == 0)
                {
                    // Longer than the row is: Take says so.
                    return (int)Math.Min(value, int.MaxValue);
                }
            }

            throw new FormatException("The row has a length that is none.");
        }
    }
}
