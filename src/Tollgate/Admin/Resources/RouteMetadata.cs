namespace Tollgate.Admin.Resources;

/// <summary>The query parameters that a route takes; any other is refused.</summary>
internal sealed record QueryParameters(IReadOnlyList<string> Names);

/// <summary>A body as an example, JSON.</summary>
internal sealed record BodyExample(string Json);

/// <summary>The route needs <c>If-Match</c>.</summary>
internal sealed record NeedsIfMatch
{
    /// <summary>The one there is.</summary>
    public static NeedsIfMatch Instance { get; } = new();
}
