namespace Tollgate.ClickHouse;

/// <summary>The table of folds, as far as an insert knows it.</summary>
public static class FoldedTable
{
    /// <summary>Database and name.</summary>
    public const string Name = "tollgate.usage_folded";

    /// <summary>The columns of an inserted fold, in the order <see cref="RowBinaryEncoder.WriteFold"/> writes them.</summary>
    /// <remarks>Named in every insert, so that a column added by a newer Tollgate takes its default and this one goes on.</remarks>
    public static IReadOnlyList<string> Columns { get; } =
    [
        "customer", "slot", "team", "project", "developer", "key_id", "provider", "model", "requests", "errors",
        "input_tokens", "output_tokens", "cache_read_tokens", "cache_w5m_tokens", "cache_w1h_tokens",
        "cost_input", "cost_output", "cost_cache_read", "cost_cache_write", "cost_other", "cost", "cost_uncached", "estimated_cost",
        "gateway_id", "fold_id",
    ];
}
