namespace Tollgate.ClickHouse.Audit;

/// <summary>Numbers that are not in the store, told in ascending order; keeps the first of them and counts the rest.</summary>
/// <param name="excused">Ranges not to be missed, in any order.</param>
/// <param name="most">How many ranges are kept.</param>
internal sealed class HoleList(IReadOnlyList<SequenceRange> excused, int most)
{
    private readonly SequenceRange[] _excused = Union(excused);
    private readonly List<SequenceRange> _absent = [];
    private readonly List<SequenceRange> _missing = [];
    private SequenceRange? _open;

    /// <summary>Everything absent, excused or not: the first ranges of it.</summary>
    public IReadOnlyList<SequenceRange> Absent => _absent;

    /// <summary>Absent and not excused: the first ranges of it.</summary>
    public IReadOnlyList<SequenceRange> Missing => _missing;

    /// <summary>Numbers absent and not excused.</summary>
    public long MissingCount { get; private set; }

    /// <summary>Numbers absent and excused.</summary>
    public long ExcusedCount { get; private set; }

    /// <summary>Whether more was absent than is kept.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Adds a range; one that begins where the last ended is one with it.</summary>
    public void Add(SequenceRange range)
    {
        if (_open is { } open && open.Last + 1 == range.First)
        {
            _open = open with { Last = range.Last };
            return;
        }

        Close();
        _open = range;
    }

    /// <summary>Says that no more will come.</summary>
    public void Close()
    {
        if (_open is not { } range)
        {
            return;
        }

        _open = null;
        Keep(_absent, range);
        var next = range.First;
        var rest = true;
        for (var i = FirstAfter(range.First); rest && i < _excused.Length && _excused[i].First <= range.Last; i++)
        {
            var first = Math.Max(_excused[i].First, range.First);
            var last = Math.Min(_excused[i].Last, range.Last);
            if (first > next)
            {
                Miss(new SequenceRange(next, first - 1));
            }

            ExcusedCount += new SequenceRange(first, last).Count;
            rest = last < range.Last;
            next = last + 1;
        }

        if (rest)
        {
            Miss(range with { First = next });
        }
    }

    private void Miss(SequenceRange range)
    {
        MissingCount += range.Count;
        Keep(_missing, range);
    }

    private void Keep(List<SequenceRange> list, SequenceRange range)
    {
        if (list.Count < most)
        {
            list.Add(range);
        }
        else
        {
            IsCut = true;
        }
    }

    /// <summary>The first excused range that does not end before <paramref name="number"/>.</summary>
    private int FirstAfter(ulong number)
    {
        var (low, high) = (0, _excused.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _excused[middle].Last < number ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private static SequenceRange[] Union(IReadOnlyList<SequenceRange> ranges)
    {
        var union = new List<SequenceRange>();
        foreach (var range in ranges.Where(static range => range.First <= range.Last).OrderBy(static range => range.First))
        {
            if (union.Count > 0 && range.First <= union[^1].Last)
            {
                union[^1] = union[^1] with { Last = Math.Max(union[^1].Last, range.Last) };
            }
            else
            {
                union.Add(range);
            }
        }

        return [.. union];
    }
}
