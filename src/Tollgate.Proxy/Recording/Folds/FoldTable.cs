using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Recording.Folds;

/// <summary>Sums of attempts whose rows had no room: what is left of the ledger when the disk is full. Details are lost, money is not.</summary>
/// <remarks>
/// Two files of 1 MiB beside the spool's segments, made at the start (<see cref="FoldFile"/>). One is open and is added to; the other waits, or is frozen:
/// its folds are on their way to the store and don't change any more. Without a file memory does, and a file is tried for at each commit.
///
/// Delivery: (1) the open file is frozen, and everything in it made durable; folds go to the other from now on; (2) its folds are sent as one insert;
/// (3) the store says that it is committed; (4) the file is cleared, durably. A fold has an identity, and one sent twice counts once in the store.
///
/// A kill, or a power cut, at any moment:
/// in an update: the entry is as it was before, or as it is after (<see cref="FoldFile"/>);
/// before (1) is durable: nothing was sent, and the file is found open, or frozen: either way it goes on with all that it has;
/// from (1) on, up to (4): the file is found frozen with the very bytes that were sent, is sent again, and replaces itself;
/// in (4): the header is the old one, and all is sent again, or the new one, and the file is empty.
/// Both files are found open with folds when a power cut undid a freeze: then one is frozen, and nothing of it had been sent.
///
/// An attempt that had drafts in the spool ends there with a note (<see cref="UsageSpool.NoteFolded"/>), so that the next start does not give it a row as well.
/// The note is written after the attempt was added and before another is, and each fold names the attempt added last: of the one
/// that a kill found between the two, the next start knows by <see cref="LastAttempts"/>.
///
/// Who may touch what. <see cref="Add"/>: any thread. <see cref="Commit"/>: the committer alone. <see cref="Freeze"/>, <see cref="Delivered"/>,
/// <see cref="Clear"/>: the sender alone. Syncs happen outside the lock: no request waits for the disk.
/// </remarks>
internal sealed class FoldTable : IDisposable
{
    private static readonly string[] Names = ["folds-a", "folds-b"];

    private readonly ISpoolFiles _files;
    private readonly GatewayEvents _events;

    // The start's, then the committer's alone.
    private readonly HashSet<string> _missing = [];

    // Under the gate; the queue is read without it by the sender, which alone changes it.
    private readonly Lock _gate = new();
    private readonly Queue<FoldSide> _frozen = [];
    private readonly Stack<FoldFile> _free = [];
    private FoldSide _open;
    private bool _isDisposed;

    private long _pending;
    private volatile string? _fileProblem;
    private volatile string? _syncProblem;

    private FoldTable(ISpoolFiles files, GatewayEvents events)
    {
        _files = files;
        _events = events;
        _open = new FoldSide(file: null);
    }

    /// <summary>Attempts in folds that the store has not acknowledged.</summary>
    public long PendingAttempts => Interlocked.Read(ref _pending);

    /// <summary>What keeps folds from being safe; null when nothing does.</summary>
    public string? Problem => _syncProblem ?? _fileProblem;

    /// <summary>Attempts that an earlier process folded last: of each, the draft in the spool may still look open.</summary>
    public IReadOnlySet<UInt128> LastAttempts { get; private set; } = new HashSet<UInt128>();

    /// <summary>Takes up what an earlier process left, and makes the files that are not there.</summary>
    /// <exception cref="SpoolFormatException">A later version wrote it.</exception>
    public static FoldTable Open(ISpoolFiles files, GatewayEvents events)
    {
        var table = new FoldTable(files, events);
        try
        {
            table.OpenAll();
        }
        catch
        {
            table.Dispose();
            throw;
        }

        return table;
    }

    /// <summary>Adds what an attempt came to. Never throws, never waits for the disk.</summary>
    /// <param name="row">The row that had no room.</param>
    /// <param name="attempt">The attempt, as its row's bytes name it.</param>
    /// <param name="whenAdded">Called before any other attempt can be added.</param>
    public void Add(UsageRow row, UInt128 attempt, Action whenAdded)
    {
        var (key, sums) = (FoldFile.Fit(FoldKey.Of(row)), FoldSums.Of(row));
        lock (_gate)
        {
            _open.Add(key, sums, attempt);
            Interlocked.Increment(ref _pending);
            whenAdded();
        }
    }

    /// <summary>Makes everything added so far durable, and tries for files that are missing. Committer only.</summary>
    public void Commit()
    {
        MakeMissing();
        FoldSide open;
        lock (_gate)
        {
            open = _open;
            if (open.File is null && _free.TryPop(out var file))
            {
                open.Attach(file);
            }
        }

        try
        {
            Sync(open);
        }
        catch (SpoolFileException)
        {
            // Told by Sync, and tried again at the next commit.
        }
    }

    /// <summary>The folds to be sent, durable and not changing any more until <see cref="Clear"/>; empty when there are none. Sender only.</summary>
    /// <exception cref="SpoolFileException">They could not be made durable, so they must not be sent.</exception>
    public IReadOnlyList<Fold> Freeze()
    {
        FoldSide frozen;
        lock (_gate)
        {
            if (_frozen.Count == 0 && !_open.IsEmpty)
            {
                Freeze_NeedsGate(_open);
                _open = new FoldSide(_free.TryPop(out var file) ? file : null);
            }

            if (!_frozen.TryPeek(out frozen!))
            {
                return [];
            }
        }

        Sync(frozen);
        return frozen.IsDelivered ? [] : [.. frozen.Entries.Select(static entry => new Fold(entry.Id, entry.Key, entry.Sums))];
    }

    /// <summary>The store has the folds that <see cref="Freeze"/> gave. Sender only.</summary>
    public void Delivered()
    {
        var frozen = _frozen.Peek();
        frozen.IsDelivered = true;
        Interlocked.Add(ref _pending, -frozen.Attempts);
    }

    /// <summary>Empties the file of the folds that were delivered, if any were. Sender only.</summary>
    /// <exception cref="SpoolFileException">That could not be made durable; to be called again.</exception>
    public void Clear()
    {
        if (!_frozen.TryPeek(out var frozen) || !frozen.IsDelivered)
        {
            return;
        }

        if (frozen.File is { } file)
        {
            if (file.IsFrozen)
            {
                file.Clear();
                frozen.NeedsSync = true;
            }

            Sync(frozen);
        }

        lock (_gate)
        {
            _frozen.Dequeue();
            if (frozen.File is not null)
            {
                _free.Push(frozen.File);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            foreach (var side in _frozen.Append(_open))
            {
                side.File?.Dispose();
            }

            foreach (var file in _free)
            {
                file.Dispose();
            }

            // Whatever comes now stays in memory and ends with the process.
            _open = new FoldSide(file: null);
        }
    }

    private void OpenAll()
    {
        var there = _files.List();
        var sides = new List<FoldSide>();
        foreach (var name in Names)
        {
            if (!there.Contains(name) || !TryOpen(name, sides))
            {
                _missing.Add(name);
            }
        }

        // Frozen ones first, as they may have been sent. Of two that are open one goes on, and nothing of the other has been sent either.
        foreach (var side in sides.OrderBy(static side => !side.File!.IsFrozen))
        {
            if (side.File!.IsFrozen)
            {
                _frozen.Enqueue(side);
            }
            else if (_open.File is null)
            {
                _open = side;
            }
            else
            {
                Freeze_NeedsGate(side);
            }
        }

        _pending = sides.Sum(static side => side.Attempts);
        LastAttempts = sides.SelectMany(static side => side.Entries).Select(static entry => entry.LastAttempt).ToHashSet();
        MakeMissing();
        if (_open.File is null && _free.TryPop(out var file))
        {
            _open = new FoldSide(file);
        }

        if (_pending > 0)
        {
            _events.FoldsRecovered(_pending);
        }
    }

    private bool TryOpen(string name, List<FoldSide> sides)
    {
        try
        {
            if (FoldFile.Open(_files, name, out var entries, out var unreadable) is not { } file)
            {
                _files.Delete(name);
                return false;
            }

            if (unreadable > 0)
            {
                _events.SpoolRecordsDamaged(unreadable);
            }

            if (entries.Count > 0)
            {
                sides.Add(new FoldSide(file, entries));
            }
            else
            {
                file.Clear();
                _free.Push(file);
            }

            return true;
        }
        catch (SpoolFileException failed)
        {
            SetFileProblem($"The file {name}, for folds, can't be opened: {failed.Message}");
            return true; // It is there, and may hold folds for a later start: no other is made in its place.
        }
    }

    private void MakeMissing()
    {
        foreach (var name in _missing.Count == 0 ? [] : _missing.ToArray())
        {
            try
            {
                var file = FoldFile.Create(_files, name);
                lock (_gate)
                {
                    _free.Push(file);
                }
            }
            catch (SpoolFileException failed)
            {
                SetFileProblem($"The file {name}, for folds, can't be made, so folds are in memory alone when it is needed: {failed.Message}");
                return;
            }

            _missing.Remove(name);
            if (_missing.Count == 0)
            {
                _fileProblem = null;
            }
        }
    }

    private void Freeze_NeedsGate(FoldSide side)
    {
        side.File?.Freeze();
        side.NeedsSync = true;
        _frozen.Enqueue(side);
    }

    /// <summary>Makes durable what a side has written; not under the gate.</summary>
    private void Sync(FoldSide side)
    {
        lock (_gate)
        {
            if (side.File is null || _isDisposed || !(side.NeedsSync || side.NeedsRewrite))
            {
                return;
            }

            if (side.NeedsRewrite)
            {
                side.Rewrite();
            }

            // Before the sync: what is written during it needs the next one.
            side.NeedsSync = false;
        }

        try
        {
            side.File.Sync();
            _syncProblem = null;
        }
        catch (SpoolFileException failed)
        {
            lock (_gate)
            {
                side.NeedsRewrite = true;
            }

            var isNew = _syncProblem is null;
            _syncProblem = failed.Message;
            if (isNew)
            {
                _events.FoldsNotDurable(failed.Message);
            }

            throw;
        }
    }

    private void SetFileProblem(string problem)
    {
        var isNew = _fileProblem is null;
        _fileProblem = problem;
        if (isNew)
        {
            _events.FoldFileMissing(problem);
        }
    }
}
