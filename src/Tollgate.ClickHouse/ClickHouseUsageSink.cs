using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;

namespace Tollgate.ClickHouse;

/// <summary>Writes batches of the ledger to ClickHouse, one insert each.</summary>
/// <remarks>
/// A batch is one block of one insert under its own deduplication token. It is not split by month: a batch spans a few hundred
/// milliseconds, so only one at a month's turn falls into two partitions. Should only one of the two parts be committed, the rows of the other
/// are found missing and sent under another token.
/// </remarks>
/// <param name="store">The store.</param>
/// <param name="gatewayId">Whose rows are looked for.</param>
/// <param name="time">The clock.</param>
public sealed class ClickHouseUsageSink(StoreClient store, string gatewayId, TimeProvider time) : IUsageSink
{
    // An insert of ours takes seconds at most; past this the store is ill, and is asked again later.
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(60);

    private const string Find = """
        SELECT wal_seq, any(attempt_id) FROM tollgate.requests
        WHERE gateway_id = {gateway:String} AND wal_seq BETWEEN {first:UInt64} AND {last:UInt64}
        GROUP BY wal_seq
        """;

    private const string Register = """
        INSERT INTO tollgate.spools (gateway_id, first_seq)
        SELECT {gateway:String}, {first:UInt64}
        WHERE NOT EXISTS (SELECT 1 FROM tollgate.spools WHERE gateway_id = {gateway:String} AND first_seq = {first:UInt64})
        """;

    /// <inheritdoc/>
    public async Task WriteAsync(UsageBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        using var body = ToStream(batch.Bytes);
        await AskAsync(
            $"Batch {batch.Token} of {batch.Count} rows was not written.",
            () => store.InsertAsync(RequestsTable.Name, RequestsTable.ColumnsOf(batch.RowFormat), body, batch.Token, cancellationToken));
    }

    /// <inheritdoc/>
    public Task AbandonAsync(CancellationToken cancellationToken) =>
        AskAsync($"What became of the last insert of {gatewayId} is not known.", () => store.EndAsync($"{gatewayId}/", EndPatience, time, cancellationToken));

    /// <inheritdoc/>
    /// <remarks>Under a token of its own at each try: a fold sent twice replaces itself, while a token used twice can lose the second insert.</remarks>
    public async Task WriteFoldsAsync(IReadOnlyList<Fold> folds, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(folds);
        var bytes = new ArrayBufferWriter<byte>(folds.Count * 256);
        foreach (var fold in folds)
        {
            RowBinaryEncoder.WriteFold(bytes, fold, gatewayId);
        }

        using var body = ToStream(bytes.WrittenMemory);
        await AskAsync(
            $"{folds.Count} folds were not written.",
            () => store.InsertAsync(FoldedTable.Name, FoldedTable.Columns, body, $"{gatewayId}/folds/{Guid.NewGuid()}", cancellationToken));
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredRow>> FindAsync(ulong first, ulong last, CancellationToken cancellationToken)
    {
        List<StoredRow> found = [];
        await AskAsync($"Which of the rows {first} to {last} are stored is not known.", async () =>
        {
            var parameters = new Dictionary<string, object>(StringComparer.Ordinal) { ["gateway"] = gatewayId, ["first"] = first, ["last"] = last };
            found = await store.QueryAsync(
                Find,
                static row => new StoredRow(Convert.ToUInt64(row.GetValue(0), CultureInfo.InvariantCulture), row.GetGuid(1)),
                parameters,
                cancellationToken);
        });
        return found;
    }

    /// <inheritdoc/>
    public Task RegisterAsync(ulong firstSequence, CancellationToken cancellationToken)
    {
        var parameters = new Dictionary<string, object>(StringComparer.Ordinal) { ["gateway"] = gatewayId, ["first"] = firstSequence };
        return AskAsync("The beginning of the spool was not noted.", () => store.ExecuteAsync(Register, parameters, cancellationToken));
    }

    private static async Task AskAsync(string failed, Func<Task> ask)
    {
        try
        {
            await ask();
        }
        catch (StoreException failure)
        {
            var fault = failure.Fault switch
            {
                StoreFault.Data => SinkFault.Data,
                StoreFault.Setup => SinkFault.Setup,
                _ => SinkFault.Ambiguous,
            };
            throw new UsageSinkException($"{failed} {failure.Message}", fault, failure);
        }
    }

    private static MemoryStream ToStream(ReadOnlyMemory<byte> rows) =>
        MemoryMarshal.TryGetArray(rows, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(rows.ToArray(), writable: false);
}
