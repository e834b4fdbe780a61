using System.Globalization;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Recording;

/// <summary>Rows that are inserted together: bytes that are the same however often they are sent.</summary>
/// <remarks>Shape: <see cref="Bytes"/> holds the rows one after the other; a row's number stands in its first eight bytes.</remarks>
public sealed class UsageBatch
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly ReadOnlyMemory<int> _ends;
    private readonly int _start;

    /// <summary>A batch of rows that have their numbers.</summary>
    /// <param name="gatewayId">Whose they are.</param>
    /// <param name="rowFormat">The version of the rows' form.</param>
    /// <param name="attempt">Counts the tokens under which these rows were sent.</param>
    /// <param name="bytes">The rows.</param>
    /// <param name="ends">Where each ends in <paramref name="bytes"/>.</param>
    /// <param name="start">Where the first begins.</param>
    public UsageBatch(string gatewayId, int rowFormat, int attempt, ReadOnlyMemory<byte> bytes, ReadOnlyMemory<int> ends, int start = 0)
    {
        (GatewayId, RowFormat, Attempt, _bytes, _ends, _start) = (gatewayId, rowFormat, attempt, bytes, ends, start);
        Token = string.Create(CultureInfo.InvariantCulture, $"{gatewayId}/{SequenceOf(0)}-{SequenceOf(Count - 1)}/{attempt}");
    }

    /// <summary>Whose rows they are.</summary>
    public string GatewayId { get; }

    /// <summary>The version of the rows' form.</summary>
    public int RowFormat { get; }

    /// <summary>Counts the tokens under which these rows were sent.</summary>
    public int Attempt { get; }

    /// <summary>Names the insert to the store.</summary>
    public string Token { get; }

    /// <summary>How many rows.</summary>
    public int Count => _ends.Length;

    /// <summary>The rows, one after the other.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes[_start.._ends.Span[^1]];

    /// <summary>The bytes of one row.</summary>
    public ReadOnlyMemory<byte> Row(int index) => _bytes[(index == 0 ? _start : _ends.Span[index - 1]).._ends.Span[index]];

    /// <summary>The number of one row.</summary>
    public ulong SequenceOf(int index) => SpooledRow.SequenceOf(Row(index).Span);

    /// <summary>The same rows under another token.</summary>
    public UsageBatch Again(int attempt) => new(GatewayId, RowFormat, attempt, _bytes, _ends, _start);

    /// <summary>Some of its rows, next to each other.</summary>
    public UsageBatch Slice(int first, int count) =>
        new(GatewayId, RowFormat, Attempt, _bytes, _ends.Slice(first, count), first == 0 ? _start : _ends.Span[first - 1]);

    /// <summary>Those of its rows whose numbers <paramref name="isWanted"/>, under another token; null when there is none.</summary>
    public UsageBatch? Where(Predicate<ulong> isWanted, int attempt)
    {
        var wanted = Enumerable.Range(0, Count).Where(index => isWanted(SequenceOf(index))).ToArray();
        if (wanted.Length == 0)
        {
            return null;
        }

        var bytes = new byte[wanted.Sum(index => Row(index).Length)];
        var ends = new int[wanted.Length];
        var end = 0;
        for (var i = 0; i < wanted.Length; i++)
        {
            var row = Row(wanted[i]);
            row.CopyTo(bytes.AsMemory(end));
            ends[i] = end += row.Length;
        }

        return new UsageBatch(GatewayId, RowFormat, attempt, bytes, ends);
    }
}
