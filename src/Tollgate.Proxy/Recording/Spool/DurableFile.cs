namespace Tollgate.Proxy.Recording.Spool;

/// <summary>Small files that must be there whole after a power cut, or not at all.</summary>
public static class DurableFile
{
    private const string Unfinished = ".unfinished";

    /// <summary>Writes a file: under another name, synced, renamed, and the directory synced.</summary>
    /// <exception cref="IOException">It could not be made durable; what was there before is still there.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        var unfinished = path + Unfinished;
        using (var handle = Libc.OpenFile(unfinished, FileMode.Create))
        {
            Libc.Write(handle, content, 0, unfinished);
            Libc.Sync(handle, unfinished);
        }

        Libc.Run("rename", path, () => File.Move(unfinished, path, overwrite: true));
        Libc.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }
}
