using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording;

/// <summary>A directory in memory whose calls fail when a test says so. What is written through a mapping is there at once, as after a kill.</summary>
internal sealed class FailingFiles : ISpoolFiles
{
    private readonly Dictionary<string, byte[]> _files = new(StringComparer.Ordinal);

    /// <summary>Called with the name of every call and of its file before it is made; throws to make it fail.</summary>
    public Action<string, string> Before { get; set; } = static (_, _) => { };

    /// <summary>Bytes that files may take together.</summary>
    public long Room { get; set; } = long.MaxValue;

    /// <summary>The bytes of a file, live.</summary>
    public byte[] this[string name] => _files[name];

    /// <summary>A failure as the system would tell it.</summary>
    public static SpoolFileException Failure(string operation, string name) => new(operation, name, 5, "Input/output error");

    /// <summary>What a process that is started now would find.</summary>
    public FailingFiles Copy()
    {
        var copy = new FailingFiles { Room = Room };
        foreach (var (name, bytes) in _files)
        {
            copy._files[name] = [.. bytes];
        }

        return copy;
    }

    public IReadOnlyList<string> List() => [.. _files.Keys];

    public ISpoolFile Create(string name, int bytes)
    {
        Before("create", name);
        if (_files.Values.Sum(static file => (long)file.Length) + bytes > Room)
        {
            throw new SpoolFileException("fallocate", name, SpoolFileException.NoSpace, "No space left on device");
        }

        _files.Add(name, new byte[bytes]);
        return new OneFile(this, name);
    }

    public ISpoolFile Open(string name)
    {
        Before("open", name);
        return new OneFile(this, name);
    }

    public void Delete(string name)
    {
        Before("delete", name);
        _files.Remove(name);
    }

    public void SyncDirectory() => Before("sync directory", string.Empty);

    public void WriteWhole(string name, ReadOnlySpan<byte> content)
    {
        Before("write", name);
        _files[name] = content.ToArray();
    }

    public byte[] ReadWhole(string name) => _files[name];

    public void Dispose()
    {
    }

    private sealed class OneFile(FailingFiles files, string name) : ISpoolFile
    {
        private readonly byte[] _bytes = files._files[name];

        public int Length => _bytes.Length;

        public Memory<byte> Map()
        {
            files.Before("map", name);
            return _bytes;
        }

        public void Unmap()
        {
        }

        public void Read(int offset, Span<byte> into)
        {
            files.Before("read", name);
            _bytes.AsSpan(offset, into.Length).CopyTo(into);
        }

        public void Rewrite() => files.Before("rewrite", name);

        public void Sync() => files.Before("sync", name);

        public void Sync(int from, int to) => Sync();

        public void Dispose()
        {
        }
    }
}
