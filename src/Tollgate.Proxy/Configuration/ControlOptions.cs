namespace Tollgate.Proxy.Configuration;

/// <summary>Where that is kept which is edited while the gateway runs: keys, teams, budgets, limits, people, webhooks and the audit log.</summary>
public sealed record ControlOptions
{
    /// <summary>
    /// Npgsql connection string of a PostgreSQL database, for gateways that share one; a secret. Default empty: SQLite, in <c>control.db</c> of
    /// <c>storage.dataDirectory</c>.
    /// </summary>
    [Secret]
    public string ConnectionString { get; init; } = string.Empty;

    /// <summary>
    /// The file that seals provider keys and webhook secrets: 32 bytes as base64. Made with mode 0600 when missing; without it the secrets in the store can't be
    /// read, so back it up apart from the store. Gateways that share a store need the same. Default empty: <c>control.key</c> in <c>storage.dataDirectory</c>.
    /// </summary>
    public string KeyFile { get; init; } = string.Empty;

    /// <summary>What is local: a record's own text would hold the connection string.</summary>
    public override string ToString() => $"{nameof(ControlOptions)} {{ ConnectionString = {(ConnectionString.Length == 0 ? string.Empty : "***")}, KeyFile = {KeyFile} }}";
}
