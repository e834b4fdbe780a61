using System.Buffers;

namespace Tollgate.ClickHouse;

/// <summary>One row of <c>tollgate.budget_events</c>.</summary>
/// <remarks>Units: nano-dollars. <see cref="Kind"/> is the number in the column's Enum8, 1 to 5.</remarks>
public readonly record struct BudgetEventRow(
    DateTimeOffset At, string Customer, string BudgetId, byte Kind, string Developer, Guid RequestId, long Spent, long Limit, string Note, Guid EventId);

/// <summary>Writes rows to <c>tollgate.budget_events</c> and asks which are there.</summary>
/// <remarks>
/// As with the ledger (docs/decisions/0014-ask-before-sending-again.md): a token is used once, and after an insert whose end is not known the store is asked. A row is told by its <c>event_id</c>.
/// </remarks>
/// <param name="store">The store.</param>
/// <param name="time">The clock.</param>
public sealed class BudgetEventsTable(StoreClient store, TimeProvider time)
{
    /// <summary>The most rows of one call.</summary>
    public const int MostRows = 500;

    private const string Table = "tollgate.budget_events";
    private const string TokenPrefix = "budget_events/";

    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(20);

    private static readonly string[] Columns = ["ts", "customer", "budget_id", "kind", "developer", "request_id", "spent", "limit_usd", "note", "event_id"];

    /// <summary>Inserts rows, as one block.</summary>
    /// <param name="rows">1 to <see cref="MostRows"/>; none of them in the store.</param>
    /// <param name="token">Names this insert of just these rows; never the same for another.</param>
    /// <param name="cancellationToken">Gives up; whether the store took the rows is then not known.</param>
    /// <exception cref="StoreException">The same.</exception>
    public async Task InsertAsync(IReadOnlyList<BudgetEventRow> rows, string token, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var bytes = new ArrayBufferWriter<byte>(rows.Count * 128);
        foreach (var row in rows)
        {
            RowBinaryEncoder.WriteBudgetEvent(bytes, row);
        }

        using var body = new MemoryStream(bytes.WrittenSpan.ToArray(), writable: false);
        await store.InsertAsync(Table, Columns, body, TokenPrefix + token, cancellationToken);
    }

    /// <summary>Which events are there, after every insert that may still be under way has ended.</summary>
    /// <param name="events">Their ids; at most <see cref="MostRows"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoreException">The store is away.</exception>
    public async Task<HashSet<Guid>> FindAsync(IEnumerable<Guid> events, CancellationToken cancellationToken)
    {
        await store.EndAsync(TokenPrefix, EndPatience, time, cancellationToken);
        var list = string.Join("', '", events);
        return [.. await store.QueryAsync($"SELECT event_id FROM {Table} WHERE event_id IN ('{list}')", static row => row.GetGuid(0), cancellationToken: cancellationToken)];
    }
}
