namespace Tollgate.Demo.Live;

/// <summary>The demo's directory, emptied and held until the demo ends.</summary>
/// <remarks>A marker says that a directory is a demo's; one that holds other things is left alone. A lock on it keeps a second demo out.</remarks>
internal sealed class DemoDirectory : IDisposable
{
    private const string Marker = "tollgate-demo";

    private readonly FileStream _lock;

    private DemoDirectory(string path, FileStream held) => (Path, _lock) = (path, held);

    /// <summary>Its full path.</summary>
    public string Path { get; }

    /// <summary>Takes it, and deletes what a former demo left.</summary>
    /// <exception cref="IOException">It holds something that is not a demo's, or a demo is running in it.</exception>
    public static DemoDirectory Take(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        Directory.CreateDirectory(full);
        var marker = System.IO.Path.Combine(full, Marker);
        if (!File.Exists(marker) && Directory.EnumerateFileSystemEntries(full).Any())
        {
            throw new IOException($"{full} holds files that are not a demo's, and a demo empties its directory. Give another one by --directory.");
        }

        FileStream held;
        try
        {
            held = new FileStream(marker, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException taken)
        {
            throw new IOException($"A demo is running in {full}. End it, or give another directory by --directory.", taken);
        }

        foreach (var left in new DirectoryInfo(full).EnumerateFileSystemInfos().Where(static left => left.Name != Marker))
        {
            if (left is DirectoryInfo directory)
            {
                directory.Delete(recursive: true);
            }
            else
            {
                left.Delete();
            }
        }

        return new DemoDirectory(full, held);
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();
}
