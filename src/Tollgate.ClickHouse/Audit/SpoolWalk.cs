using System.Data.Common;
using System.Globalization;

namespace Tollgate.ClickHouse.Audit;

/// <summary>Walks a gateway's numbers in steps, so that the memory of a query does not grow with the ledger.</summary>
internal sealed class SpoolWalk(StoreClient store, string gatewayId)
{
    // 1 M numbers: a set of them is 16 MB in the engine, and the index on wal_seq leaves out what lies elsewhere.
    private const ulong Step = 1_000_000;

    private const string InRange = "r.gateway_id = {gateway:String} AND r.wal_seq >= {first:UInt64} AND r.wal_seq <= {last:UInt64}";
    private const string Count = $"SELECT count(), uniqExact(r.wal_seq) FROM tollgate.requests AS r WHERE {InRange}";
    private const string Smallest = $"SELECT count(), min(r.wal_seq) FROM tollgate.requests AS r WHERE {InRange}";

    // What stands before the first number and after the last is taken for present. A difference of UInt64 is signed in ClickHouse, hence toUInt64.
    private const string Gaps = $$"""
        SELECT before + 1, toUInt64(seq - 1) FROM (
          SELECT seq, lagInFrame(seq, 1, toUInt64({first:UInt64} - 1)) OVER (ORDER BY seq ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
          FROM (
            SELECT DISTINCT r.wal_seq AS seq FROM tollgate.requests AS r WHERE {{InRange}}
            UNION ALL
            SELECT toUInt64({last:UInt64} + 1)))
        WHERE seq > before + 1
        ORDER BY seq
        """;

    /// <summary>Rows stored beyond the first of their number, so far.</summary>
    public long Duplicates { get; private set; }

    /// <summary>Adds every absent number from <paramref name="range"/> to <paramref name="holes"/>, ascending.</summary>
    public async Task WalkAsync(SequenceRange range, HoleList holes, CancellationToken cancellationToken)
    {
        var first = range.First;
        while (true)
        {
            var step = new SequenceRange(first, range.Last - first < Step ? range.Last : first + Step - 1);
            var (rows, numbers) = await AskAsync(Count, step, cancellationToken);
            Duplicates += (long)(rows - numbers);
            if (numbers == 0)
            {
                // Nothing for a whole step may mean nothing for many: jump to where rows begin again.
                if (await EmptyToAsync(range with { First = first }, cancellationToken) is not { } last)
                {
                    // Rows came in the meantime: count once more.
                    continue;
                }

                step = step with { Last = last };
                holes.Add(step);
            }
            else if (numbers < (ulong)step.Count)
            {
                foreach (var gap in await store.QueryAsync(Gaps, ReadRange, Parameters(step), cancellationToken))
                {
                    holes.Add(gap);
                }
            }

            if (step.Last == range.Last)
            {
                return;
            }

            first = step.Last + 1;
        }
    }

    /// <summary>Looks again at ranges that were absent, several that lie near each other at once.</summary>
    public async Task WalkAgainAsync(IReadOnlyList<SequenceRange> absent, HoleList holes, CancellationToken cancellationToken)
    {
        for (var i = 0; i < absent.Count;)
        {
            var span = absent[i++];
            while (i < absent.Count && absent[i].Last - span.First < Step)
            {
                span = span with { Last = absent[i++].Last };
            }

            await WalkAsync(span, holes, cancellationToken);
        }
    }

    /// <summary>The last number up to which nothing is stored; null when the first is.</summary>
    private async Task<ulong?> EmptyToAsync(SequenceRange range, CancellationToken cancellationToken)
    {
        var (rows, smallest) = await AskAsync(Smallest, range, cancellationToken);
        return rows == 0 ? range.Last : smallest == range.First ? null : smallest - 1;
    }

    private async Task<(ulong, ulong)> AskAsync(string sql, SequenceRange range, CancellationToken cancellationToken) =>
        (await store.QueryAsync(sql, static reader => (ReadNumber(reader, 0), ReadNumber(reader, 1)), Parameters(range), cancellationToken))[0];

    private Dictionary<string, object> Parameters(SequenceRange range) =>
        new(StringComparer.Ordinal) { ["gateway"] = gatewayId, ["first"] = range.First, ["last"] = range.Last };

    private static SequenceRange ReadRange(DbDataReader reader) => new(ReadNumber(reader, 0), ReadNumber(reader, 1));

    private static ulong ReadNumber(DbDataReader reader, int column) => Convert.ToUInt64(reader.GetValue(column), CultureInfo.InvariantCulture);
}
