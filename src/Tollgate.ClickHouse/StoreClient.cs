using System.Data.Common;
using System.Globalization;
using ClickHouse.Driver;
using ClickHouse.Driver.ADO;
using ClickHouse.Driver.ADO.Parameters;
using Tollgate.Proxy.Configuration;

namespace Tollgate.ClickHouse;

/// <summary>The one connection pool to the store, and its errors in our words.</summary>
/// <remarks>
/// Owner: one for the process; the driver's client holds the connections and is safe to share.
/// Errors: everything but the caller's own cancellation comes out as <see cref="StoreException"/>.
/// Timeouts: the pool's, per statement (embedded: 1 minute; server: <c>Timeout</c> of the connection string, 120 s unless given).
/// </remarks>
public sealed class StoreClient : IDisposable
{
    // More than any batch has: a batch is one block, and so one part, whole or not at all.
    private const int MostRowsOfBlock = 1_048_449;

    private static readonly TimeSpan EndPollInterval = TimeSpan.FromMilliseconds(20);

    private readonly ClickHouseClient _client;
    private readonly string _address;

    /// <summary>A client for the store that the configuration names.</summary>
    /// <exception cref="ArgumentException">The configuration names none, or its connection string has an unknown key.</exception>
    public StoreClient(StorageOptions options)
        : this(StoreConnection.Create(options))
    {
    }

    internal StoreClient(ClickHouseClientSettings settings)
    {
        _client = new ClickHouseClient(settings);
        _address = $"{settings.Protocol}://{settings.Host}:{settings.Port}";
    }

    /// <summary>Asks the store for something only a working engine can answer; for readiness.</summary>
    /// <param name="timeout">How long to wait for it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null when it is well, else what is wrong, in words for an operator.</returns>
    /// <remarks>Not <c>/ping</c>: that answers without looking at the password or the engine.</remarks>
    public async Task<string?> PingAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(timeout);
        try
        {
            await ExecuteAsync("SELECT 1", cancellationToken: patience.Token);
            return null;
        }
        catch (StoreException failure)
        {
            return failure.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"ClickHouse at {_address} did not answer within {timeout.TotalSeconds:0.#} s.";
        }
    }

    /// <summary>Runs one statement whose result does not matter.</summary>
    public async Task ExecuteAsync(string sql, IReadOnlyDictionary<string, object>? parameters = null, CancellationToken cancellationToken = default)
    {
        try
        {
            await _client.ExecuteNonQueryAsync(sql, ToDriver(parameters), cancellationToken: cancellationToken);
        }
        catch (Exception cause) when (IsOurs(cause, cancellationToken))
        {
            throw StoreException.From(cause, _address);
        }
    }

    /// <summary>Runs one query and reads its rows.</summary>
    /// <param name="sql">The query; parameters as <c>{name:Type}</c>, filled in by the server.</param>
    /// <param name="read">Makes a value of the reader's current row.</param>
    /// <param name="parameters">Values of the parameters.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<List<T>> QueryAsync<T>(
        string sql,
        Func<DbDataReader, T> read,
        IReadOnlyDictionary<string, object>? parameters = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(read);
        try
        {
            using var reader = await _client.ExecuteReaderAsync(sql, ToDriver(parameters), cancellationToken: cancellationToken);
            var rows = new List<T>();
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.Add(read(reader));
            }

            return rows;
        }
        catch (Exception cause) when (IsOurs(cause, cancellationToken))
        {
            throw StoreException.From(cause, _address);
        }
    }

    /// <summary>Inserts RowBinary bytes as one block; returns when they are committed.</summary>
    /// <param name="table">Database and table.</param>
    /// <param name="columns">The columns, in the order of the bytes.</param>
    /// <param name="rows">A seekable stream: its length is announced, so that a body cut off is an error and not a shorter batch.</param>
    /// <param name="token">Names the insert to the store, which takes the same name only once; <see cref="EndAsync"/> finds it by this.</param>
    /// <param name="cancellationToken">Gives up; whether the store took the rows is then not known.</param>
    public async Task InsertAsync(string table, IReadOnlyList<string> columns, Stream rows, string token, CancellationToken cancellationToken)
    {
        // async_insert=0: the batch is the block; wait_end_of_query=1: 200 means committed.
        // All are said each time, because the server's defaults have changed between versions.
        var options = new QueryOptions
        {
            CustomSettings = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["async_insert"] = 0,
                ["wait_end_of_query"] = 1,
                ["insert_deduplicate"] = 1,
                ["insert_deduplication_token"] = token,
                ["deduplicate_blocks_in_dependent_materialized_views"] = 1,
                ["max_insert_block_size"] = MostRowsOfBlock,
                ["min_insert_block_size_rows"] = MostRowsOfBlock,
                ["log_comment"] = token,
            },
        };
        try
        {
            using var answer = await _client.InsertRawStreamAsync(table, rows, "RowBinary", columns, useCompression: false, options, cancellationToken);
        }
        catch (Exception cause) when (IsOurs(cause, cancellationToken))
        {
            throw StoreException.From(cause, _address);
        }
    }

    /// <summary>Ends the inserts whose tokens begin with <paramref name="prefix"/>, and returns when the store no longer works on any.</summary>
    /// <remarks>
    /// An insert that was killed never commits, but stays on the store's list until its client has sent the rest or has gone. Not on the list is one of
    /// less than 256 KiB whose body is still on its way to the embedded store; that one ends when its client has gone.
    /// </remarks>
    /// <exception cref="StoreException">The store is away, or still works on one after <paramref name="patience"/>.</exception>
    public async Task EndAsync(string prefix, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        // Looked up by the comment and not by a query id: the embedded store runs inserts under ids of its own.
        const string Running = "SELECT count() FROM system.processes WHERE startsWith(Settings['log_comment'], {prefix:String})";
        var parameters = new Dictionary<string, object>(StringComparer.Ordinal) { ["prefix"] = prefix };
        var started = time.GetTimestamp();
        for (var isFirst = true; await CountAsync(Running, parameters, cancellationToken) > 0; isFirst = false)
        {
            if (isFirst)
            {
                await ExecuteAsync("KILL QUERY WHERE startsWith(Settings['log_comment'], {prefix:String}) ASYNC", parameters, cancellationToken);
            }

            if (time.GetElapsedTime(started) > patience)
            {
                throw StoreException.From(new TimeoutException($"An insert under {prefix} is still running {patience.TotalSeconds:0} s after it was told to end."), _address);
            }

            await Task.Delay(EndPollInterval, time, cancellationToken);
        }
    }

    /// <summary>The number that a query answers.</summary>
    public async Task<long> CountAsync(string sql, IReadOnlyDictionary<string, object>? parameters, CancellationToken cancellationToken) =>
        (await QueryAsync(sql, static row => Convert.ToInt64(row.GetValue(0), CultureInfo.InvariantCulture), parameters, cancellationToken))[0];

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static ClickHouseParameterCollection? ToDriver(IReadOnlyDictionary<string, object>? parameters)
    {
        if (parameters is null)
        {
            return null;
        }

        var collection = new ClickHouseParameterCollection();
        foreach (var (name, value) in parameters)
        {
            collection.Add(new ClickHouseDbParameter { ParameterName = name, Value = value });
        }

        return collection;
    }

    // A timeout of the pool looks like a cancellation that nobody asked for.
    private static bool IsOurs(Exception cause, CancellationToken cancellationToken) =>
        cause is ClickHouseServerException or HttpRequestException or IOException
        || (cause is OperationCanceledException && !cancellationToken.IsCancellationRequested);
}
