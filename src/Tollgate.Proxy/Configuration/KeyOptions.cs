using System.ComponentModel.DataAnnotations;

namespace Tollgate.Proxy.Configuration;

/// <summary>One virtual key. The key itself is not here, only its hash; <c>tollgate keys create</c> prints both.</summary>
public sealed record KeyOptions
{
    /// <summary>The key's public id, the middle part of <c>tg_ID_SECRET</c>. Required, unique.</summary>
    [Required]
    [RegularExpression("^[a-z0-9]{4,32}$", ErrorMessage = "4 to 32 characters of a-z and 0-9")]
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call the key. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary><c>sha256:</c> and 64 hex digits of the whole key. Required.</summary>
    [Required]
    [RegularExpression("^sha256:[0-9a-f]{64}$", ErrorMessage = "sha256: and 64 hex digits in lower case, as tollgate keys create prints them")]
    [Sensitive]
    public string Hash { get; init; } = string.Empty;

    /// <summary>Who holds the key. Default empty.</summary>
    public string Developer { get; init; } = string.Empty;

    /// <summary>The holder's team. Default empty.</summary>
    public string Team { get; init; } = string.Empty;

    /// <summary>The project spent on; empty lets the client's <c>x-project</c> say. Default empty.</summary>
    public string Project { get; init; } = string.Empty;

    /// <summary>The organisation billed. Default empty.</summary>
    public string Customer { get; init; } = string.Empty;

    /// <summary>Whether the key is refused. Default false.</summary>
    public bool Disabled { get; init; }

    /// <summary>The holder's e-mail address. Default empty.</summary>
    public string Email { get; init; } = string.Empty;

    /// <summary>When the key stops working, with an offset or <c>Z</c>. Default never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The hash of the key that this one replaces, still accepted until <c>previousHashExpiresAt</c>. Default none.</summary>
    [RegularExpression("^(sha256:[0-9a-f]{64})?$", ErrorMessage = "sha256: and 64 hex digits in lower case, as tollgate keys create prints them")]
    [Sensitive]
    public string PreviousHash { get; init; } = string.Empty;

    /// <summary>When the replaced key stops working, with an offset or <c>Z</c>. Default: it does not work.</summary>
    public DateTimeOffset? PreviousHashExpiresAt { get; init; }

    /// <summary>Models that may be asked for, exact or with <c>*</c>. Default none named: all.</summary>
    [ItemCount(0, 256)]
    public IReadOnlyList<string> AllowedModels { get; init; } = [];

    /// <summary>Models that may not be asked for, exact or with <c>*</c>; goes before <c>allowedModels</c>. Default none.</summary>
    [ItemCount(0, 256)]
    public IReadOnlyList<string> DeniedModels { get; init; } = [];

    /// <summary>Upstream paths that may be asked for, such as <c>/v1/messages</c>, exact or with <c>*</c>. Default none named: all.</summary>
    [ItemCount(0, 64)]
    public IReadOnlyList<string> AllowedPaths { get; init; } = [];

    /// <summary>Networks that the client's address must be in, such as <c>10.0.0.0/8</c>. Default none named: all.</summary>
    [ItemCount(0, 64)]
    public IReadOnlyList<string> SourceNetworks { get; init; } = [];

    /// <summary>Marks for people and filters, such as <c>cost-centre=42</c>. Default none.</summary>
    [ItemCount(0, 32)]
    public IReadOnlyList<string> Tags { get; init; } = [];
}
