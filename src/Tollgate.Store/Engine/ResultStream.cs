namespace Tollgate.Store.Engine;

/// <summary>The answer of a SELECT, fetched piece by piece. Dispose gives the connection free, also in the middle.</summary>
internal sealed unsafe class ResultStream(EngineConnection connection, ChdbLibrary library, nint native, nint handle) : IAsyncDisposable
{
    private bool _ended;

    /// <summary>The next piece, about 65,000 rows; null at the end.</summary>
    /// <exception cref="EngineException">The statement failed, perhaps after pieces were sent.</exception>
    public Task<EngineResult?> FetchAsync() => connection.Run(() =>
    {
        var piece = new EngineResult(library, library.StreamFetch(native, handle));
        if (piece.Error is { } error)
        {
            _ended = true;
            piece.Dispose();
            throw error;
        }

        if (piece.Length > 0)
        {
            return piece;
        }

        _ended = true;
        piece.Dispose();
        return null;
    });

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => new(connection.Run(() =>
    {
        if (!_ended)
        {
            library.StreamCancel(native, handle);
        }

        library.ResultDestroy(handle);
        return true;
    }));
}
