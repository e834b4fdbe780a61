using Tollgate.Proxy.Facts;

namespace Tollgate.Control.Storage;

/// <summary>One object of any kind. Its table has only the columns that its kind is found by.</summary>
/// <remarks>Units: times are microseconds since 1970 UTC, which both databases keep and order alike.</remarks>
internal sealed class ObjectRow
{
    /// <summary>The object's id; the table's key.</summary>
    public string Id { get; set; } = string.Empty;

    /// <summary>See <see cref="ListQuery.Customer"/>; so with the others.</summary>
    public string Customer { get; set; } = string.Empty;

    /// <inheritdoc cref="ListQuery.Team"/>
    public string Team { get; set; } = string.Empty;

    /// <inheritdoc cref="ListQuery.Project"/>
    public string Project { get; set; } = string.Empty;

    /// <inheritdoc cref="ListQuery.Developer"/>
    public string Developer { get; set; } = string.Empty;

    /// <inheritdoc cref="ListQuery.Email"/>
    public string Email { get; set; } = string.Empty;

    /// <inheritdoc cref="ListQuery.Subject"/>
    public string Subject { get; set; } = string.Empty;

    /// <inheritdoc cref="ListQuery.Upstream"/>
    public string Upstream { get; set; } = string.Empty;

    /// <inheritdoc cref="ListQuery.Scope"/>
    public string Scope { get; set; } = string.Empty;

    /// <inheritdoc cref="ListQuery.Value"/>
    public string Value { get; set; } = string.Empty;

    /// <summary>All texts that <see cref="ListQuery.Text"/> looks at, in lower case, one a line.</summary>
    public string Search { get; set; } = string.Empty;

    /// <summary>The object as JSON; secrets sealed.</summary>
    public string Document { get; set; } = string.Empty;

    /// <summary>The version that wrote it.</summary>
    public long Revision { get; set; }

    /// <summary>When that was.</summary>
    public long ChangedAt { get; set; }

    /// <summary>How <see cref="Scope"/> writes a scope.</summary>
    public static string ScopeText(ScopeKind scope) => scope.ToString().ToLowerInvariant();
}

/// <summary>An object as <c>tollgate.json</c> last declared it; what the next reading is compared with.</summary>
internal sealed class DeclaredRow
{
    /// <summary><see cref="ControlKind.Name"/>.</summary>
    public string Kind { get; set; } = string.Empty;

    /// <summary>The object's id.</summary>
    public string Id { get; set; } = string.Empty;

    /// <summary>The object as JSON.</summary>
    public string Document { get; set; } = string.Empty;

    /// <summary>The version that wrote it.</summary>
    public long Revision { get; set; }

    /// <summary>When that was.</summary>
    public long ChangedAt { get; set; }
}

/// <summary>What is true of the store as a whole: its only row, with id 1.</summary>
internal sealed class StoreRow
{
    /// <summary>The id of the only row.</summary>
    public const int OnlyId = 1;

    /// <summary>Always <see cref="OnlyId"/>.</summary>
    public int Id { get; set; }

    /// <summary>How often anything was changed. Whoever changes something updates this first: its lock puts all changes in one order.</summary>
    public long Version { get; set; }

    /// <summary>A known text sealed with the key file; empty until the first start. Tells a lost or wrong key file at start, not when a secret is needed.</summary>
    public string KeyCheck { get; set; } = string.Empty;
}

/// <summary>See <see cref="AuditEntry"/>.</summary>
internal sealed class AuditRow
{
    public long Id { get; set; }

    public long At { get; set; }

    public string ActorId { get; set; } = string.Empty;

    public string ActorKind { get; set; } = string.Empty;

    public string ActorAddress { get; set; } = string.Empty;

    public string Kind { get; set; } = string.Empty;

    public string ObjectId { get; set; } = string.Empty;

    public string Action { get; set; } = string.Empty;

    public string? Before { get; set; }

    public string? After { get; set; }
}

/// <summary>See <see cref="Delivery"/>.</summary>
internal sealed class DeliveryRow
{
    public long Id { get; set; }

    public string WebhookId { get; set; } = string.Empty;

    public string EventId { get; set; } = string.Empty;

    public string Event { get; set; } = string.Empty;

    public long CreatedAt { get; set; }

    public long? NextAttempt { get; set; }

    public int Attempts { get; set; }

    public string? LastError { get; set; }

    public long? DeliveredAt { get; set; }
}

/// <summary>See <see cref="Session"/>.</summary>
internal sealed class SessionRow
{
    public string IdHash { get; set; } = string.Empty;

    public string PersonId { get; set; } = string.Empty;

    public string Role { get; set; } = string.Empty;

    public long CreatedAt { get; set; }

    public long LastSeen { get; set; }

    public long Expires { get; set; }

    public string Csrf { get; set; } = string.Empty;
}
