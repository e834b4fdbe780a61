using System.ComponentModel.DataAnnotations;

namespace Tollgate.Proxy.Configuration;

/// <summary>The listener for operators: metrics, health and the REST API.</summary>
public sealed record AdminOptions
{
    /// <summary>Fewest characters of <see cref="Token"/>.</summary>
    public const int LeastTokenLength = 16;

    /// <summary>Addresses to listen on, or <c>http://fd:NAME</c> for a socket that is handed over. Default <c>http://127.0.0.1:8081</c>.</summary>
    [NeedsRestart]
    [ItemCount(1, 64)]
    public IReadOnlyList<string> Listen { get; init; } = ["http://127.0.0.1:8081"];

    /// <summary>What an administrator presents to <c>/api</c>, 16 characters or more. Default: one is made at each start and printed once.</summary>
    [NeedsRestart]
    [Secret]
    public string Token { get; init; } = string.Empty;

    /// <summary>Names by which a reverse proxy on this machine may call the listener, beside <c>localhost</c> and loopback addresses. Default none.</summary>
    [NeedsRestart]
    [ItemCount(0, 64)]
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>How people sign in. Default: they do not; programs present tokens.</summary>
    [NeedsRestart]
    public OidcOptions? Oidc { get; init; }
}

/// <summary>Signing in with an OpenID Connect provider. The address to register there is <c>/auth/callback</c> on the admin listener.</summary>
public sealed record OidcOptions
{
    /// <summary>The provider's issuer, such as <c>https://login.example.com</c>. Required.</summary>
    [Required]
    public string Authority { get; init; } = string.Empty;

    /// <summary>What the provider calls Tollgate. Required.</summary>
    [Required]
    public string ClientId { get; init; } = string.Empty;

    /// <summary>The secret that the provider gave for it. Required.</summary>
    [Required]
    [Secret]
    public string ClientSecret { get; init; } = string.Empty;

    /// <summary>The claim that <c>roles</c> look at. Default <c>groups</c>.</summary>
    public string RoleClaim { get; init; } = "groups";

    /// <summary>What a value of the claim allows, the first that matches. Default none: only people who were added may sign in.</summary>
    [ItemCount(0, 256)]
    public IReadOnlyList<OidcRoleOptions> Roles { get; init; } = [];
}

/// <summary>What people may do for whom the provider claims something.</summary>
public sealed record OidcRoleOptions
{
    /// <summary>The claim's value, such as a group's name. Required.</summary>
    [Required]
    public string Value { get; init; } = string.Empty;

    /// <summary><c>developer</c>, <c>viewer</c>, <c>editor</c> or <c>administrator</c>. Required.</summary>
    [Required]
    [AllowedValues("developer", "viewer", "editor", "administrator")]
    public string Role { get; init; } = string.Empty;

    /// <summary>See and change this team's alone. Default empty: every team's.</summary>
    public string Team { get; init; } = string.Empty;

    /// <summary>See and change this customer's alone. Default empty: every customer's.</summary>
    public string Customer { get; init; } = string.Empty;
}
