using Tollgate.Proxy.Configuration;

namespace Tollgate.Admin.Resources;

// What is answered. Nothing is here that may not be shown: the records have no field for a hash or a secret.

/// <summary>Where an answered object stands.</summary>
internal interface IStoredView
{
    /// <summary>Changes with each change; the number in the ETag.</summary>
    long Revision { get; set; }

    /// <summary>When it was changed last.</summary>
    DateTimeOffset ChangedAt { get; set; }

    /// <summary>Whether <c>tollgate.json</c> declares it, so that it is changed there alone.</summary>
    bool IsReadOnly { get; set; }
}

/// <summary>A customer, as it is kept.</summary>
internal sealed record CustomerView : CustomerBody, IStoredView
{
    /// <inheritdoc/>
    public long Revision { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset ChangedAt { get; set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; set; }
}

/// <summary>A team, as it is kept.</summary>
internal sealed record TeamView : TeamBody, IStoredView
{
    /// <inheritdoc/>
    public long Revision { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset ChangedAt { get; set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; set; }
}

/// <summary>A project, as it is kept.</summary>
internal sealed record ProjectView : ProjectBody, IStoredView
{
    /// <inheritdoc/>
    public long Revision { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset ChangedAt { get; set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; set; }
}

/// <summary>A virtual key, as it is kept.</summary>
internal record KeyView : KeyBody, IStoredView
{
    /// <summary>When the key that this one replaced stops working; null when it does not work.</summary>
    public DateTimeOffset? PreviousKeyEndsAt { get; set; }

    /// <inheritdoc/>
    public long Revision { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset ChangedAt { get; set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; set; }
}

/// <summary>A budget, as it is kept.</summary>
internal sealed record BudgetView : BudgetBody, IStoredView
{
    /// <summary>Temporary raises of the limit.</summary>
    public IReadOnlyList<RaiseOptions> Raises { get; init; } = [];

    /// <inheritdoc/>
    public long Revision { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset ChangedAt { get; set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; set; }
}

/// <summary>A rate limit, as it is kept.</summary>
internal sealed record LimitView : LimitBody, IStoredView
{
    /// <inheritdoc/>
    public long Revision { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset ChangedAt { get; set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; set; }
}

/// <summary>A provider's key, as it is kept.</summary>
internal sealed record ProviderKeyView : ProviderKeyFields, IStoredView
{
    /// <inheritdoc/>
    public long Revision { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset ChangedAt { get; set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; set; }
}

/// <summary>A webhook, as it is kept.</summary>
internal sealed record WebhookView : WebhookFields, IStoredView
{
    /// <summary>The host of its address; the rest may be all that it takes to write there.</summary>
    public string Host { get; set; } = string.Empty;

    /// <inheritdoc/>
    public long Revision { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset ChangedAt { get; set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; set; }
}

/// <summary>A person, as it is kept.</summary>
internal sealed record PersonView : PersonBody, IStoredView
{
    /// <inheritdoc/>
    public long Revision { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset ChangedAt { get; set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; set; }
}

/// <summary>An admin token, as it is kept.</summary>
internal record AdminTokenView : AdminTokenBody, IStoredView
{
    /// <inheritdoc/>
    public long Revision { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset ChangedAt { get; set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; set; }
}

/// <summary>A new virtual key, shown whole this once.</summary>
internal sealed record NewKeyView : KeyView
{
    /// <summary>The key. It is kept nowhere: give it to its holder now.</summary>
    public string Key { get; set; } = string.Empty;
}

/// <summary>A new admin token, shown whole this once.</summary>
internal sealed record NewAdminTokenView : AdminTokenView
{
    /// <summary>The token. It is kept nowhere.</summary>
    public string Token { get; set; } = string.Empty;
}
