using System.Collections.Concurrent;

namespace Tollgate.Store.Engine;

/// <summary>Connections of one kind, leased one request at a time.</summary>
/// <remarks>Last back, first out: a busy client meets the connection that already has its settings.</remarks>
internal sealed class ConnectionPool(string name, IReadOnlyList<EngineConnection> connections, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private readonly ConcurrentStack<EngineConnection> _free = new(connections);
    private readonly SemaphoreSlim _count = new(connections.Count);

    /// <summary>All of them, leased or not.</summary>
    public IReadOnlyList<EngineConnection> Connections => connections;

    /// <summary>Takes a free connection, waiting up to 30 s for one.</summary>
    /// <exception cref="EngineException">202: none came free in that time.</exception>
    public async Task<Lease> TakeAsync(CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(LongestWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            await _count.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw EngineException.Make(
                ErrorCodes.TooManyQueries,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                $"Too many simultaneous queries: all {connections.Count} {name} connections were busy for {LongestWait.TotalSeconds} s.");
        }

        return _free.TryPop(out var connection)
            ? new Lease(this, connection)
            : throw new InvalidOperationException("The pool counted a free connection that it does not have.");
    }

    /// <inheritdoc/>
    public void Dispose() => _count.Dispose();

    private void Return(EngineConnection connection)
    {
        _free.Push(connection);
        _count.Release();
    }

    /// <summary>The right to use one connection, given back by Dispose.</summary>
    internal readonly struct Lease(ConnectionPool pool, EngineConnection connection) : IDisposable
    {
        /// <summary>The connection.</summary>
        public EngineConnection Connection { get; } = connection;

        /// <inheritdoc/>
        public void Dispose() => pool.Return(Connection);
    }
}
