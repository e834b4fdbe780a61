namespace Tollgate.Proxy.Recording.Folds;

/// <summary>The folds of one file: what memory knows of them is written through, entry by entry.</summary>
/// <remarks>
/// Bound: as many folds as a file has entries. The last <see cref="CatchAllEntries"/> are kept for folds that catch all of a slot.
/// Not for several threads; <see cref="FoldTable"/> sees to that.
/// </remarks>
internal sealed class FoldSide
{
    /// <summary>Entries that only catch-alls may use: a day has 96 slots.</summary>
    public const int CatchAllEntries = 96;

    private readonly List<FoldEntry> _entries = [];
    private readonly Dictionary<FoldKey, FoldEntry> _newest = [];
    private int _next;

    /// <summary>An empty one.</summary>
    /// <param name="file">Where it is written; null for memory alone, until <see cref="Attach"/>.</param>
    public FoldSide(FoldFile? file) => File = file;

    /// <summary>One that an earlier process left. What it wrote may not be durable yet.</summary>
    public FoldSide(FoldFile file, IEnumerable<FoldEntry> entries)
    {
        File = file;
        NeedsSync = true;
        foreach (var entry in entries)
        {
            // An index without an entry that counts stays unused until the file is cleared.
            _entries.Add(entry);
            _newest[entry.Key] = entry;
            _next = Math.Max(_next, entry.Index + 1);
        }
    }

    /// <summary>Where it is written; null while memory is all there is.</summary>
    public FoldFile? File { get; private set; }

    /// <summary>Something was written since the last sync.</summary>
    public bool NeedsSync { get; set; }

    /// <summary>A sync failed: everything is to be written anew before the next, because the kernel may have dropped it.</summary>
    public bool NeedsRewrite { get; set; }

    /// <summary>The store has its folds; only the clearing is left.</summary>
    public bool IsDelivered { get; set; }

    /// <summary>Whether it has no folds.</summary>
    public bool IsEmpty => _entries.Count == 0;

    /// <summary>Attempts in its folds.</summary>
    public long Attempts => _entries.Sum(static entry => entry.Sums.Requests);

    /// <summary>Its folds.</summary>
    public IReadOnlyList<FoldEntry> Entries => _entries;

    /// <summary>Adds what one attempt came to.</summary>
    public void Add(in FoldKey key, in FoldSums sums, UInt128 attempt)
    {
        if (TryAdd(key, sums, attempt, FoldFile.MostEntries - CatchAllEntries)
            || TryAdd(FoldKey.CatchAll(key.Slot), sums, attempt, FoldFile.MostEntries))
        {
            return;
        }

        // No entry is left, not even for this slot's catch-all: the money goes to the last one, dated as that is.
        var last = _entries[^1];
        Update(last, FoldSums.AddSaturating(last.Sums, sums), attempt);
    }

    /// <summary>Goes on in a file, which gets everything so far.</summary>
    public void Attach(FoldFile file)
    {
        File = file;
        Rewrite();
    }

    /// <summary>Writes everything anew from memory.</summary>
    public void Rewrite()
    {
        NeedsRewrite = false;
        NeedsSync = true;
        File!.RewriteHeader();
        foreach (var entry in IsDelivered ? [] : _entries)
        {
            File.WriteKey(entry);
            Update(entry, entry.Sums, entry.LastAttempt);
        }
    }

    /// <summary>Adds to the key's newest fold, or to a further one when that has none or is at its limit; false when the entries don't suffice.</summary>
    private bool TryAdd(in FoldKey key, in FoldSums sums, UInt128 attempt, int most)
    {
        if (_newest.TryGetValue(key, out var entry) && FoldSums.TryAdd(entry.Sums, sums, out var sum))
        {
            Update(entry, sum, attempt);
            return true;
        }

        if (_next >= most)
        {
            return false;
        }

        entry = new FoldEntry(_next++, Guid.NewGuid(), key);
        _entries.Add(entry);
        _newest[key] = entry;
        File?.WriteKey(entry);
        Update(entry, sums, attempt);
        return true;
    }

    private void Update(FoldEntry entry, in FoldSums sums, UInt128 attempt)
    {
        entry.Sums = sums;
        entry.LastAttempt = attempt;
        entry.Version++;
        File?.WriteSums(entry);
        NeedsSync = true;
    }
}
