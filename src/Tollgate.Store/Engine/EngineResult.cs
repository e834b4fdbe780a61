namespace Tollgate.Store.Engine;

/// <summary>A piece of an answer, or all of it, in the engine's memory. Dispose gives it back.</summary>
internal sealed unsafe class EngineResult(ChdbLibrary library, nint handle) : IDisposable
{
    private nint _handle = handle;

    /// <summary>Bytes of the answer's format. Valid until Dispose.</summary>
    public ReadOnlySpan<byte> Bytes => new(library.ResultBuffer(_handle), Length);

    /// <summary>Bytes in <see cref="Bytes"/>. A streamed piece of zero bytes is the end.</summary>
    public int Length => checked((int)library.ResultLength(_handle));

    /// <summary>What the engine counted for this piece.</summary>
    public EngineCounts Counts => new(
        (long)library.StorageRows(_handle),
        (long)library.StorageBytes(_handle),
        (long)library.RowsWritten(_handle),
        (long)library.BytesWritten(_handle),
        (long)library.ResultRows(_handle),
        (long)library.ResultBytes(_handle));

    /// <summary>The error in it, or null.</summary>
    public EngineException? Error
    {
        get
        {
            var text = ChdbLibrary.Text(library.ResultError(_handle));
            return text is null ? null : EngineException.Parse(text);
        }
    }

    /// <summary>A copy, for the piece that must outlive the engine's memory.</summary>
    public byte[] ToArray() => Bytes.ToArray();

    /// <inheritdoc/>
    public void Dispose()
    {
        var handle = Interlocked.Exchange(ref _handle, 0);
        if (handle != 0)
        {
            library.ResultDestroy(handle);
        }
    }
}

/// <summary>What a statement read, wrote and answered.</summary>
/// <remarks>Units: rows and bytes. Written rows include those of materialized views.</remarks>
internal readonly record struct EngineCounts(
    long ReadRows, long ReadBytes, long WrittenRows, long WrittenBytes, long ResultRows, long ResultBytes);
