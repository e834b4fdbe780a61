using System.ComponentModel.DataAnnotations;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Control;

/// <summary>A provider's own API key, kept encrypted.</summary>
public sealed record ProviderKey
{
    /// <summary>Its name in messages and addresses. Required, unique.</summary>
    [Required]
    [RegularExpression("^[a-z0-9][a-z0-9_.-]{0,63}$", ErrorMessage = "1 to 64 characters of a-z, 0-9, hyphen, underscore and dot, starting with a letter or digit")]
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>The upstream that it is for, as <c>upstreams</c> calls it. Required.</summary>
    [Required]
    public string Upstream { get; init; } = string.Empty;

    /// <summary>The key. Required.</summary>
    [Required]
    [Sensitive]
    public string Secret { get; init; } = string.Empty;

    /// <summary>Its share of the sessions, beside the shares of the upstream's other keys. Default 1.</summary>
    [Range(1, 1000)]
    public int Weight { get; init; } = 1;

    /// <summary>Whether it is not used. Default false.</summary>
    public bool Disabled { get; init; }

    /// <summary>What may be shown: a record's own text would hold the key.</summary>
    public override string ToString() => $"{nameof(ProviderKey)} {{ Id = {Id}, Upstream = {Upstream}, Disabled = {Disabled} }}";
}
