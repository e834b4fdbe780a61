using System.Collections.Concurrent;

namespace Tollgate.Store.Engine;

/// <summary>One connection of the engine and the thread that makes all its calls.</summary>
/// <remarks>
/// A connection takes one statement at a time and its calls block, so each has a thread of its own: Kestrel's threads never
/// wait for the engine. Who holds the lease (see <see cref="ConnectionPool"/>) is the only one to call in.
/// </remarks>
internal sealed unsafe class EngineConnection : IDisposable
{
    // A statement in one connection's queue waits for the statement before it, and a lease holder awaits each: never more than a few.
    private readonly BlockingCollection<Action> _work = new(new ConcurrentQueue<Action>());
    private readonly Thread _thread;
    private readonly ChdbLibrary _library;
    private readonly nint* _connection;

    private EngineConnection(ChdbLibrary library, nint* connection, string name)
    {
        _library = library;
        _connection = connection;
        _thread = new Thread(Loop) { IsBackground = true, Name = name };
    }

    /// <summary>Settings and database as this connection has them now. Touched by the lease holder only.</summary>
    public SessionState State { get; } = new();

    /// <summary>Opens a connection. Only inside <see cref="SignalGuard.Run"/>; its thread starts with <see cref="Start"/>.</summary>
    /// <returns>Null when the engine refuses; it says why on standard error.</returns>
    public static EngineConnection? TryOpen(ChdbLibrary library, IReadOnlyList<string> arguments, string name)
    {
        using var strings = new NativeStrings();
        var pointers = stackalloc byte*[arguments.Count];
        for (var i = 0; i < arguments.Count; i++)
        {
            pointers[i] = strings.Add(arguments[i], out _);
        }

        var connection = library.Connect(arguments.Count, pointers);
        return connection is null ? null : new EngineConnection(library, connection, name);
    }

    /// <summary>Starts the thread. After the signal guard has restored the handlers.</summary>
    public void Start() => _thread.Start();

    /// <summary>Runs a statement to its end; the whole answer is in memory.</summary>
    /// <exception cref="EngineException">The engine's answer is an error.</exception>
    public Task<EngineResult> QueryAsync(StatementText statement) => Run(() =>
    {
        var result = new EngineResult(_library, statement.Call(*_connection, _library.Query));
        if (result.Error is { } error)
        {
            result.Dispose();
            throw error;
        }

        return result;
    });

    /// <summary>Opens a SELECT whose answer is fetched in pieces.</summary>
    /// <exception cref="EngineException">The engine's answer is an error.</exception>
    public Task<ResultStream> StreamAsync(StatementText statement) => Run(() =>
    {
        var handle = statement.Call(*_connection, _library.StreamQuery);
        if (ChdbLibrary.Text(_library.ResultError(handle)) is { } text)
        {
            _library.ResultDestroy(handle);
            throw EngineException.Parse(text);
        }

        return new ResultStream(this, _library, *_connection, handle);
    });

    /// <summary>Opens an INSERT; its data follow, in pieces cut anywhere.</summary>
    /// <exception cref="EngineException">The engine's answer is an error, for instance an unknown table.</exception>
    public Task<InsertStream> InsertAsync(StatementText statement) => Run(() =>
    {
        var handle = statement.Call(*_connection, _library.StreamInsert);
        if (ChdbLibrary.Text(_library.InsertError(handle)) is { } text)
        {
            _library.InsertDestroy(handle);
            throw EngineException.Parse(text);
        }

        return new InsertStream(this, _library, handle);
    });

    /// <summary>Lets the engine's parser look at a statement, without running it.</summary>
    public Task<QueryAnalysis> ClassifyAsync(string sql) => Run(() =>
    {
        using var strings = new NativeStrings();
        var text = strings.Add(sql, out var length);
        var database = strings.Add("default", out var databaseLength);
        var analysis = new QueryAnalysis { StructSize = (uint)sizeof(QueryAnalysis), Class = QueryClass.Unknown };
        _ = _library.Classify(*_connection, text, length, database, databaseLength, &analysis);
        return analysis;
    });

    /// <summary>Has the engine let go of a stream that failed or was left: until the connection's next statement it keeps the stream's table locked.</summary>
    public Task LetGoAsync() => Run(() =>
    {
        new EngineResult(_library, StatementText.Plain("SELECT 1").Call(*_connection, _library.Query)).Dispose();
        return true;
    });

    /// <summary>Ends the thread after what is queued, and closes the connection on it.</summary>
    public Task CloseAsync()
    {
        var closed = Run(() =>
        {
            _library.CloseConnection(_connection);
            return true;
        });
        _work.CompleteAdding();
        return closed;
    }

    /// <summary>Lets the queue go. After <see cref="CloseAsync"/>.</summary>
    public void Dispose() => _work.Dispose();

    /// <summary>Runs a call on this connection's thread.</summary>
    internal Task<T> Run<T>(Func<T> call)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                done.SetResult(call());
            }
            catch (Exception error)
            {
                done.SetException(error);
            }
        });
        return done.Task;
    }

    private void Loop()
    {
        foreach (var work in _work.GetConsumingEnumerable())
        {
            work();
        }
    }
}
