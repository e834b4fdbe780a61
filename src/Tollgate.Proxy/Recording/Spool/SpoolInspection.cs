namespace Tollgate.Proxy.Recording.Spool;

/// <summary>A look at a spool from outside, also while a gateway runs on it: takes no lock, writes nothing, deletes nothing.</summary>
/// <remarks>A moment's truth: the gateway goes on meanwhile. A file that went away between two looks makes it look anew.</remarks>
public static class SpoolInspection
{
    // A gateway deletes files all the time, but not between any two reads of a few milliseconds.
    private const int MostLooks = 5;

    /// <summary>Looks.</summary>
    /// <param name="directory">The spool's directory.</param>
    /// <exception cref="DirectoryNotFoundException">There is none.</exception>
    /// <exception cref="SpoolFormatException">It was written by a later version.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    public static SpoolStatus Look(string directory)
    {
        for (var look = 1; ; look++)
        {
            try
            {
                return LookOnce(directory);
            }
            catch (SpoolFileException gone) when (gone.Error == SpoolFileException.NotFound && look < MostLooks)
            {
                // Its rows are in the store by now.
            }
        }
    }

    private static SpoolStatus LookOnce(string directory)
    {
        using var files = new ReadOnlyFiles(directory);
        var recovery = SpoolRecovery.Read(files, new SpoolSettings(SegmentHeader.Bytes, 0, 0), SpoolCursor.Fresh(0), out var unneeded);
        try
        {
            var cursor = recovery.Cursor;
            return new SpoolStatus(
                recovery.Segments.Count,
                unneeded.Count,
                recovery.Segments.Concat(unneeded).Sum(static segment => (long)segment.Bytes),
                recovery.PendingRows,
                recovery.OldestPending > 0 ? DateTimeOffset.FromUnixTimeMilliseconds(recovery.OldestPending) : null,
                cursor.FirstSequence > 0 ? cursor.FirstSequence : null,
                cursor.FirstSequence > 0 ? cursor.NextSequence : null,
                cursor.AcknowledgedSequence > cursor.FirstSequence ? cursor.AcknowledgedSequence - 1 : null,
                recovery.OpenDrafts.Count,
                files.List().Count(DeadLetters.IsName));
        }
        finally
        {
            foreach (var segment in recovery.Segments.Concat(unneeded))
            {
                segment.Dispose();
            }
        }
    }

    private sealed class ReadOnlyFiles(string directory) : ISpoolFiles
    {
        public IReadOnlyList<string> List() => [.. Directory.EnumerateFiles(directory).Select(static path => Path.GetFileName(path))];

        public ISpoolFile Open(string name) => LinuxSpoolFiles.OpenToRead(Path.Combine(directory, name));

        public byte[] ReadWhole(string name) => File.ReadAllBytes(Path.Combine(directory, name));

        public ISpoolFile Create(string name, int bytes) => throw new NotSupportedException();

        public void Delete(string name) => throw new NotSupportedException();

        public void SyncDirectory() => throw new NotSupportedException();

        public void WriteWhole(string name, ReadOnlySpan<byte> content) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}

/// <summary>What a look at a spool showed.</summary>
/// <param name="Segments">Files with records that are still needed.</param>
/// <param name="PreparedSegments">Files that were prepared ahead, or are finished with.</param>
/// <param name="Bytes">Size of all of them.</param>
/// <param name="PendingRows">Rows that the store has not acknowledged.</param>
/// <param name="OldestPending">When the first of them was recorded; null without any.</param>
/// <param name="FirstSequence">The number of the spool's first row; null before anything was sent.</param>
/// <param name="NextSequence">The first number not given to any row; null before anything was sent.</param>
/// <param name="AcknowledgedSequence">The number of the last row that is in the store or put aside; null while none is.</param>
/// <param name="OpenAttempts">Attempts that have a draft and no row yet.</param>
/// <param name="DeadLetters">Rows that the store refused.</param>
public sealed record SpoolStatus(
    int Segments,
    int PreparedSegments,
    long Bytes,
    long PendingRows,
    DateTimeOffset? OldestPending,
    ulong? FirstSequence,
    ulong? NextSequence,
    ulong? AcknowledgedSequence,
    int OpenAttempts,
    int DeadLetters);
