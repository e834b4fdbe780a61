namespace Tollgate.Proxy.Metrics;

/// <summary>Why ledger rows were given up after they were queued. The value of the <c>reason</c> label of <c>store_lost_rows_total</c>.</summary>
public enum RowLoss
{
    /// <summary>The store refused them, and would again.</summary>
    Rejected,

    /// <summary>The gateway had to stop before the store took them.</summary>
    Stopped,
}
