using System.ComponentModel.DataAnnotations;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Control;

/// <summary>What a program presents at the admin listener. The token itself is not here, only its hash.</summary>
public sealed record AdminToken
{
    /// <summary>Names the token in the audit log and addresses. Required, unique.</summary>
    [Required]
    [RegularExpression("^[a-z0-9]{4,32}$", ErrorMessage = "4 to 32 characters of a-z and 0-9")]
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary><c>sha256:</c> and 64 hex digits of the whole token. Required.</summary>
    [Required]
    [RegularExpression("^sha256:[0-9a-f]{64}$", ErrorMessage = "sha256: and 64 hex digits in lower case")]
    [Sensitive]
    public string Hash { get; init; } = string.Empty;

    /// <summary>What it may do. Default <c>developer</c>.</summary>
    public Role Role { get; init; }

    /// <summary>Sees and changes this customer's alone. Default empty: every customer's.</summary>
    public string Customer { get; init; } = string.Empty;

    /// <summary>Sees and changes this team's alone. Default empty: every team's.</summary>
    public string Team { get; init; } = string.Empty;

    /// <summary>When it stops working, with an offset or <c>Z</c>. Default never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Whether it is refused. Default false.</summary>
    public bool Disabled { get; init; }

    /// <summary>What may be shown: a record's own text would hold the hash.</summary>
    public override string ToString() => $"{nameof(AdminToken)} {{ Id = {Id}, Role = {Role}, Disabled = {Disabled} }}";
}
