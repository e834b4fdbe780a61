using System.ComponentModel.DataAnnotations;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Control;

/// <summary>An address that is told of events.</summary>
public sealed record Webhook
{
    /// <summary>Its name in messages and addresses. Required, unique.</summary>
    [Required]
    [RegularExpression("^[a-z0-9][a-z0-9_.-]{0,63}$", ErrorMessage = "1 to 64 characters of a-z, 0-9, hyphen, underscore and dot, starting with a letter or digit")]
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>Where events are sent. Required, https, kept encrypted: the address of a chat's webhook is all that it takes to write there.</summary>
    [Required]
    [Sensitive]
    public string Url { get; init; } = string.Empty;

    /// <summary>Signs what is sent. Required, kept encrypted.</summary>
    [Required]
    [Sensitive]
    public string Secret { get; init; } = string.Empty;

    /// <summary>Events to send, such as <c>budget.threshold</c>, exact or with <c>*</c>. Default none named: all.</summary>
    [ItemCount(0, 64)]
    public IReadOnlyList<string> Events { get; init; } = [];

    /// <summary>Whether nothing is sent. Default false.</summary>
    public bool Disabled { get; init; }

    /// <summary>What may be shown: a record's own text would hold the secret.</summary>
    public override string ToString() => $"{nameof(Webhook)} {{ Id = {Id}, Disabled = {Disabled} }}";
}
