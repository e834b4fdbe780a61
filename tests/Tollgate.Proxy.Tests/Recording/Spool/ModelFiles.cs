using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording.Spool;

/// <summary>A disk with a page cache over it: the part of a machine that outlives its processes, and of which a power cut leaves what it likes.</summary>
/// <remarks>
/// Content: a file has the pages that processes see and the sectors of the disk. A sync copies all that changed; the system may write any sector back
/// at any time (<see cref="WriteBack"/>); a sync that fails writes some and forgets that the others changed, as Linux does.
/// Names: creating, deleting and renaming are known at once and durable with the next sync of the directory; a power cut keeps any of them.
/// </remarks>
internal sealed class ModelDisk(Random random)
{
    private const int Sector = 512;
    private const int Page = 4096;

    private readonly List<Change> _changes = [];
    private Dictionary<string, Content> _durable = new(StringComparer.Ordinal);

    /// <summary>The names that processes see.</summary>
    public SortedDictionary<string, Content> Names { get; } = new(StringComparer.Ordinal);

    /// <summary>Syncs of directories do nothing.</summary>
    public bool ForgetsNames { get; init; }

    /// <summary>Syncs of files do nothing.</summary>
    public bool ForgetsSyncs { get; init; }

    /// <summary>Syncs of files leave the sector out that they begin in.</summary>
    public bool ForgetsSyncStarts { get; init; }

    /// <summary>A sync that fails says that it did not.</summary>
    public bool HidesFailedSyncs { get; init; }

    /// <summary>What a process writes is its own until it is synced.</summary>
    public bool HasPrivateMappings { get; init; }

    /// <summary>What is written again with the same content is not written.</summary>
    public bool ForgetsRewrites { get; init; }

    /// <summary>Checksums are made right before they are looked at: as if nobody looked.</summary>
    public bool RepairsChecksums { get; init; }

    public Content Create(string name, int bytes)
    {
        var content = new Content(bytes);
        Note(new Change(name, content, null));
        return content;
    }

    public void Delete(string name) => Note(new Change(name, null, null));

    public void Rename(string from, string to) => Note(new Change(to, Names[from], from));

    public void SyncDirectory()
    {
        if (ForgetsNames)
        {
            return;
        }

        _changes.Clear();
        _durable = new Dictionary<string, Content>(Names, StringComparer.Ordinal);
    }

    public void Sync(Content content, int from, int to)
    {
        if (!ForgetsSyncs)
        {
            content.HasSize = true;
            content.Write(at => at >= (ForgetsSyncStarts ? from : from / Page * Page) && at < to);
        }
    }

    /// <summary>The sync failed: some of it is on the disk, and nobody knows any more that the rest is not.</summary>
    public void FailSync(Content content)
    {
        content.Write(_ => random.Next(2) == 0);
        content.Forget();
    }

    /// <summary>The system writes some pages of its own accord.</summary>
    public void WriteBack()
    {
        foreach (var content in Names.Values.Where(_ => random.Next(2) == 0))
        {
            content.Write(_ => random.Next(4) == 0);
        }
    }

    /// <summary>The processes are gone; what they wrote is not.</summary>
    public void Kill()
    {
        foreach (var content in Names.Values)
        {
            content.Detach(HasPrivateMappings);
        }
    }

    /// <summary>The power is gone, and with it any part of what was not synced.</summary>
    public void CutPower()
    {
        foreach (var change in _changes.Where(_ => random.Next(2) == 0))
        {
            // In their order for one name, in any between names.
            Apply(_durable, change);
        }

        _changes.Clear();
        Names.Clear();
        foreach (var (name, content) in _durable)
        {
            content.Write(_ => random.Next(2) == 0);
            content.LoseCache(content.HasSize || random.Next(2) == 0);
            Names[name] = content;
        }
    }

    private void Note(Change change)
    {
        Apply(Names, change);
        _changes.Add(change);
    }

    private static void Apply(IDictionary<string, Content> names, Change change)
    {
        if (change.From is { } from)
        {
            names.Remove(from);
        }

        if (change.Content is { } content)
        {
            names[change.Name] = content;
        }
        else
        {
            names.Remove(change.Name);
        }
    }

    /// <summary>Something done to a name: made, deleted (no content), or moved from another.</summary>
    private sealed record Change(string Name, Content? Content, string? From);

    /// <summary>A file's bytes.</summary>
    internal sealed class Content(int bytes)
    {
        private byte[] _disk = new byte[bytes];
        private byte[] _clean = new byte[bytes];

        /// <summary>What processes see and write.</summary>
        public byte[] Pages { get; set; } = new byte[bytes];

        /// <summary>Its size is durable.</summary>
        public bool HasSize { get; set; }

        /// <summary>Puts those of its changed sectors on the disk that <paramref name="isWritten"/>.</summary>
        public void Write(Predicate<int> isWritten)
        {
            for (var at = 0; at < Pages.Length; at += Sector)
            {
                var length = Math.Min(Sector, Pages.Length - at);
                var page = Pages.AsSpan(at, length);
                if (!page.SequenceEqual(_clean.AsSpan(at, length)) && isWritten(at))
                {
                    page.CopyTo(_disk.AsSpan(at));
                    page.CopyTo(_clean.AsSpan(at));
                }
            }
        }

        /// <summary>All of it that is not zero was written again.</summary>
        public void Touch()
        {
            for (var at = 0; at < Pages.Length; at++)
            {
                _clean[at] = Pages[at] == 0 ? _clean[at] : (byte)~Pages[at];
            }
        }

        /// <summary>What changed counts as written from now on.</summary>
        public void Forget() => Pages.CopyTo(_clean, 0);

        /// <summary>Takes the pages away from whoever has them mapped.</summary>
        public void Detach(bool isPrivate) => Pages = (byte[])(isPrivate ? _clean : Pages).Clone();

        /// <summary>Only the disk is left.</summary>
        public void LoseCache(bool keepsSize)
        {
            _disk = keepsSize ? _disk : [];
            _clean = (byte[])_disk.Clone();
            Pages = (byte[])_disk.Clone();
            HasSize = true;
        }
    }
}

/// <summary>The process was killed in the middle of this call.</summary>
internal sealed class ProcessKilledException() : Exception("killed");

/// <summary>One process's view of a <see cref="ModelDisk"/>, with what goes wrong for it.</summary>
internal sealed class ModelFiles(ModelDisk disk, Random random) : ISpoolFiles
{
    private const int IoError = 5;
    private static readonly int[] NoRoom = [SpoolFileException.NoSpace, 122, 24];

    private readonly HashSet<(string Name, int Block)> _bad = [];

    /// <summary>Calls until the process dies in the middle of one; null for never.</summary>
    public int? CallsToDeath { get; set; }

    /// <summary>Calls until one fails; null for never.</summary>
    public int? CallsToError { get; set; }

    /// <summary>Whether it died.</summary>
    public bool IsDead { get; private set; }

    /// <summary>How many calls failed.</summary>
    public int Errors { get; private set; }

    /// <summary>The disk under it.</summary>
    public ModelDisk Disk { get; } = disk;

    /// <summary>The calls of this process, for a failed schedule's report.</summary>
    public Action<string> Log { get; init; } = static _ => { };

    public IReadOnlyList<string> List() => Run("list", string.Empty, () => Disk.Names.Keys.ToArray());

    public ISpoolFile Create(string name, int bytes) => Run("create", name, () =>
    {
        Assert.DoesNotContain(name, Disk.Names.Keys);
        return new ModelFile(this, name, Disk.Create(name, bytes));
    });

    public ISpoolFile Open(string name) => Run("open", name, () => new ModelFile(this, name, Disk.Names[name]));

    public void Delete(string name) => Run("delete", name, () => Disk.Delete(name));

    public void SyncDirectory() => Run("fsync", ".", Disk.SyncDirectory);

    public void WriteWhole(string name, ReadOnlySpan<byte> content)
    {
        var unfinished = name + ".unfinished";
        var bytes = content.ToArray();
        Run("write", unfinished, () =>
        {
            var file = Disk.Create(unfinished, bytes.Length);
            bytes.CopyTo(file.Pages, 0);
            Disk.Sync(file, 0, bytes.Length);
        });
        Run("rename", name, () => Disk.Rename(unfinished, name));
        SyncDirectory();
    }

    public byte[] ReadWhole(string name) => Run("read", name, () => (byte[])Disk.Names[name].Pages.Clone());

    public void Dispose()
    {
    }

    /// <summary>A block of 4 KiB that can't be read any more.</summary>
    public void Break(string name, int block) => _bad.Add((name, block));

    private void Run(string operation, string name, Action action) => Run(operation, name, () =>
    {
        action();
        return true;
    });

    private T Run<T>(string operation, string name, Func<T> action, Action? fail = null)
    {
        if (IsDead)
        {
            throw new ProcessKilledException();
        }

        if (CallsToDeath is { } toDeath && (CallsToDeath = toDeath - 1) < 0)
        {
            IsDead = true;
            Log($"  dies at {operation} {name}");
            if (random.Next(2) == 0)
            {
                action();
            }

            throw new ProcessKilledException();
        }

        if (CallsToError is { } toError && (CallsToError = toError - 1) < 0)
        {
            CallsToError = null;
            Errors++;
            fail?.Invoke();
            Log($"  {operation} {name} fails");
            throw new SpoolFileException(operation, name, operation is "create" or "write" ? NoRoom[random.Next(NoRoom.Length)] : IoError, "made up");
        }

        return action();
    }

    private sealed class ModelFile(ModelFiles files, string name, ModelDisk.Content content) : ISpoolFile
    {
        private byte[]? _mapped;

        public int Length => content.Pages.Length;

        public Memory<byte> Map() => _mapped ??= files.Run("map", name, () => content.Pages);

        public void Unmap() => _mapped = null;

        public void Read(int offset, Span<byte> into)
        {
            into.Clear();
            var bytes = files.Run("read", name, () => content.Pages);
            for (var block = offset / 4096; block <= (offset + into.Length - 1) / 4096; block++)
            {
                if (files._bad.Contains((name, block)))
                {
                    throw new SpoolFileException("read", name, IoError, "made up");
                }
            }

            if (files.Disk.RepairsChecksums)
            {
                Checksums.Repair(bytes);
            }

            var there = Math.Max(0, Math.Min(into.Length, bytes.Length - offset));
            bytes.AsSpan(Math.Min(offset, bytes.Length), there).CopyTo(into);
        }

        public void Sync() => Sync(0, Length);

        public void Sync(int from, int to)
        {
            try
            {
                files.Run("msync", name, () => Done(from, to), () => files.Disk.FailSync(content));
            }
            catch (SpoolFileException) when (files.Disk.HidesFailedSyncs)
            {
            }
        }

        public void Rewrite() => files.Run("rewrite", name, () =>
        {
            if (!files.Disk.ForgetsRewrites)
            {
                content.Touch();
            }

            return true;
        });

        public void Dispose() => Unmap();

        private bool Done(int from, int to)
        {
            files.Disk.Sync(content, from, to);
            return true;
        }
    }
}
