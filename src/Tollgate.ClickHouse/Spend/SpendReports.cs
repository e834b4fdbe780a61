using System.Data.Common;
using System.Globalization;
using Tollgate.ClickHouse.Rollup;
using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Spend;

/// <summary>Adds up the ledger for reports.</summary>
/// <remarks>
/// Exact to the nano-dollar. Days, weeks, months and names are read from the money rollup where they are older than <see cref="LedgerSpend.RollupLag"/>, and so
/// reach back further than rows are kept; the newest days, and sessions and blocks altogether, are read from the rows.
/// </remarks>
public sealed class SpendReports(StoreClient store, TimeProvider time)
{
    private const int Figures = 7;

    /// <summary>The lines of a report: days, weeks and months in their order, the rest by what they cost, the dearest first.</summary>
    /// <exception cref="StoreException">The store is away or refused.</exception>
    public async Task<IReadOnlyList<ReportLine>> LinesAsync(ReportKey key, ReportScope scope, CancellationToken cancellationToken)
    {
        if (key == ReportKey.Session)
        {
            return await SessionsAsync(scope, cancellationToken);
        }

        var rows = await store.QueryAsync(ReportStatements.Lines(key, scope), static reader => (Key: reader.GetString(0), Spend: ReadSpend(reader, 1)), Parameters(scope), cancellationToken);
        var lines = rows.GroupBy(static row => row.Key, StringComparer.Ordinal).Select(static group => new ReportLine(group.Key, ModelSpend.Ranked(group.Select(static row => row.Spend))));
        return key is ReportKey.Day or ReportKey.Week or ReportKey.Month ? [.. lines.OrderBy(static line => line.Key, StringComparer.Ordinal)] : Ranked(lines);
    }

    /// <summary>What each line of a report cost on each day that has requests, in no order.</summary>
    /// <exception cref="StoreException">The store is away or refused.</exception>
    public async Task<IReadOnlyList<DaySpend>> DaysAsync(ReportKey key, ReportScope scope, CancellationToken cancellationToken) =>
        await store.QueryAsync(
            ReportStatements.Days(key, scope),
            static reader => new DaySpend(
                reader.GetString(0), DateOnly.ParseExact(reader.GetString(1), "yyyy-MM-dd", CultureInfo.InvariantCulture), MoneyRollup.ParseNanodollars(reader.GetString(2))),
            Parameters(scope),
            cancellationToken);

    /// <summary>The blocks that begin within the scope's days, and the gaps among them, oldest first.</summary>
    /// <exception cref="StoreException">The store is away or refused.</exception>
    public async Task<IReadOnlyList<UsageBlock>> BlocksAsync(ReportScope scope, CancellationToken cancellationToken)
    {
        var parameters = Parameters(scope);
        parameters["begin"] = await BeginOfBlocksAsync(scope, parameters, cancellationToken);
        var hours = await store.QueryAsync(
            ReportStatements.Hours(scope),
            static reader => new HourOfUse(ReadMilliseconds(reader, 1 + Figures), ReadMilliseconds(reader, 2 + Figures), ReadSpend(reader, 0)),
            parameters,
            cancellationToken);
        var zone = TimeZoneInfo.FindSystemTimeZoneById(scope.TimeZone);
        return [.. UsageBlocks.Cut(hours, time.GetUtcNow()).Where(block => IsWithin(DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(block.Start, zone).DateTime), scope))];
    }

    /// <summary>The models that the store's price list has a price for; none before a gateway wrote its list.</summary>
    /// <exception cref="StoreException">The store is away or refused.</exception>
    public async Task<IReadOnlyList<string>> PricedModelsAsync(CancellationToken cancellationToken) =>
        await store.QueryAsync(ReportStatements.PricedModels, static reader => reader.GetString(0), cancellationToken: cancellationToken);

    /// <summary>What requests by developer, team, project or model would have cost at the prices of another model, what saves most first.</summary>
    /// <remarks>From the rows alone: folds have no sizes of prompts, on which prices depend.</remarks>
    /// <param name="key">A key that is a name.</param>
    /// <param name="model">One of <see cref="PricedModelsAsync"/>.</param>
    /// <param name="scope">The part of the ledger.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoreException">The store is away, or has no such model in its price list.</exception>
    public async Task<IReadOnlyList<WhatIfLine>> WhatIfAsync(ReportKey key, string model, ReportScope scope, CancellationToken cancellationToken)
    {
        var parameters = Parameters(scope);
        parameters["other"] = model;
        var lines = await store.QueryAsync(
            ReportStatements.WhatIf(key, scope),
            static reader => new WhatIfLine(
                reader.GetString(0), ReadNumber(reader, 1), ReadNumber(reader, 2),
                MoneyRollup.ParseNanodollars(reader.GetString(3)), MoneyRollup.ParseNanodollars(reader.GetString(4)), MoneyRollup.ParseNanodollars(reader.GetString(5))),
            parameters,
            cancellationToken);
        return [.. lines.OrderByDescending(static line => line.Saving).ThenBy(static line => line.Key, StringComparer.Ordinal)];
    }

    private static bool IsWithin(DateOnly day, ReportScope scope) => !(day < scope.Since) && !(day > scope.Until);

    /// <summary>Where to begin reading: where a block is known to begin, so that those of the scope are what they would be with all rows before them.</summary>
    private async Task<long> BeginOfBlocksAsync(ReportScope scope, Dictionary<string, object> parameters, CancellationToken cancellationToken)
    {
        if (scope.Since is null)
        {
            return 0;
        }

        parameters["before"] = Math.Min((long)parameters["from"], (long)parameters["split"]);
        return await store.CountAsync(ReportStatements.BlockAnchor(scope), parameters, cancellationToken);
    }

    private async Task<IReadOnlyList<ReportLine>> SessionsAsync(ReportScope scope, CancellationToken cancellationToken)
    {
        var rows = await store.QueryAsync(ReportStatements.Sessions(scope), ReadSession, Parameters(scope), cancellationToken);
        return Ranked(rows.GroupBy(static row => row.Key, StringComparer.Ordinal).Select(static group =>
        {
            var newest = group.MaxBy(static row => row.Facts.Last).Facts;
            var clients = group.SelectMany(static row => row.Facts.Clients).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
            return new ReportLine(
                group.Key,
                ModelSpend.Ranked(group.Select(static row => row.Spend)),
                newest with { First = group.Min(static row => row.Facts.First), Clients = [.. clients] });
        }));
    }

    private static (string Key, ModelSpend Spend, SessionFacts Facts) ReadSession(DbDataReader reader)
    {
        var at = 2 + Figures;
        return (reader.GetString(0), ReadSpend(reader, 1), new SessionFacts(
            reader.GetString(at), reader.GetString(at + 1), ReadMilliseconds(reader, at + 2), ReadMilliseconds(reader, at + 3), (string[])reader.GetValue(at + 4)));
    }

    private static ReportLine[] Ranked(IEnumerable<ReportLine> lines) =>
        [.. lines.OrderByDescending(static line => line.Cost).ThenBy(static line => line.Key, StringComparer.Ordinal)];

    /// <summary>The model and its figures, from column <paramref name="at"/> on.</summary>
    private static ModelSpend ReadSpend(DbDataReader reader, int at) => new(
        reader.GetString(at),
        ReadNumber(reader, at + 1),
        new TokenUsage(ReadNumber(reader, at + 2), ReadNumber(reader, at + 4), ReadNumber(reader, at + 5), ReadNumber(reader, at + 6), ReadNumber(reader, at + 3), 0),
        MoneyRollup.ParseNanodollars(reader.GetString(at + 7)));

    private static long ReadNumber(DbDataReader reader, int at) => Convert.ToInt64(reader.GetValue(at), CultureInfo.InvariantCulture);

    private static DateTimeOffset ReadMilliseconds(DbDataReader reader, int at) => DateTimeOffset.FromUnixTimeMilliseconds(ReadNumber(reader, at));

    private Dictionary<string, object> Parameters(ReportScope scope) => ReportStatements.Parameters(scope, MoneySlot.Floor(time.GetUtcNow() - LedgerSpend.RollupLag));
}
