namespace Tollgate.Store.Engine;

/// <summary>An open INSERT. Nothing is committed unless <see cref="DoneAsync"/> returns; Dispose alone cancels.</summary>
/// <remarks>A body of more than a million rows is committed in blocks, as on a server: a cancel leaves the blocks before it.</remarks>
internal sealed unsafe class InsertStream(EngineConnection connection, ChdbLibrary library, nint handle) : IAsyncDisposable
{
    private bool _done;

    /// <summary>Hands bytes over; the engine copies them, and may make us wait.</summary>
    /// <exception cref="EngineException">The engine gave the insert up.</exception>
    public Task AppendAsync(ReadOnlyMemory<byte> data) => connection.Run(() =>
    {
        fixed (byte* bytes = data.Span)
        {
            return library.InsertAppend(handle, bytes, (nuint)data.Length) == 0 ? true : throw Failure();
        }
    });

    /// <summary>Parses the last bytes, commits, and answers what was written.</summary>
    /// <exception cref="EngineException">The data do not parse or a table refused them; the open block is not inserted.</exception>
    public Task<EngineCounts> DoneAsync() => connection.Run(() =>
    {
        using var result = new EngineResult(library, library.InsertDone(handle));
        if (result.Error is { } error)
        {
            throw error;
        }

        _done = true;
        return result.Counts;
    });

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => new(connection.Run(() =>
    {
        if (!_done)
        {
            library.InsertCancel(handle);
        }

        library.InsertDestroy(handle);
        return true;
    }));

    private EngineException Failure() =>
        EngineException.Parse(ChdbLibrary.Text(library.InsertError(handle)) ?? "Code: 1002. DB::Exception: The insert was refused without a reason. (UNKNOWN_EXCEPTION)");
}
