using System.Globalization;
using Tollgate.ClickHouse;
using Tollgate.Demo.History;

namespace Tollgate.Demo.Live;

/// <summary>One figure of the live traffic, by the gateway's counters and by the ledger.</summary>
/// <param name="Name">The metric.</param>
/// <param name="Counted">What <c>/metrics</c> says.</param>
/// <param name="Stored">What SQL says of the rows since the gateway's start.</param>
internal sealed record ClosingLine(string Name, decimal Counted, decimal Stored)
{
    /// <summary>Whether both are the same, to the last digit.</summary>
    public bool IsEqual => Counted == Stored;
}

/// <summary>The two books side by side: counters begin with the gateway, so they are held against the rows behind the history's.</summary>
internal static class ClosingTable
{
    private static readonly (string Metric, string Label, string Sql)[] Sums =
    [
        ("upstream_requests_total", "", "count()"),
        ("success_requests_total", "", "countIf(outcome = 'completed')"),
        ("error_requests_total", "", "countIf(outcome != 'completed')"),
        ("input_tokens_total", "", "sum(input_tokens)"),
        ("output_tokens_total", "", "sum(output_tokens)"),
        ("cache_read_input_tokens_total", "", "sum(cache_read_tokens)"),
        ("cache_write_input_tokens_5m_total", "", "sum(cache_w5m_tokens)"),
        ("cache_write_input_tokens_1h_total", "", "sum(cache_w1h_tokens)"),
        ("cost_total", "token_type=\"input\"", "sum(cost_input)"),
        ("cost_total", "token_type=\"output\"", "sum(cost_output)"),
        ("cost_total", "token_type=\"cache_read\"", "sum(cost_cache_read)"),
        ("cost_total", "token_type=\"cache_write\"", "sum(cost_cache_write)"),
        ("cost_total", "token_type=\"other\"", "sum(cost_other)"),
        ("cost_total", "", "sum(cost)"),
    ];

    /// <summary>Compares.</summary>
    /// <param name="metrics">The gateway's counters, when nothing was under way.</param>
    /// <param name="store">The ledger.</param>
    /// <param name="historyRows">How many rows the history has: the live ones have the numbers behind them.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    public static async Task<IReadOnlyList<ClosingLine>> CompareAsync(MetricsText metrics, StoreClient store, int historyRows, CancellationToken cancellationToken)
    {
        // As text: the driver would give sums of different types.
        var sums = string.Join(", ", Sums.Select(static sum => $"toString({sum.Sql})"));
        var stored = await store.QueryAsync(
            $"SELECT {sums} FROM tollgate.requests FINAL WHERE gateway_id = '{HistoryVerb.GatewayId}' AND outcome != 'refused' AND {LiveOnly(historyRows)}",
            static reader => Enumerable.Range(0, Sums.Length).Select(i => decimal.Parse(reader.GetString(i), CultureInfo.InvariantCulture)).ToArray(),
            cancellationToken: cancellationToken);
        return [.. Sums.Select((sum, i) => new ClosingLine(sum.Label.Length == 0 ? sum.Metric : $"{sum.Metric} {sum.Label}", metrics.Sum(sum.Metric, sum.Label), stored[0][i]))];
    }

    /// <summary>Says in SQL that a row is not of the history.</summary>
    public static string LiveOnly(int historyRows) =>
        string.Create(CultureInfo.InvariantCulture, $"wal_seq >= (SELECT min(first_seq) + {historyRows} FROM tollgate.spools WHERE gateway_id = '{HistoryVerb.GatewayId}')");

    /// <summary>The comparison as text.</summary>
    public static string Write(IReadOnlyList<ClosingLine> lines) => string.Join('\n', lines.Select(static line =>
        string.Create(CultureInfo.InvariantCulture, $"  {line.Name,-42} {line.Counted,18:0.#########} {line.Stored,18:0.#########}  {(line.IsEqual ? "equal" : "DIFFERENT")}")));
}
