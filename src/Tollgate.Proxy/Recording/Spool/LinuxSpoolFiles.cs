using System.Buffers;
using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>A directory of the real file system, held by this process alone.</summary>
/// <remarks>
/// Syncs go through libc: .NET 10 on Linux returns normally when fsync fails. A sync that failed is never tried again on the same file: the kernel may have dropped the
/// pages and cleared the error.
/// </remarks>
internal sealed class LinuxSpoolFiles : ISpoolFiles
{
    private const string LockName = "lock";

    private readonly string _directory;
    private readonly FileStream _lock;

    private LinuxSpoolFiles(string directory, FileStream held)
    {
        _directory = directory;
        _lock = held;
    }

    /// <summary>Takes the directory, making it when it is not there.</summary>
    /// <exception cref="SpoolFormatException">Another process has it.</exception>
    /// <exception cref="IOException">It can't be made or written.</exception>
    public static LinuxSpoolFiles Take(string directory)
    {
        MakeDurably(directory);
        var path = Path.Combine(directory, LockName);
        try
        {
            return new LinuxSpoolFiles(directory, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException) when (File.Exists(path))
        {
            throw new SpoolFormatException(
                $"The spool {directory} is in use by another process. Stop that gateway, or give this one a data directory of its own (storage.dataDirectory).");
        }
    }

    /// <summary>Opens a file for reading alone; takes nothing from whoever holds the directory.</summary>
    public static ISpoolFile OpenToRead(string path)
    {
        SafeFileHandle? handle = null;
        Libc.Run("open", path, () => handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return new LinuxFile(path, handle!, (int)RandomAccess.GetLength(handle!));
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List() => [.. Directory.EnumerateFiles(_directory).Select(static path => Path.GetFileName(path))];

    /// <inheritdoc/>
    public ISpoolFile Create(string name, int bytes)
    {
        var path = Path.Combine(_directory, name);
        var handle = Libc.OpenFile(path, FileMode.CreateNew);
        try
        {
            Libc.Allocate(handle, bytes, path);
            return new LinuxFile(path, handle, bytes);
        }
        catch
        {
            handle.Dispose();
            File.Delete(path);
            throw;
        }
    }

    /// <inheritdoc/>
    public ISpoolFile Open(string name)
    {
        var path = Path.Combine(_directory, name);
        var handle = Libc.OpenFile(path, FileMode.Open);
        return new LinuxFile(path, handle, (int)RandomAccess.GetLength(handle));
    }

    /// <inheritdoc/>
    public void Delete(string name)
    {
        var path = Path.Combine(_directory, name);
        Libc.Run("unlink", path, () => File.Delete(path));
    }

    /// <inheritdoc/>
    public void SyncDirectory() => Libc.SyncDirectory(_directory);

    /// <inheritdoc/>
    public void WriteWhole(string name, ReadOnlySpan<byte> content) => DurableFile.Write(Path.Combine(_directory, name), content);

    /// <inheritdoc/>
    public byte[] ReadWhole(string name) => File.ReadAllBytes(Path.Combine(_directory, name));

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private static void MakeDurably(string directory)
    {
        // Each directory that is made, up to one that is there: a name is as durable as the directory that holds it.
        var full = Path.GetFullPath(directory);
        if (!Directory.Exists(full) && Path.GetDirectoryName(full) is { } parent)
        {
            MakeDurably(parent);
            Directory.CreateDirectory(full);
            Libc.SyncDirectory(parent);
        }
    }

    private sealed class LinuxFile(string path, SafeFileHandle handle, int length) : ISpoolFile
    {
        private MappedBytes? _mapped;

        public int Length { get; } = length;

        public Memory<byte> Map()
        {
            if (_mapped is null)
            {
                Libc.Run("mmap", path, () => _mapped = new MappedBytes(handle, Length));
            }

            return _mapped!.Memory;
        }

        public void Unmap()
        {
            ((IDisposable?)_mapped)?.Dispose();
            _mapped = null;
        }

        public void Read(int offset, Span<byte> into)
        {
            try
            {
                while (!into.IsEmpty)
                {
                    var read = RandomAccess.Read(handle, into, offset);
                    if (read == 0)
                    {
                        // Shorter than its header says: what is missing holds nothing.
                        into.Clear();
                        return;
                    }

                    offset += read;
                    into = into[read..];
                }
            }
            catch (IOException failed)
            {
                throw Libc.Failed("read", path, failed);
            }
        }

        public void Rewrite()
        {
            const int Block = 4096;
            var bytes = new byte[Block];
            for (var offset = 0; offset < Length; offset += Block)
            {
                var block = bytes.AsSpan(0, Math.Min(Block, Length - offset));
                try
                {
                    Read(offset, block);
                }
                catch (SpoolFileException)
                {
                    continue; // Nothing of it is known, so nothing of it is sent.
                }

                if (block.ContainsAnyExcept((byte)0))
                {
                    Libc.Write(handle, block, offset, path);
                }
            }
        }

        public void Sync() => Libc.SyncData(handle, path);

        public void Sync(int from, int to)
        {
            if (_mapped is { } mapped)
            {
                mapped.Sync(from, to, path);
            }
            else
            {
                Sync();
            }
        }

        public void Dispose()
        {
            Unmap();
            handle.Dispose();
        }
    }

    /// <summary>A file's bytes as memory.</summary>
    private sealed unsafe class MappedBytes : MemoryManager<byte>
    {
        private readonly MemoryMappedFile _file;
        private readonly MemoryMappedViewAccessor _view;
        private readonly int _length;
        private byte* _start;

        public MappedBytes(SafeFileHandle handle, int length)
        {
            _length = length;
            _file = MemoryMappedFile.CreateFromFile(handle, mapName: null, length, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
            _view = _file.CreateViewAccessor(0, length, MemoryMappedFileAccess.ReadWrite);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        }

        public override Span<byte> GetSpan() => new(_start, _length);

        /// <summary>Makes the pages that hold these bytes durable.</summary>
        public void Sync(int from, int to, string path)
        {
            var start = from & ~(Environment.SystemPageSize - 1);
            Libc.SyncMapped(_start + start, to - start, path);
        }

        public override MemoryHandle Pin(int elementIndex = 0) => new(_start + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && _start is not null)
            {
                _start = null;
                _view.SafeMemoryMappedViewHandle.ReleasePointer();
                _view.Dispose();
                _file.Dispose();
            }
        }
    }
}
