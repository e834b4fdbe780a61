using System.Globalization;

namespace Tollgate.ClickHouse.Rollup;

/// <summary>Makes anew what views fill with each insert, <c>usage_1m</c> and <c>sessions</c>, and which an engine's crash can leave a batch short or long.</summary>
/// <remarks>
/// Deletes and inserts again, with the view's own query over the rows as they are now: no expression is written twice.
/// The view goes on meanwhile, and a row that comes in between would be counted twice or not at all. So what got rows a moment ago
/// is left out, and afterwards the counts are held against the ledger's and the work is done again where they differ.
/// </remarks>
internal sealed class ViewRebuild
{
    // A pair of 36-character ids and quotes is 39 bytes: 2,000 of them stay far below the server's max_query_size of 256 KiB, also when a client makes its ids longer.
    private const int SessionsAtOnce = 2_000;
    private const int MaxSessionBytesAtOnce = 128 * 1024;

    // The count differs after a round only if rows came during it.
    private const int MostRounds = 3;

    private const string Source = "FROM tollgate.requests AS r";

    // Parts older than that are about to be dropped; see the TTL of usage_1m.
    private static readonly TimeSpan MinutesKept = TimeSpan.FromDays(14);

    // Longer than most answers take: a row is dated by its request's head and comes with its answer's end.
    private static readonly TimeSpan QuietTime = TimeSpan.FromMinutes(10);

    private readonly StoreClient _store;
    private readonly ViewQuery _minutes;
    private readonly ViewQuery _sessions;

    private ViewRebuild(StoreClient store, ViewQuery minutes, ViewQuery sessions)
    {
        _store = store;
        _minutes = minutes;
        _sessions = sessions;
    }

    /// <summary>Reads the views' queries from the store.</summary>
    /// <exception cref="StoreException">The store is away, or has no such views.</exception>
    public static async Task<ViewRebuild> LoadAsync(StoreClient store, CancellationToken cancellationToken) =>
        new(store, await LoadAsync(store, "mv_usage_1m", cancellationToken), await LoadAsync(store, "mv_sessions", cancellationToken));

    /// <summary>Rebuilds the minutes of a range within a day, as far as they are quiet and kept.</summary>
    /// <returns>Before which minute, and whether they agree with the ledger.</returns>
    public async Task<(DateTimeOffset To, bool IsSettled)> RebuildMinutesAsync(SlotRange day, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var oldest = MoneySlot.Ceiling(now - MinutesKept);
        var quiet = MoneySlot.Floor(now - QuietTime);
        var range = new SlotRange(day.From > oldest ? day.From : oldest, day.To < quiet ? day.To : quiet);
        if (range.From >= range.To)
        {
            return (day.From, true);
        }

        const string Range = "minute >= toDateTime({from:UInt32},'UTC') AND minute < toDateTime({to:UInt32},'UTC')";
        var differing = $"""
            SELECT count() FROM (
              SELECT minute FROM (
                SELECT toStartOfMinute(toDateTime(r.ts,'UTC')) AS minute, toInt64(count()) AS n FROM tollgate.requests AS r FINAL
                WHERE {RollupStatements.Rows(onlySlots: false)} GROUP BY minute
                UNION ALL
                SELECT m.minute, -toInt64(sum(m.requests)) FROM tollgate.usage_1m AS m WHERE m.{Range} GROUP BY m.minute)
              GROUP BY minute HAVING sum(n) != 0)
            """;
        var settled = await ReplaceAsync(
            $"DELETE FROM tollgate.usage_1m WHERE {Range}",

            // A minute's key has two sketches of latency, so this is what takes memory first.
            () => range.InPiecesAsync(piece => _store.ExecuteAsync(_minutes.InsertInto("tollgate.usage_1m", RollupStatements.Rows(onlySlots: false)), piece.ToParameters(), cancellationToken)),
            differing,
            range.ToParameters(),
            cancellationToken);
        return (range.To, settled);
    }

    /// <summary>Rebuilds the sessions that have rows in a range, over their whole life, except those that got rows a moment ago.</summary>
    public async Task<(int Rebuilt, int Busy, bool IsSettled)> RebuildSessionsAsync(SlotRange day, DateTimeOffset now, CancellationToken cancellationToken)
    {
        // Decided once: what counts as quiet must not change between the deletion and the insertion.
        var parameters = day.ToParameters();
        parameters["quiet"] = (now - QuietTime).ToUnixTimeMilliseconds();
        var active = $$"""
            SELECT r.session_id, max(r.session_id IN (
              SELECT b.session_id FROM tollgate.requests AS b WHERE b.ingested_at >= fromUnixTimestamp64Milli({quiet:Int64}, 'UTC'))) AS busy
            FROM tollgate.requests AS r WHERE r.session_id != '' AND {{RollupStatements.Rows(onlySlots: false)}}
            GROUP BY r.session_id
            """;
        var sessions = await _store.QueryAsync(active, static reader => (Id: reader.GetString(0), IsBusy: Convert.ToBoolean(reader.GetValue(1), CultureInfo.InvariantCulture)), parameters, cancellationToken);
        var quiet = sessions.Where(static session => !session.IsBusy).Select(static session => StoreText.Quote(session.Id));
        var (rebuilt, isSettled) = (0, true);
        foreach (var ids in Batches(quiet))
        {
            isSettled &= await RebuildSessionsAsync(string.Join(',', ids), cancellationToken);
            rebuilt += ids.Count;
        }

        return (rebuilt, sessions.Count(static session => session.IsBusy), isSettled);
    }

    // By id alone: should two customers have sessions of one id, both are rebuilt. The ids stand in the text, where the bloom filter
    // of requests finds them; as a parameter of the address they would be too long.
    private Task<bool> RebuildSessionsAsync(string ids, CancellationToken cancellationToken)
    {
        var differing = $"""
            SELECT count() FROM (
              SELECT customer, session_id FROM (
                SELECT r.customer AS customer, r.session_id AS session_id, toInt64(count()) AS n FROM tollgate.requests AS r FINAL
                WHERE r.session_id IN ({ids}) GROUP BY customer, session_id
                UNION ALL
                SELECT s.customer, s.session_id, -toInt64(sum(s.requests)) FROM tollgate.sessions AS s
                WHERE s.session_id IN ({ids}) GROUP BY s.customer, s.session_id)
              GROUP BY customer, session_id HAVING sum(n) != 0)
            """;
        return ReplaceAsync(
            $"DELETE FROM tollgate.sessions WHERE session_id IN ({ids})",
            () => _store.ExecuteAsync(_sessions.InsertInto("tollgate.sessions", $"r.session_id IN ({ids})"), cancellationToken: cancellationToken),
            differing,
            [],
            cancellationToken);
    }

    private async Task<bool> ReplaceAsync(string delete, Func<Task> insert, string differing, Dictionary<string, object> parameters, CancellationToken cancellationToken)
    {
        for (var round = 0; round < MostRounds; round++)
        {
            await _store.ExecuteAsync(delete, parameters, cancellationToken);
            await insert();
            if ((await _store.QueryAsync(differing, static reader => Convert.ToInt64(reader.GetValue(0), CultureInfo.InvariantCulture), parameters, cancellationToken))[0] == 0)
            {
                return true;
            }
        }

        return false;
    }

    private static IEnumerable<List<string>> Batches(IEnumerable<string> quoted)
    {
        var batch = new List<string>();
        var bytes = 0;
        foreach (var id in quoted)
        {
            if (batch.Count == SessionsAtOnce || bytes + (id.Length * 3) > MaxSessionBytesAtOnce)
            {
                yield return batch;
                (batch, bytes) = ([], 0);
            }

            batch.Add(id);
            bytes += id.Length * 3;
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }

    private static async Task<ViewQuery> LoadAsync(StoreClient store, string view, CancellationToken cancellationToken)
    {
        var parameters = new Dictionary<string, object>(StringComparer.Ordinal) { ["view"] = view };
        var queries = await store.QueryAsync(
            "SELECT as_select FROM system.tables WHERE database = 'tollgate' AND name = {view:String}", static reader => reader.GetString(0), parameters, cancellationToken);
        var columns = await store.QueryAsync(
            "SELECT name FROM system.columns WHERE database = 'tollgate' AND table = {view:String} ORDER BY position", static reader => reader.GetString(0), parameters, cancellationToken);
        return queries is [var query] && query.Split(Source) is [var before, var after]
            ? new ViewQuery(columns, before, after)
            : throw new RebuildRangeException(
                $"The store's view tollgate.{view} is {(queries.Count == 0 ? "missing" : $"not one query over \"{Source}\"")}, so nothing can be rebuilt by it. Run tollgate migrate, or a newer Tollgate.");
    }

    /// <summary>A view's query, cut where it names the ledger.</summary>
    private sealed record ViewQuery(IReadOnlyList<string> Columns, string Before, string After)
    {
        public string InsertInto(string table, string condition)
        {
            var columns = string.Join(", ", Columns);
            var rows = $"FROM (SELECT * FROM tollgate.requests AS r FINAL WHERE {condition}) AS r";
            return $"INSERT INTO {table} ({columns}) SELECT {columns} FROM ({Before}{rows}{After}) {RollupStatements.AsOneBlock}";
        }
    }
}
