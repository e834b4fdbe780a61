using Tollgate.Control;

namespace Tollgate.Admin.Access;

/// <summary>Who may use a route. A route without it is refused to everybody, and fails a test.</summary>
/// <param name="Least">The least role.</param>
internal sealed record RouteAccess(Role Least)
{
    /// <summary>Whether only those may who are confined to no team or customer.</summary>
    public bool UnconfinedOnly { get; init; }

    /// <summary>Whether nobody need say who they are.</summary>
    public bool IsPublic { get; init; }

    /// <summary>Whether somebody may use it.</summary>
    public bool Allows(Role role, bool isConfined) => IsPublic || (role >= Least && !(UnconfinedOnly && isConfined));
}

/// <summary>Writes <see cref="RouteAccess"/> at a route.</summary>
internal static class RouteAccessExtensions
{
    /// <summary>For those with this role or a greater one; what they see is up to the handler.</summary>
    public static TBuilder For<TBuilder>(this TBuilder route, Role least)
        where TBuilder : IEndpointConventionBuilder => route.WithMetadata(new RouteAccess(least));

    /// <summary>For those with this role or a greater one who are confined to no team or customer.</summary>
    public static TBuilder ForUnconfined<TBuilder>(this TBuilder route, Role least)
        where TBuilder : IEndpointConventionBuilder => route.WithMetadata(new RouteAccess(least) { UnconfinedOnly = true });

    /// <summary>For everybody.</summary>
    public static TBuilder ForEverybody<TBuilder>(this TBuilder route)
        where TBuilder : IEndpointConventionBuilder => route.WithMetadata(new RouteAccess(Role.Developer) { IsPublic = true });
}
