namespace Tollgate.Proxy.Recording.Spool;

/// <summary>What the spool needs of a file system: the real one, or a test's model of one that loses what was not synced.</summary>
/// <remarks>Errors: everything throws <see cref="SpoolFileException"/>, with the system's own number.</remarks>
internal interface ISpoolFiles : IDisposable
{
    /// <summary>Names in the directory.</summary>
    IReadOnlyList<string> List();

    /// <summary>Makes a file of <paramref name="bytes"/> zeros whose room on the disk is taken now, so that writing to it can't fail for lack of room.</summary>
    /// <remarks>Durable once the file and then the directory have been synced.</remarks>
    ISpoolFile Create(string name, int bytes);

    /// <summary>Opens a file that is there.</summary>
    ISpoolFile Open(string name);

    /// <summary>Removes a file. Whether it stays away after a power cut is not known until the directory is synced.</summary>
    void Delete(string name);

    /// <summary>Makes the directory's entries durable.</summary>
    void SyncDirectory();

    /// <summary>Writes a small file so that it is there whole and durable, or not at all.</summary>
    void WriteWhole(string name, ReadOnlySpan<byte> content);

    /// <summary>Reads a small file.</summary>
    byte[] ReadWhole(string name);
}

/// <summary>One file of the spool.</summary>
internal interface ISpoolFile : IDisposable
{
    /// <summary>Its size in bytes.</summary>
    int Length { get; }

    /// <summary>Its bytes, shared with the system's page cache: what is written here survives the process at once, the machine after <see cref="Sync()"/>.</summary>
    /// <remarks>The same memory at each call, until <see cref="Unmap"/>; nobody may hold it over that.</remarks>
    Memory<byte> Map();

    /// <summary>Gives the mapping up; the file stays open.</summary>
    void Unmap();

    /// <summary>Reads without mapping, so that a bad block is an error and not a signal.</summary>
    void Read(int offset, Span<byte> into);

    /// <summary>Writes what it holds once more, so that the next <see cref="Sync()"/> puts it on the disk.</summary>
    /// <remarks>
    /// For pages of an earlier process: when a sync of its failed, the system keeps them and takes them for written, so that a sync alone would say that
    /// they are durable and do nothing. Blocks that can't be read stay as they are.
    /// </remarks>
    void Rewrite();

    /// <summary>Makes everything written before the call durable.</summary>
    void Sync();

    /// <summary>Makes durable what was written before the call between two places, and maybe more; the other pages are left as they are.</summary>
    /// <param name="from">The first byte.</param>
    /// <param name="to">Behind the last byte.</param>
    void Sync(int from, int to);
}

/// <summary>The file system refused.</summary>
/// <param name="operation">The call that failed.</param>
/// <param name="path">The file.</param>
/// <param name="error">The system's error number.</param>
/// <param name="text">What that number means.</param>
internal sealed class SpoolFileException(string operation, string path, int error, string text) : IOException($"{operation} of {path} failed: {text} (error {error}).")
{
    /// <summary>errno: no such file.</summary>
    public const int NotFound = 2;

    /// <summary>errno: no room on the device.</summary>
    public const int NoSpace = 28;

    /// <summary>The system's error number.</summary>
    public int Error { get; } = error;
}
