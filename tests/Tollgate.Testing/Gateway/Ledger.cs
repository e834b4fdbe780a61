using System.Globalization;
using System.Text.Json;

namespace Tollgate.Testing.Gateway;

/// <summary>One row of <c>tollgate.requests</c>, as SQL tells it.</summary>
/// <remarks>Names follow the columns; tokens and dollars are exact.</remarks>
public sealed record LedgerRow
{
    public required Guid RequestId { get; init; }

    public required Guid AttemptId { get; init; }

    public required string Team { get; init; }

    public required string Project { get; init; }

    public required string Developer { get; init; }

    public required string KeyId { get; init; }

    public required string SessionId { get; init; }

    public required string AgentId { get; init; }

    public required string RequestClass { get; init; }

    public required string Client { get; init; }

    public required string Provider { get; init; }

    public required string Model { get; init; }

    public required bool IsStream { get; init; }

    public required int HttpStatus { get; init; }

    public required string Outcome { get; init; }

    public required string ErrorType { get; init; }

    public required string UsageSource { get; init; }

    public required long Input { get; init; }

    public required long Output { get; init; }

    public required long CacheRead { get; init; }

    public required long CacheWrite5m { get; init; }

    public required long CacheWrite1h { get; init; }

    public required decimal Cost { get; init; }

    public required bool Priced { get; init; }

    public required long RequestBytes { get; init; }

    public required long ResponseBytes { get; init; }

    public required string UpstreamRequestId { get; init; }

    public required string MessageId { get; init; }
}

/// <summary>Reads the ledger of a running gateway over ClickHouse's HTTP interface.</summary>
public static class Ledger
{
    /// <summary>How long rows may take to become visible: long enough for a store, which has niceness 10, that is started again on a busy machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private const string Columns = """
        request_id AS RequestId, attempt_id AS AttemptId, team AS Team, project AS Project, developer AS Developer, key_id AS KeyId,
        session_id AS SessionId, agent_id AS AgentId, request_class AS RequestClass, client AS Client, provider AS Provider, model AS Model,
        is_stream AS IsStream, http_status AS HttpStatus, outcome AS Outcome, error_type AS ErrorType, usage_source AS UsageSource,
        input_tokens AS Input, output_tokens AS Output, cache_read_tokens AS CacheRead, cache_w5m_tokens AS CacheWrite5m,
        cache_w1h_tokens AS CacheWrite1h, cost AS Cost, priced AS Priced, req_bytes AS RequestBytes, resp_bytes AS ResponseBytes,
        upstream_request_id AS UpstreamRequestId, message_id AS MessageId
        """;

    /// <summary>The rows of one upstream in the order they were written, once there are at least <paramref name="count"/>.</summary>
    /// <exception cref="TimeoutException">Fewer came in time; the message has what the gateway printed.</exception>
    public static async Task<IReadOnlyList<LedgerRow>> RowsAsync(this GatewayProcess gateway, string provider, int count, CancellationToken cancellationToken)
    {
        var lines = await gateway.QueryUntilAsync(
            $"SELECT {Columns} FROM tollgate.requests FINAL WHERE provider = '{provider}' ORDER BY wal_seq FORMAT JSONEachRow",
            answer => Lines(answer).Length >= count,
            Patience,
            cancellationToken);
        return [.. Lines(lines).Select(static line => JsonSerializer.Deserialize<LedgerRow>(line)!)];
    }

    /// <summary>The text of <c>/metrics</c> once so many attempts are counted to the last: each is counted a moment after its row was handed over, which the ledger may have by then.</summary>
    /// <exception cref="TimeoutException">Fewer were in time.</exception>
    public static async Task<string> MetricsOfSettledAsync(this GatewayProcess gateway, int attempts, CancellationToken cancellationToken)
    {
        // What an attempt counts last.
        const string Settled = "tollgate_overhead_latency_microseconds_count{phase=\"settle\"} ";
        var metrics = string.Empty;
        await Until.TrueAsync(IsSettledAsync, Patience, $"{attempts} attempts are counted", cancellationToken);
        return metrics;

        async Task<bool> IsSettledAsync()
        {
            metrics = await gateway.MetricsAsync(cancellationToken);
            return metrics.Split('\n').Any(line => line.StartsWith(Settled, StringComparison.Ordinal) && int.Parse(line[Settled.Length..], CultureInfo.InvariantCulture) >= attempts);
        }
    }

    /// <summary>The one number that a query answers.</summary>
    public static async Task<decimal> NumberAsync(this GatewayProcess gateway, string sql, CancellationToken cancellationToken) =>
        decimal.Parse(await gateway.QueryAsync(sql, cancellationToken), NumberStyles.Float, CultureInfo.InvariantCulture);

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
