using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>The calls that .NET has not, or whose errors it hides.</summary>
internal static partial class Libc
{
    private const int OpenDirectory = 0x10000 | 0x80000; // O_DIRECTORY | O_CLOEXEC, read-only
    private const int Interrupted = 4;
    private const int NotSupported = 95;
    private const int SynchronousSync = 4; // MS_SYNC
    private const int ZeroBytes = 64 * 1024;

    /// <summary>Takes the file's room on the disk; where the file system can't, zeros are written, which takes it as well.</summary>
    public static void Allocate(SafeFileHandle handle, int bytes, string path)
    {
        int error;
        do
        {
            error = Fallocate(handle, 0, 0, bytes) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
        while (error == Interrupted);

        if (error == NotSupported)
        {
            WriteZeros(handle, bytes, path);
        }
        else if (error != 0)
        {
            throw new SpoolFileException("fallocate", path, error, Marshal.GetPInvokeErrorMessage(error));
        }
    }

    /// <summary>Makes a file durable, its size and times included.</summary>
    public static void Sync(SafeFileHandle handle, string path) => Check(Fsync(handle), "fsync", path);

    /// <summary>Makes a file's bytes durable, those written through a mapping included.</summary>
    public static void SyncData(SafeFileHandle handle, string path) => Check(Fdatasync(handle), "fdatasync", path);

    /// <summary>Makes the bytes of a file durable that are mapped there; the start is a page's.</summary>
    public static unsafe void SyncMapped(byte* start, int length, string path) => Check(Msync(start, (nuint)length, SynchronousSync), "msync", path);

    /// <summary>Makes a directory's entries durable.</summary>
    public static void SyncDirectory(string directory)
    {
        var descriptor = Open(directory, OpenDirectory);
        if (descriptor < 0)
        {
            throw Error("open", directory);
        }

        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        Check(Fsync(handle), "fsync", directory);
    }

    /// <summary>Writes bytes at a place.</summary>
    public static void Write(SafeFileHandle handle, ReadOnlySpan<byte> bytes, long offset, string path)
    {
        try
        {
            RandomAccess.Write(handle, bytes, offset);
        }
        catch (IOException failed)
        {
            throw Failed("write", path, failed);
        }
    }

    /// <summary>Opens a file for reading and writing.</summary>
    public static SafeFileHandle OpenFile(string path, FileMode mode)
    {
        SafeFileHandle? handle = null;
        Run("open", path, () => handle = File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete));
        return handle!;
    }

    /// <summary>Runs a call of .NET's whose errors are to be in the words of the spool.</summary>
    public static void Run(string operation, string path, Action action)
    {
        try
        {
            action();
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw Failed(operation, path, failed);
        }
    }

    /// <summary>An exception of .NET's in the words of the spool.</summary>
    public static SpoolFileException Failed(string operation, string path, Exception failed)
    {
        // .NET keeps errno in HResult, but for those it gives a code of its own.
        var error = failed switch
        {
            FileNotFoundException or DirectoryNotFoundException => 2,
            UnauthorizedAccessException => 13,
            _ when failed.HResult is > 0 and < 4096 => failed.HResult,
            _ => 5,
        };
        return new SpoolFileException(operation, path, error, failed.Message);
    }

    private static void WriteZeros(SafeFileHandle handle, int bytes, string path)
    {
        var zeros = new byte[ZeroBytes];
        for (var offset = 0; offset < bytes; offset += ZeroBytes)
        {
            Write(handle, zeros.AsSpan(0, Math.Min(ZeroBytes, bytes - offset)), offset, path);
        }
    }

    private static void Check(int result, string operation, string path)
    {
        if (result != 0)
        {
            throw Error(operation, path);
        }
    }

    private static SpoolFileException Error(string operation, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new SpoolFileException(operation, path, error, Marshal.GetPInvokeErrorMessage(error));
    }

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Fsync(SafeFileHandle handle);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Fdatasync(SafeFileHandle handle);

    [LibraryImport("libc", EntryPoint = "msync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial int Msync(byte* start, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Fallocate(SafeFileHandle handle, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);
}
