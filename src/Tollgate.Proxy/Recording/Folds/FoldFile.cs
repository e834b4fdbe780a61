using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Recording.Folds;

/// <summary>One of the two files that folds are kept in: its room is taken at the start, because the disk is full when it is needed.</summary>
/// <remarks>
/// file   = header copy at 0, header copy at 4,096, then from 8,192 on entries of 1,024 bytes; all little-endian
/// header = magic (8 bytes), format (UInt32), state (UInt32: 0 open, 1 frozen), version (Int64), generation (Int64), CRC-32C of these 32 bytes
/// entry  = key (512 bytes), sums copy (256), sums copy (256)
/// key    = generation (Int64), slot (Int64, Unix seconds), fold id (16 bytes), seven texts (UInt16 length, UTF-8), zeros, CRC-32C of the 508 bytes before it
/// sums   = version (Int64), fold id (16 bytes), attempt added last (16 bytes), fifteen Int64, CRC-32C of the 160 bytes before it
///
/// An update writes the copy that does not hold, with the next version and its checksum last: whichever byte a kill stops it at, the other copy is whole.
/// Both copies lie in one sector of 512 bytes, which a disk writes as a whole; of whichever moment's bytes it got, one copy is whole, and none is
/// older than the last sync.
/// An entry counts when its key is of the header's generation and a sums copy has the key's fold id. So a file is cleared by one write, of a header
/// with the next generation, and what older generations left in it means nothing.
/// Owner: <see cref="FoldTable"/>, which lets one thread write at a time.
/// </remarks>
internal sealed class FoldFile : IDisposable
{
    /// <summary>Size of the file.</summary>
    public const int Bytes = 1024 * 1024;

    /// <summary>Where entries begin.</summary>
    public const int FirstEntry = 2 * HeaderStride;

    /// <summary>Bytes of an entry.</summary>
    public const int EntryBytes = 1024;

    /// <summary>How many entries fit.</summary>
    public const int MostEntries = (Bytes - FirstEntry) / EntryBytes;

    private const int Format = 1;
    private const int HeaderStride = 4096;
    private const int HeaderChecked = 32;
    private const int KeyBytes = 512;
    private const int KeyChecked = KeyBytes - sizeof(uint);
    private const int KeyTexts = 32;
    private const int Texts = 7;
    private const int MostTextBytes = KeyChecked - KeyTexts - (Texts * sizeof(ushort));
    private const int SumsBytes = 256;
    private const int SumsNumbers = 40;
    private const int SumsChecked = SumsNumbers + (FoldSums.Count * sizeof(long));

    private readonly ISpoolFile _file;
    private readonly Memory<byte> _memory;
    private long _headerVersion;
    private long _generation;

    private FoldFile(ISpoolFile file, string name)
    {
        _file = file;
        Name = name;
        _memory = file.Map();
    }

    private static ReadOnlySpan<byte> Magic => "TGFOLDS\n"u8;

    /// <summary>Its name in the spool's directory.</summary>
    public string Name { get; }

    /// <summary>Its entries may have been sent, so that they must not change any more.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Makes one, durably.</summary>
    /// <exception cref="SpoolFileException">The disk refused, for lack of room or otherwise.</exception>
    public static FoldFile Create(ISpoolFiles files, string name)
    {
        var file = files.Create(name, Bytes);
        try
        {
            var made = new FoldFile(file, name);
            made.Clear();
            made.Sync();
            files.SyncDirectory();
            return made;
        }
        catch (SpoolFileException)
        {
            file.Dispose();
            files.Delete(name);
            throw;
        }
    }

    /// <summary>Opens one that is there, and reads the entries that count.</summary>
    /// <returns>Null when it was never finished.</returns>
    /// <exception cref="SpoolFormatException">It was written by a later version.</exception>
    /// <exception cref="SpoolFileException">It can't be opened.</exception>
    public static FoldFile? Open(ISpoolFiles files, string name, out List<FoldEntry> entries, out int unreadable)
    {
        entries = [];
        unreadable = 0;
        var file = files.Open(name);
        try
        {
            if (file.Length != Bytes)
            {
                file.Dispose();
                return null;
            }

            var bytes = ReadAll(file, out unreadable);
            var opened = new FoldFile(file, name);
            opened.Take(bytes, entries);
            return opened;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The key with its texts cut to what an entry has room for, the longest first, at whole characters.</summary>
    public static FoldKey Fit(in FoldKey key)
    {
        var most = MostTextBytes;
        var (longest, total) = Measure(key, most);
        if (total <= MostTextBytes)
        {
            return key;
        }

        for (most = longest; total > MostTextBytes; most--)
        {
            (_, total) = Measure(key, most - 1);
        }

        return new FoldKey(
            key.Slot,
            Cut(key.Customer, most),
            Cut(key.Team, most),
            Cut(key.Project, most),
            Cut(key.Developer, most),
            Cut(key.KeyId, most),
            Cut(key.Provider, most),
            Cut(key.Model, most));

        static (int Longest, int Total) Measure(in FoldKey key, int most)
        {
            var (longest, total) = (0, 0);
            foreach (var text in (ReadOnlySpan<string>)[key.Customer, key.Team, key.Project, key.Developer, key.KeyId, key.Provider, key.Model])
            {
                var length = Encoding.UTF8.GetByteCount(text);
                longest = Math.Max(longest, length);
                total += Math.Min(length, most);
            }

            return (longest, total);
        }

        static string Cut(string text, int most)
        {
            if (Encoding.UTF8.GetByteCount(text) <= most)
            {
                return text;
            }

            // Stops before the first character that does not fit.
            Span<byte> kept = stackalloc byte[MostTextBytes];
            Utf8.FromUtf16(text, kept[..most], out _, out var length);
            return Encoding.UTF8.GetString(kept[..length]);
        }
    }

    /// <summary>Gives an entry its key; it counts once it has sums.</summary>
    public void WriteKey(FoldEntry entry)
    {
        // Made apart and copied whole: writing a key anew, as it is, changes no byte, so that nothing can tear it.
        Span<byte> bytes = stackalloc byte[KeyBytes];
        bytes.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, _generation);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], entry.Key.Slot.ToUnixTimeSeconds());
        entry.Id.TryWriteBytes(bytes[16..]);
        var at = KeyTexts;
        foreach (var text in (ReadOnlySpan<string>)[
            entry.Key.Customer, entry.Key.Team, entry.Key.Project, entry.Key.Developer, entry.Key.KeyId, entry.Key.Provider, entry.Key.Model])
        {
            var length = Encoding.UTF8.GetBytes(text, bytes[(at + sizeof(ushort))..KeyChecked]);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes[at..], (ushort)length);
            at += sizeof(ushort) + length;
        }

        Seal(bytes, KeyChecked);
        bytes.CopyTo(Entry(entry.Index));
    }

    /// <summary>Gives an entry its sums, in the copy that does not hold until then.</summary>
    public void WriteSums(FoldEntry entry)
    {
        var bytes = Entry(entry.Index).Slice(KeyBytes + (SumsBytes * (int)(entry.Version & 1)), SumsBytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes, entry.Version);
        entry.Id.TryWriteBytes(bytes[8..]);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[24..], entry.LastAttempt);
        entry.Sums.Write(bytes[SumsNumbers..]);
        Seal(bytes, SumsChecked);
    }

    /// <summary>Says that its entries don't change any more. Durable after the next <see cref="Sync"/>.</summary>
    public void Freeze() => WriteHeader(isFrozen: true);

    /// <summary>Empties it. Durable after the next <see cref="Sync"/>.</summary>
    public void Clear()
    {
        _generation++;
        WriteHeader(isFrozen: false);
    }

    /// <summary>Writes the header anew, as it is.</summary>
    public void RewriteHeader() => WriteHeader(IsFrozen);

    /// <summary>Makes what was written durable.</summary>
    /// <exception cref="SpoolFileException">The disk refused: write everything anew before the next try, since the kernel may have dropped it.</exception>
    public void Sync() => _file.Sync();

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static byte[] ReadAll(ISpoolFile file, out int unreadable)
    {
        // Not through the mapping: there a bad block would be a signal.
        var bytes = new byte[Bytes];
        unreadable = 0;
        for (var at = 0; at < Bytes; at += HeaderStride)
        {
            var block = bytes.AsSpan(at, HeaderStride);
            try
            {
                file.Read(at, block);
            }
            catch (SpoolFileException)
            {
                block.Clear();
                unreadable++;
            }
        }

        return bytes;
    }

    private static void Seal(Span<byte> bytes, int length) =>
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[length..], SpoolRecord.Crc32C(0, bytes[..length]));

    private static bool IsSealed(ReadOnlySpan<byte> bytes, int length) =>
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[length..]) == SpoolRecord.Crc32C(0, bytes[..length]);

    private static bool TryReadKey(ReadOnlySpan<byte> bytes, int index, out long generation, out FoldEntry entry)
    {
        generation = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        entry = null!;
        if (generation == 0 || !IsSealed(bytes, KeyChecked))
        {
            return false;
        }

        var texts = new string[Texts];
        var at = KeyTexts;
        for (var i = 0; i < Texts; i++)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
            texts[i] = Encoding.UTF8.GetString(bytes.Slice(at + sizeof(ushort), length));
            at += sizeof(ushort) + length;
        }

        var slot = DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]));
        var key = new FoldKey(slot, texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], texts[6]);
        entry = new FoldEntry(index, new Guid(bytes.Slice(16, 16)), key);
        return true;
    }

    /// <summary>Takes the newer whole copy of the entry's sums; false when it has none.</summary>
    private static bool TryReadSums(ReadOnlySpan<byte> bytes, FoldEntry entry)
    {
        for (var copy = 0; copy < 2; copy++)
        {
            var sums = bytes.Slice(KeyBytes + (SumsBytes * copy), SumsBytes);
            var version = BinaryPrimitives.ReadInt64LittleEndian(sums);
            if (version > entry.Version && IsSealed(sums, SumsChecked) && new Guid(sums.Slice(8, 16)) == entry.Id)
            {
                entry.Version = version;
                entry.LastAttempt = BinaryPrimitives.ReadUInt128LittleEndian(sums[24..]);
                entry.Sums = FoldSums.Read(sums[SumsNumbers..]);
            }
        }

        return entry.Version > 0;
    }

    /// <summary>Takes what an earlier process left.</summary>
    private void Take(ReadOnlySpan<byte> bytes, List<FoldEntry> entries)
    {
        var isKnown = TakeHeader(bytes) | TakeHeader(bytes[HeaderStride..]);
        var found = new List<(long Generation, FoldEntry Entry)>();
        for (var index = 0; index < MostEntries; index++)
        {
            var entry = bytes.Slice(FirstEntry + (index * EntryBytes), EntryBytes);
            if (TryReadKey(entry, index, out var generation, out var read) && TryReadSums(entry, read))
            {
                found.Add((generation, read));
            }
        }

        if (!isKnown && found.Count > 0)
        {
            // Both copies of the header are damaged. The newest generation is the one that counts, and it may have been sent.
            _generation = found.Max(static one => one.Generation);
            IsFrozen = true;
        }

        entries.AddRange(found.Where(one => one.Generation == _generation).Select(static one => one.Entry));
        if (_generation == 0)
        {
            Clear(); // Killed between its making and its first header.
        }
    }

    private bool TakeHeader(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.StartsWith(Magic) || !IsSealed(bytes, HeaderChecked))
        {
            return false;
        }

        var format = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        if (format != Format)
        {
            throw new SpoolFormatException(
                $"{Name} has format {format}, this Tollgate reads {Format}. Start the version that wrote it once and let it deliver what it has, or name another storage.dataDirectory.");
        }

        var version = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]);
        if (version > _headerVersion)
        {
            _headerVersion = version;
            _generation = BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]);
            IsFrozen = BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]) == 1;
        }

        return true;
    }

    private void WriteHeader(bool isFrozen)
    {
        IsFrozen = isFrozen;
        _headerVersion++;
        var bytes = _memory.Span.Slice(HeaderStride * (int)(_headerVersion & 1), HeaderChecked + sizeof(uint));
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], Format);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[12..], isFrozen ? 1 : 0);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], _headerVersion);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[24..], _generation);
        Seal(bytes, HeaderChecked);
    }

    private Span<byte> Entry(int index) => _memory.Span.Slice(FirstEntry + (index * EntryBytes), EntryBytes);
}

/// <summary>A fold as it grows.</summary>
/// <param name="index">Its place in the file.</param>
/// <param name="id">Its identity in the store.</param>
/// <param name="key">What it sums up.</param>
internal sealed class FoldEntry(int index, Guid id, in FoldKey key)
{
    /// <summary>Its place in the file.</summary>
    public int Index { get; } = index;

    /// <summary>Its identity in the store.</summary>
    public Guid Id { get; } = id;

    /// <summary>What it sums up.</summary>
    public FoldKey Key { get; } = key;

    /// <summary>What was added.</summary>
    public FoldSums Sums { get; set; }

    /// <summary>The attempt added last, as its row's bytes name it.</summary>
    public UInt128 LastAttempt { get; set; }

    /// <summary>Counts updates; 0 before the first.</summary>
    public long Version { get; set; }
}
