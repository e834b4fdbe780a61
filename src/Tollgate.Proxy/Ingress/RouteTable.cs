using System.Collections.Frozen;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Ingress;

/// <summary>Where a request goes; valid as long as the request's target is.</summary>
public readonly ref struct Route<TUpstream>(TUpstream upstream, ReadOnlySpan<char> pathAndQuery, Operation operation)
{
    /// <summary>The provider.</summary>
    public TUpstream Upstream { get; } = upstream;

    /// <summary>The target there, escaped as the client wrote it.</summary>
    public ReadOnlySpan<char> PathAndQuery { get; } = pathAndQuery;

    /// <summary>What is asked of the provider.</summary>
    public Operation Operation { get; } = operation;
}

/// <summary>Names that routes know.</summary>
public static class RouteNames
{
    /// <summary>The upstream that paths without a name go to.</summary>
    public const string DefaultUpstream = "anthropic";

    // What changes something and is free. Source: Anthropic's API reference; Claude Code's own calls go to /api.
    private static readonly string[] FreePrefixes = ["/api/", "/v1/files", "/v1/skills", "/v1/organizations/", "/v1/oauth/", "/v1/messages/count_tokens"];

    /// <summary>Whether a request that is no single inference may cost something: all that is not known to be free.</summary>
    public static bool MayCost(string method, ReadOnlySpan<char> path)
    {
        if (method is "GET" or "HEAD" or "OPTIONS" or "DELETE" or "TRACE")
        {
            return false;
        }

        foreach (var prefix in FreePrefixes)
        {
            if (path.StartsWith(prefix, StringComparison.Ordinal))
            {
                return false;
            }
        }

        return !(path.StartsWith("/v1/messages/batches/", StringComparison.Ordinal) && path.EndsWith("/cancel", StringComparison.Ordinal));
    }
}

/// <summary>Leads from a request's path to an upstream.</summary>
/// <remarks>
/// <c>/NAME/…</c> goes to the upstream NAME as <c>/…</c>; <c>/v1/…</c> goes to <c>anthropic</c> as it is. Immutable, and a look-up allocates nothing.
/// What an upstream is belongs to a later room; here it only has a name.
/// </remarks>
public sealed class RouteTable<TUpstream>
    where TUpstream : class
{
    private readonly FrozenDictionary<string, TUpstream> _byName;
    private readonly FrozenDictionary<string, TUpstream>.AlternateLookup<ReadOnlySpan<char>> _bySegment;

    /// <summary>Makes the table of <paramref name="upstreams"/>.</summary>
    public RouteTable(IReadOnlyDictionary<string, TUpstream> upstreams)
    {
        _byName = upstreams.ToFrozenDictionary(StringComparer.Ordinal);
        _bySegment = _byName.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Finds the route of a request.</summary>
    public bool TryFind(string method, ReadOnlySpan<char> pathAndQuery, out Route<TUpstream> route)
    {
        var queryStart = pathAndQuery.IndexOf('?');
        var path = queryStart < 0 ? pathAndQuery : pathAndQuery[..queryStart];
        var segment = FirstSegment(path);
        if (_bySegment.TryGetValue(segment, out var upstream))
        {
            // "/anthropic?x" has nothing behind its name: the upstream's root it is, and a query has no place there.
            var afterName = segment.Length + 1;
            route = path.Length == afterName
                ? new Route<TUpstream>(upstream, "/", Operation.Other)
                : new Route<TUpstream>(upstream, pathAndQuery[afterName..], OperationOf(method, path[afterName..]));
            return true;
        }

        if (segment is "v1" && _byName.TryGetValue(RouteNames.DefaultUpstream, out upstream))
        {
            route = new Route<TUpstream>(upstream, pathAndQuery, OperationOf(method, path));
            return true;
        }

        route = default;
        return false;
    }

    /// <summary>Whether this is a client's warm-up call, which is answered here and without a credential.</summary>
    public bool IsProbe(string method, ReadOnlySpan<char> path)
    {
        if (method != "HEAD")
        {
            return false;
        }

        var segment = FirstSegment(path);
        if (_bySegment.ContainsKey(segment))
        {
            path = path[(segment.Length + 1)..];
        }

        return path is "" or "/" or "/api/hello";
    }

    private static ReadOnlySpan<char> FirstSegment(ReadOnlySpan<char> path)
    {
        var end = path[1..].IndexOf('/');
        return end < 0 ? path[1..] : path.Slice(1, end);
    }

    // A slash at the end changes nothing for most servers, so it must not for the meter.
    private static Operation OperationOf(string method, ReadOnlySpan<char> path) => path.TrimEnd('/') switch
    {
        "/v1/messages" when method == "POST" => Operation.Messages,
        "/v1/messages/count_tokens" when method == "POST" => Operation.CountTokens,
        "/v1/messages/batches" => Operation.Batches,
        _ when path.StartsWith("/v1/messages/batches/") => Operation.Batches,
        "/v1/models" => Operation.Models,
        _ when path.StartsWith("/v1/models/") => Operation.Models,
        _ => Operation.Other,
    };
}
