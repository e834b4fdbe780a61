using System.Data.Common;
using System.Globalization;
using Tollgate.ClickHouse.Rollup;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Spend;

/// <summary>Answers from the ledger what was spent before a budget counted by itself.</summary>
/// <remarks>
/// The rows themselves and the folds beside them, exact to the nano-dollar. Of windows longer than <see cref="RowsOnly"/> the part that is older than
/// <see cref="RollupLag"/> is read from the money rollup, which the audit holds equal to the rows; sessions are only in the rows.
/// </remarks>
public sealed class LedgerSpend(StoreClient store, string gatewayId, TimeProvider time) : ISpendSource
{
    /// <summary>Windows up to this length are read from the rows alone.</summary>
    public static readonly TimeSpan RowsOnly = TimeSpan.FromDays(40);

    /// <summary>What is younger is read from the rows: the rollup may not have it yet.</summary>
    public static readonly TimeSpan RollupLag = TimeSpan.FromDays(2);

    // The first day that the store's times reach with every type it has.
    private static readonly DateTimeOffset Earliest = DateTimeOffset.UnixEpoch;

    private static readonly string[] TokenColumns = ["input_tokens", "output_tokens", "cache_read_tokens", "cache_w5m_tokens", "cache_w1h_tokens"];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<SpendSum>> ReadAsync(SpendQuery query, CancellationToken cancellationToken)
    {
        var from = query.From < Earliest ? Earliest : query.From;
        var split = MoneySlot.Floor(time.GetUtcNow() - RollupLag);
        var usesRollup = query.Key.Scope != ScopeKind.Session && query.Bucket == TimeSpan.Zero && split - from > RowsOnly - RollupLag;
        var parameters = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["from"] = (usesRollup ? split : from).ToUnixTimeSeconds(),
            ["start"] = from.ToUnixTimeSeconds(),
            ["bucket"] = (long)query.Bucket.TotalSeconds,
            ["gateway"] = gatewayId,
            ["before"] = query.OwnBefore,
        };
        return await store.QueryAsync(Statement(query, usesRollup), reader => Read(reader, query, from), parameters, cancellationToken);
    }

    private static SpendSum Read(DbDataReader reader, SpendQuery query, DateTimeOffset from) => new(
        reader.GetString(0),
        query.Bucket == TimeSpan.Zero ? from.UtcTicks : DateTimeOffset.FromUnixTimeSeconds(Convert.ToInt64(reader.GetValue(1), CultureInfo.InvariantCulture)).UtcTicks,
        long.Parse(reader.GetString(2), CultureInfo.InvariantCulture),
        Convert.ToInt64(reader.GetValue(3), CultureInfo.InvariantCulture));

    private static string Statement(SpendQuery query, bool usesRollup)
    {
        var parts = new List<string>
        {
            $$"""
            SELECT {{Value(query.Key.Scope, "r")}} AS value, {{Bucket(query, "r.ts")}} AS at, sum(r.cost) AS usd, toInt64(sum({{Tokens("r")}})) AS tokens
            FROM tollgate.requests AS r FINAL
            WHERE r.ts >= toDateTime64({from:Int64}, 3, 'UTC') AND NOT (r.gateway_id = {gateway:String} AND r.wal_seq >= {before:UInt64})
            GROUP BY value, at
            """,
        };
        if (query.Key.Scope != ScopeKind.Session)
        {
            parts.Add($$"""
            SELECT {{Value(query.Key.Scope, "s")}} AS value, {{Bucket(query, "s.slot")}} AS at, sum(s.cost) AS usd, toInt64(sum({{Tokens("s")}})) AS tokens
            FROM tollgate.usage_folded AS s FINAL
            WHERE s.slot >= toDateTime({from:Int64}, 'UTC')
            GROUP BY value, at
            """);
        }

        if (usesRollup)
        {
            parts.Add($$"""
            SELECT {{Value(query.Key.Scope, "u")}} AS value, {{Bucket(query, "u.slot")}} AS at, sum(u.cost) AS usd, toInt64(sum({{Tokens("u")}})) AS tokens
            FROM tollgate.usage_15m_data AS u FINAL
            WHERE u.slot >= toDateTime({start:Int64}, 'UTC') AND u.slot < toDateTime({from:Int64}, 'UTC')
            GROUP BY value, at
            """);
        }

        return $"""
            SELECT value, at, toString(toInt64(sum(usd) * 1000000000)), sum(tokens)
            FROM ({string.Join("\nUNION ALL\n", parts)})
            GROUP BY value, at HAVING sum(usd) != 0 OR sum(tokens) != 0
            """;
    }

    private static string Value(ScopeKind scope, string table) => scope switch
    {
        ScopeKind.Customer => $"toString({table}.customer)",
        ScopeKind.Team => $"toString({table}.team)",
        ScopeKind.Project => $"toString({table}.project)",
        ScopeKind.Key => $"toString({table}.key_id)",
        ScopeKind.Developer => $"toString({table}.developer)",
        ScopeKind.Model => $"toString({table}.model)",
        ScopeKind.Session => $"toString({table}.session_id)",
        _ => "''",
    };

    private static string Bucket(SpendQuery query, string moment) =>
        query.Bucket == TimeSpan.Zero ? "toInt64(0)" : $"intDiv(toUnixTimestamp({moment}), {{bucket:Int64}}) * {{bucket:Int64}}";

    private static string Tokens(string table) =>
        string.Join(" + ", TokenColumns.Select(column => $"{table}.{column}"));
}
