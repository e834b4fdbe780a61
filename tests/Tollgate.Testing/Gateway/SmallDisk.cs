using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Tollgate.Testing.Gateway;

/// <summary>A file system of a few mebibytes in memory, mounted at a directory: a disk that fills.</summary>
public sealed class SmallDisk : IDisposable
{
    private readonly string _path;

    private SmallDisk(string path) => _path = path;

    /// <summary>Mounts one of <paramref name="bytes"/> at a directory; null when this process may not mount.</summary>
    public static SmallDisk? TryMount(string path, int bytes) =>
        Run("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={bytes}"), "tmpfs", path) ? new SmallDisk(path) : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        // Lazily: a process that was just killed may still hold a file.
        Run("umount", "--lazy", _path);
    }

    private static bool Run(string file, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
