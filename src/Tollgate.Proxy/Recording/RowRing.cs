using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Tollgate.Proxy.Recording;

/// <summary>A bounded ring of rows for any number of threads on either side; neither side ever blocks or allocates.</summary>
/// <remarks>
/// Every slot carries a sequence number that says whose turn it is. For the slot of position <c>p</c>:
/// <c>p</c> = free for the writer of <c>p</c>; <c>p + 1</c> = holds the row of <c>p</c>; <c>p + capacity</c> = free for the next lap.
///
/// A writer, in order: (1) reads the tail; (2) reads the slot's number: lower than the tail means full, higher means another
/// writer took the position, so start over; (3) takes the position by compare-and-swap on the tail, after which the slot is its
/// own; (4) stores the row; (5) publishes it by writing number <c>p + 1</c> with release. A reader does the same with the head,
/// waits for <c>p + 1</c> (acquire, so it sees the row of step 4), clears the slot and writes <c>p + capacity</c>.
///
/// A writer that is suspended between (3) and (5) hides the rows behind it until it runs again; none is lost.
/// </remarks>
internal sealed class RowRing
{
    private readonly Slot[] _slots;
    private readonly int _mask;
    private Positions _positions;

    /// <summary>An empty ring of at least <paramref name="capacity"/> rows, rounded up to a power of two.</summary>
    public RowRing(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, 1 << 30);

        // Two at least: with one slot "holds p" and "free for p + 1" would be the same number.
        var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(capacity, 2));
        _slots = new Slot[size];
        _mask = size - 1;
        for (var position = 0; position < size; position++)
        {
            _slots[position].Number = position;
        }
    }

    /// <summary>Rows that fit.</summary>
    public int Capacity => _slots.Length;

    /// <summary>Puts a row in; false when full.</summary>
    /// <param name="row">The row; the ring's until it is taken out.</param>
    public bool TryPut(UsageRow row)
    {
        Debug.Assert(row is not null, "a slot without a row stands for an empty one");
        var position = Volatile.Read(ref _positions.Tail);
        while (true)
        {
            ref var slot = ref _slots[position & _mask];
            var ahead = Volatile.Read(ref slot.Number) - position;
            if (ahead == 0)
            {
                var seen = Interlocked.CompareExchange(ref _positions.Tail, position + 1, position);
                if (seen == position)
                {
                    slot.Row = row;
                    Volatile.Write(ref slot.Number, position + 1);
                    return true;
                }

                position = seen;
            }
            else if (ahead < 0)
            {
                return false;
            }
            else
            {
                position = Volatile.Read(ref _positions.Tail);
            }
        }
    }

    /// <summary>Takes the oldest row out; null when there is none, or when its writer has not finished.</summary>
    public UsageRow? TryTake()
    {
        var position = Volatile.Read(ref _positions.Head);
        while (true)
        {
            ref var slot = ref _slots[position & _mask];
            var ahead = Volatile.Read(ref slot.Number) - (position + 1);
            if (ahead == 0)
            {
                var seen = Interlocked.CompareExchange(ref _positions.Head, position + 1, position);
                if (seen == position)
                {
                    var row = slot.Row;
                    slot.Row = null;
                    Volatile.Write(ref slot.Number, position + Capacity);
                    return row;
                }

                position = seen;
            }
            else if (ahead < 0)
            {
                return null;
            }
            else
            {
                position = Volatile.Read(ref _positions.Head);
            }
        }
    }

    private struct Slot
    {
        public long Number;
        public UsageRow? Row;
    }

    // Head and tail are written by different threads all the time. 128 bytes apart, because processors fetch lines of 64 in pairs.
    [StructLayout(LayoutKind.Explicit, Size = 3 * 128)]
    private struct Positions
    {
        [FieldOffset(1 * 128)]
        public long Tail;

        [FieldOffset(2 * 128)]
        public long Head;
    }
}
