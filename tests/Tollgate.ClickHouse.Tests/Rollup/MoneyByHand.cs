using System.Globalization;
using Tollgate.ClickHouse.Rollup;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests.Rollup;

/// <summary>What <c>usage_15m</c> must hold, added up here from the rows themselves: obviously right, and sharing nothing with the SQL.</summary>
internal sealed class MoneyByHand
{
    private readonly SortedDictionary<string, Int128[]> _slots = new(StringComparer.Ordinal);

    /// <summary>Every column but the key, in the order of <see cref="Read"/>.</summary>
    public const string Read = """
        SELECT concat(toString(toUnixTimestamp(slot)), '|', customer, '|', team, '|', project, '|', developer, '|', key_id, '|', provider, '|', model, ' = ',
          arrayStringConcat(arrayMap(x -> toString(x), [toInt128(requests), toInt128(errors), toInt128(input_tokens), toInt128(output_tokens),
            toInt128(cache_read_tokens), toInt128(cache_w5m_tokens), toInt128(cache_w1h_tokens),
            toInt128(toDecimal128(cost_input, 9) * 1000000000), toInt128(toDecimal128(cost_output, 9) * 1000000000),
            toInt128(toDecimal128(cost_cache_read, 9) * 1000000000), toInt128(toDecimal128(cost_cache_write, 9) * 1000000000),
            toInt128(toDecimal128(cost_other, 9) * 1000000000), toInt128(toDecimal128(cost, 9) * 1000000000),
            toInt128(toDecimal128(cost_uncached, 9) * 1000000000), toInt128(toDecimal128(estimated_cost, 9) * 1000000000)]), ' ')) AS line
        FROM tollgate.usage_15m ORDER BY line
        """;

    /// <summary>The lines that <see cref="Read"/> must give.</summary>
    public List<string> Lines => [.. _slots.Select(slot => $"{slot.Key} = {string.Join(' ', slot.Value)}").Order(StringComparer.Ordinal)];

    public static MoneyByHand Of(IEnumerable<UsageRow> rows)
    {
        var money = new MoneyByHand();
        foreach (var row in rows)
        {
            money.Add(row);
        }

        return money;
    }

    public void Add(UsageRow row)
    {
        var cost = row.Cost;
        var (t, total) = (row.Tokens, cost.Total.Value);
        Add(KeyOf(row), 1, row.HttpStatus >= 400 || row.ErrorType.Length > 0 ? 1 : 0,
            t.Input, t.Output, t.CacheRead, t.CacheWrite5m, t.CacheWrite1h,
            cost.Input.Value, cost.Output.Value, cost.CacheRead.Value, cost.CacheWrite.Value, cost.Other.Value, total, cost.Uncached.Value,
            row.UsageSource == UsageSource.Final ? 0 : total);
    }

    /// <summary>A fold as <c>LedgerFolds</c> writes it.</summary>
    public void AddFold(UsageRow like, long requests, long nanodollars) =>
        Add(KeyOf(like), requests, 1, requests * 10, 0, 0, 0, 0, nanodollars, 0, 0, 0, 0, nanodollars, nanodollars, nanodollars);

    /// <summary>A key that has no rows left.</summary>
    public void AddNothing(UsageRow like) => Add(KeyOf(like), new Int128[15]);

    private void Add(string key, params Int128[] values)
    {
        if (!_slots.TryGetValue(key, out var sums))
        {
            _slots[key] = sums = new Int128[values.Length];
        }

        for (var i = 0; i < values.Length; i++)
        {
            sums[i] += values[i];
        }
    }

    private static string KeyOf(UsageRow row) => string.Join('|', new[]
    {
        MoneySlot.Floor(row.Timestamp).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        row.Customer, row.Team, row.Project, row.Developer, row.KeyId, row.Provider, row.Model,
    });
}
