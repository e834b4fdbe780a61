using System.Buffers.Binary;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>How far the sender is: everything that a restart must know, in one record.</summary>
/// <remarks>
/// Order of events for a batch: (1) its rows are durable; (2) a cursor that gives them their numbers is durable; (3) it is sent; (4) the store
/// says it is committed; (5) a cursor acknowledges it. So a number that was ever sent is never given to another row, whatever is lost in a crash.
/// </remarks>
/// <param name="Version">Counts cursors; the highest holds.</param>
/// <param name="FirstSequence">The number of the spool's first row.</param>
/// <param name="NextSequence">The first number not given to any row.</param>
/// <param name="Acknowledged">Rows before this place are in the store, or put aside.</param>
/// <param name="FirstLiveSegment">Segments before it are finished with, also when their files are still, or again, there.</param>
/// <param name="InFlightRows">Rows from <see cref="Acknowledged"/> on that were numbered, and may have been sent; they have the last numbers before <see cref="NextSequence"/>.</param>
/// <param name="InFlightEnd">The place behind them.</param>
/// <param name="SendAttempt">Which try they are at: part of the token under which the store knows them.</param>
/// <param name="IsInParts">Under that token not all of them were sent, but some, or parts of them each.</param>
/// <param name="LookFrom">The store may have rows from this number on that the spool still holds without a number, because it is older; the largest for none.</param>
internal sealed record SpoolCursor(
    ulong Version,
    ulong FirstSequence,
    ulong NextSequence,
    SpoolPosition Acknowledged,
    long FirstLiveSegment,
    int InFlightRows,
    SpoolPosition InFlightEnd,
    int SendAttempt,
    bool IsInParts = false,
    ulong LookFrom = ulong.MaxValue)
{
    /// <summary>Bytes of a written cursor.</summary>
    public const int Bytes = 64;

    /// <summary>The number after the last row that is in the store or put aside.</summary>
    public ulong AcknowledgedSequence => NextSequence - (ulong)InFlightRows;

    /// <summary>A new spool's.</summary>
    public static SpoolCursor Fresh(ulong firstSequence) => new(0, firstSequence, firstSequence, default, 0, 0, default, 0);

    /// <summary>Reads one; false when it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, out SpoolCursor cursor)
    {
        cursor = Fresh(0);
        if (payload.Length != Bytes)
        {
            return false;
        }

        cursor = new SpoolCursor(
            BinaryPrimitives.ReadUInt64LittleEndian(payload),
            BinaryPrimitives.ReadUInt64LittleEndian(payload[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(payload[16..]),
            new SpoolPosition(BinaryPrimitives.ReadInt64LittleEndian(payload[24..])),
            BinaryPrimitives.ReadInt64LittleEndian(payload[32..]),
            BinaryPrimitives.ReadInt32LittleEndian(payload[40..]),
            new SpoolPosition(BinaryPrimitives.ReadInt64LittleEndian(payload[44..])),
            BinaryPrimitives.ReadInt32LittleEndian(payload[52..]) >> 1,
            (payload[52] & 1) != 0,
            BinaryPrimitives.ReadUInt64LittleEndian(payload[56..]));
        return true;
    }

    /// <summary>Writes it.</summary>
    public void Write(Span<byte> payload)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(payload, Version);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[8..], FirstSequence);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[16..], NextSequence);
        BinaryPrimitives.WriteInt64LittleEndian(payload[24..], Acknowledged.Value);
        BinaryPrimitives.WriteInt64LittleEndian(payload[32..], FirstLiveSegment);
        BinaryPrimitives.WriteInt32LittleEndian(payload[40..], InFlightRows);
        BinaryPrimitives.WriteInt64LittleEndian(payload[44..], InFlightEnd.Value);
        BinaryPrimitives.WriteInt32LittleEndian(payload[52..], (SendAttempt << 1) | (IsInParts ? 1 : 0));
        BinaryPrimitives.WriteUInt64LittleEndian(payload[56..], LookFrom);
    }
}
