using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording.Spool;

/// <summary>What was written for one attempt, and which of it may and which must come out at the end.</summary>
internal sealed class ModelAttempt(Guid id, bool isWrong)
{
    private readonly List<(byte[] Row, SpoolPosition End)> _written = [];
    private int _rows;

    // The last thing written that nothing may undo any more; -1 for none.
    private int _durable = -1;
    private bool _wasCut;
    private bool _isGone;

    public Guid Id { get; } = id;

    /// <summary>The store refuses its row.</summary>
    public bool IsWrong { get; } = isWrong;

    /// <summary>Its handle in the process that it began in.</summary>
    public OpenAttempt? Open { get; set; }

    /// <summary>Its row found no room; what becomes of its draft, if it had one, is open.</summary>
    public bool IsFolded { get; set; }

    /// <summary>Its last row has its room, and not its tag.</summary>
    public bool IsUnpublished { get; set; }

    /// <summary>A row that no other is like.</summary>
    public byte[] NextRow(Random random)
    {
        var row = new byte[SpooledRow.FixedBytes + random.Next(4, 120)];
        Array.Fill(row, (byte)(_rows + 1));
        row.AsSpan(0, 8).Clear();
        Id.TryWriteBytes(row.AsSpan(8));
        BitConverter.TryWriteBytes(row.AsSpan(SpooledRow.FixedBytes), _rows++);
        return row;
    }

    public void Add(byte[] row, SpoolPosition end) => _written.Add((row, end));

    /// <summary>The process is gone.</summary>
    public void Lose(bool isCut, SpoolPosition durable)
    {
        Open = null;
        if (IsUnpublished)
        {
            _written.RemoveAt(_written.Count - 1);
            IsUnpublished = false;
        }

        _durable = Math.Max(_durable, _written.FindLastIndex(one => one.End <= durable));
        _wasCut |= isCut;

        // A later process's places say nothing of it.
        for (var index = 0; index < _written.Count; index++)
        {
            _written[index] = (_written[index].Row, new SpoolPosition(long.MaxValue));
        }
    }

    /// <summary>What a start without trouble found: that is durable now.</summary>
    public void Observe(byte[]? row, SpoolPosition durable)
    {
        Check(row);
        _isGone = row is null;
        _written.Clear();
        _durable = -1;
        _wasCut = false;
        if (row is not null)
        {
            _written.Add((row, default));
            _durable = 0;
        }
    }

    /// <summary>Whether a row, or none, is what must come of it.</summary>
    public void Check(byte[]? row)
    {
        if (row is null)
        {
            Assert.True(_isGone || IsFolded || _written.Count == 0 || (_wasCut && _durable < 0), $"{this} has no row");
            return;
        }

        var first = _wasCut ? Math.Max(0, _durable) : Math.Max(0, _written.Count - 1);
        first = IsFolded ? 0 : first;
        var may = _written.Skip(first).Any(one => one.Row.AsSpan(8).SequenceEqual(row.AsSpan(8)));
        Assert.True(may && !_isGone, $"{this} has a row that it must not have: {Convert.ToHexString(row)}");
    }

    public override string ToString() => $"attempt {Id.ToString("D")[..8]} ({_written.Count} written, durable {_durable})";
}
