using System.Collections.Concurrent;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Forwarding;

/// <summary>A provider as requests meet it: what its options say, resolved once, and the connections to it.</summary>
/// <remarks>Immutable but for addresses it remembers. Its connections outlive a reload that changes nothing but its keys.</remarks>
public sealed class Upstream
{
    // The API has a dozen addresses that are asked for again and again; those that hold an id are not worth keeping.
    private const int MostAddresses = 256;

    private readonly ConcurrentDictionary<string, Uri> _addresses = new(StringComparer.Ordinal);
    private int _addressCount;
    private readonly Uri _base;
    private readonly string _pathPrefix;
    private readonly (string Key, int Weight)[] _keys;
    private readonly int _weights;

    /// <summary>Resolves <paramref name="options"/>, which have been validated.</summary>
    public Upstream(string name, UpstreamOptions options, IUpstreamTransport transport)
    {
        Name = name;
        Options = options;
        Transport = transport;
        _base = new Uri(options.BaseUrl, UriKind.Absolute);
        _pathPrefix = _base.AbsolutePath.TrimEnd('/');
        _keys = [
            .. options.ApiKey.Length > 0 ? [(options.ApiKey, 1)] : Array.Empty<(string, int)>(),
            .. options.ApiKeys.Select(static key => (key.Key, key.Weight))];
        _weights = _keys.Sum(static key => key.Weight);
        HttpVersion = options.HttpVersion == "2" ? System.Net.HttpVersion.Version20 : System.Net.HttpVersion.Version11;
    }

    /// <summary>Its name: the first segment of paths that lead to it, and the <c>provider</c> of rows and metrics.</summary>
    public string Name { get; }

    /// <summary>What was configured.</summary>
    public UpstreamOptions Options { get; }

    /// <summary>The language it speaks.</summary>
    public Dialect Dialect => Options.Dialect;

    /// <summary>Whether Tollgate puts a key of its own in place of the client's credential.</summary>
    public bool InjectsKey => Options.HasKey;

    /// <summary>Highest HTTP version to speak.</summary>
    public Version HttpVersion { get; }

    /// <summary>What carries requests to it.</summary>
    public IUpstreamTransport Transport { get; }

    /// <summary>The key for a session, or for whatever else is to keep to one key; empty lets the client's own credential pass.</summary>
    /// <remarks>Hot path: no allocation. Which key it is may be another after a start.</remarks>
    public string KeyFor(string session)
    {
        if (_keys.Length <= 1)
        {
            return _keys.Length == 0 ? string.Empty : _keys[0].Key;
        }

        var place = (int)((uint)string.GetHashCode(session, StringComparison.Ordinal) % (uint)_weights);
        foreach (var (key, weight) in _keys)
        {
            if (place < weight)
            {
                return key;
            }

            place -= weight;
        }

        return _keys[^1].Key;
    }

    /// <summary>The address of <paramref name="pathAndQuery"/> there, escaped exactly as the client wrote it.</summary>
    public Uri AddressOf(ReadOnlySpan<char> pathAndQuery)
    {
        if (_addresses.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(pathAndQuery, out var known))
        {
            return known;
        }

        var made = new Uri(
            $"{_base.Scheme}://{_base.Authority}{_pathPrefix}{pathAndQuery}",
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        if (Volatile.Read(ref _addressCount) < MostAddresses && _addresses.TryAdd(pathAndQuery.ToString(), made))
        {
            Interlocked.Increment(ref _addressCount);
        }

        return made;
    }
}
