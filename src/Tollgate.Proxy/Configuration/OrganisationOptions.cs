using System.ComponentModel.DataAnnotations;

namespace Tollgate.Proxy.Configuration;

/// <summary>An organisation that is billed.</summary>
public sealed record CustomerOptions
{
    /// <summary>Its name in rows, labels and addresses. Required, unique.</summary>
    [Required]
    [RegularExpression(NameRule.Pattern, ErrorMessage = NameRule.Meaning)]
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;
}

/// <summary>A group of developers.</summary>
public sealed record TeamOptions
{
    /// <summary>Its name in rows, labels and addresses. Required, unique.</summary>
    [Required]
    [RegularExpression(NameRule.Pattern, ErrorMessage = NameRule.Meaning)]
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>The organisation it belongs to; a key of the team without one takes this. Default empty.</summary>
    public string Customer { get; init; } = string.Empty;
}

/// <summary>Something that is spent on.</summary>
public sealed record ProjectOptions
{
    /// <summary>Its name in rows, labels and addresses. Required, unique.</summary>
    [Required]
    [RegularExpression(NameRule.Pattern, ErrorMessage = NameRule.Meaning)]
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>The team that owns it. Default empty.</summary>
    public string Team { get; init; } = string.Empty;
}

/// <summary>What a customer, team or project may be called.</summary>
internal static class NameRule
{
    /// <summary>As an expression.</summary>
    public const string Pattern = "^[A-Za-z0-9][A-Za-z0-9 _.@/-]{0,63}$";

    /// <summary>In words.</summary>
    public const string Meaning = "1 to 64 letters, digits, spaces and _ . @ / -, starting with a letter or digit";
}
