using System.Globalization;

namespace Tollgate.Testing.Soak;

/// <summary>What the oracle needs of a row of <c>tollgate.requests</c>.</summary>
/// <remarks>Units: tokens, nanodollars.</remarks>
/// <param name="RequestId">The client's call.</param>
/// <param name="AttemptId">The call upstream.</param>
/// <param name="UpstreamRequestId">The reply; empty when none came.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="UsageSource">How good the figures are.</param>
/// <param name="Input">Fresh input.</param>
/// <param name="CacheWrite5m">Written for five minutes.</param>
/// <param name="CacheWrite1h">Written for an hour.</param>
/// <param name="CacheRead">Read from the cache.</param>
/// <param name="Output">Output.</param>
/// <param name="Cost">The price.</param>
public readonly record struct SoakRow(
    Guid RequestId, Guid AttemptId, string UpstreamRequestId, string Outcome, string UsageSource, long Input, long CacheWrite5m, long CacheWrite1h, long CacheRead, long Output, long Cost)
{
    /// <summary>Columns for <see cref="Parse"/>, in its order.</summary>
    public const string Columns =
        "request_id, attempt_id, upstream_request_id, outcome, usage_source, input_tokens, cache_w5m_tokens, cache_w1h_tokens, cache_read_tokens, output_tokens, cost";

    /// <summary>All tokens.</summary>
    public long Tokens => Input + CacheWrite5m + CacheWrite1h + CacheRead + Output;

    /// <summary>Reads a line of format TabSeparated.</summary>
    public static SoakRow Parse(string line)
    {
        var cells = line.Split('\t');
        return new SoakRow(
            Guid.Parse(cells[0]), Guid.Parse(cells[1]), cells[2], string.Intern(cells[3]), string.Intern(cells[4]),
            Tokens(5), Tokens(6), Tokens(7), Tokens(8), Tokens(9), (long)(decimal.Parse(cells[10], CultureInfo.InvariantCulture) * 1_000_000_000m));

        long Tokens(int cell) => long.Parse(cells[cell], CultureInfo.InvariantCulture);
    }
}
