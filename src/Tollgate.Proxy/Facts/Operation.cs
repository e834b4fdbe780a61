namespace Tollgate.Proxy.Facts;

/// <summary>What a request asks of the provider, as far as metering cares. The value of the ledger's <c>endpoint</c> column.</summary>
public enum Operation
{
    /// <summary>Anything not named below: relayed, given a row, never priced.</summary>
    Other = 0,

    /// <summary><c>POST /v1/messages</c>: inference, the only operation with a price.</summary>
    Messages = 1,

    /// <summary><c>POST /v1/messages/count_tokens</c>: free.</summary>
    CountTokens = 2,

    /// <summary><c>GET /v1/models…</c>: free.</summary>
    Models = 3,

    /// <summary><c>/v1/messages/batches…</c>: management of batches; free in itself.</summary>
    Batches = 4,
}
