using System.ComponentModel.DataAnnotations;

namespace Tollgate.Control;

/// <summary>Somebody who may log in to the page.</summary>
public sealed record Person
{
    /// <summary>Names the person in the audit log and addresses. Required, unique.</summary>
    [Required]
    [RegularExpression("^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,127}$", ErrorMessage = "1 to 128 letters, digits and _ . @ + -, starting with a letter or digit")]
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call them. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>Their e-mail address. Default empty.</summary>
    public string Email { get; init; } = string.Empty;

    /// <summary>Who vouches for them: an OpenID Connect issuer. Default empty.</summary>
    public string Issuer { get; init; } = string.Empty;

    /// <summary>What the issuer calls them. Default empty.</summary>
    public string Subject { get; init; } = string.Empty;

    /// <summary>What they may do. Default <c>developer</c>.</summary>
    public Role Role { get; init; }

    /// <summary>Sees and changes this customer's alone. Default empty: every customer's.</summary>
    public string Customer { get; init; } = string.Empty;

    /// <summary>Sees and changes this team's alone. Default empty: every team's.</summary>
    public string Team { get; init; } = string.Empty;

    /// <summary>Which developer they are in keys and rows. Default empty: none.</summary>
    public string Developer { get; init; } = string.Empty;

    /// <summary>Whether they may not log in. Default false.</summary>
    public bool Disabled { get; init; }
}

/// <summary>What somebody may do. Each may do what those before it may.</summary>
public enum Role
{
    /// <summary>Sees their own spend.</summary>
    Developer,

    /// <summary>Sees the spend of their customer or team, or all.</summary>
    Viewer,

    /// <summary>Changes customers, teams, projects, keys, budgets and limits.</summary>
    Editor,

    /// <summary>Changes everything: people, admin tokens, provider keys, webhooks too.</summary>
    Administrator,
}
