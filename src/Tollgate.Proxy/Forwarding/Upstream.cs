using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Forwarding;

/// <summary>A provider as requests meet it: what its options say, resolved once, and the connections to it.</summary>
/// <remarks>Immutable. Outlives a reload when its options did not change, so that its connections do too.</remarks>
public sealed class Upstream
{
    private readonly Uri _base;
    private readonly string _pathPrefix;

    /// <summary>Resolves <paramref name="options"/>, which have been validated.</summary>
    public Upstream(string name, UpstreamOptions options, IUpstreamTransport transport)
    {
        Name = name;
        Options = options;
        Transport = transport;
        _base = new Uri(options.BaseUrl, UriKind.Absolute);
        _pathPrefix = _base.AbsolutePath.TrimEnd('/');
        HttpVersion = options.HttpVersion == "2" ? System.Net.HttpVersion.Version20 : System.Net.HttpVersion.Version11;
    }

    /// <summary>Its name: the first segment of paths that lead to it, and the <c>provider</c> of rows and metrics.</summary>
    public string Name { get; }

    /// <summary>What was configured.</summary>
    public UpstreamOptions Options { get; }

    /// <summary>The language it speaks.</summary>
    public Dialect Dialect => Options.Dialect;

    /// <summary>Whether Tollgate puts a key of its own in place of the client's credential.</summary>
    public bool InjectsKey => Options.ApiKey.Length > 0;

    /// <summary>Highest HTTP version to speak.</summary>
    public Version HttpVersion { get; }

    /// <summary>What carries requests to it.</summary>
    public IUpstreamTransport Transport { get; }

    /// <summary>The address of <paramref name="pathAndQuery"/> there, escaped exactly as the client wrote it.</summary>
    public Uri AddressOf(ReadOnlySpan<char> pathAndQuery) => new(
        $"{_base.Scheme}://{_base.Authority}{_pathPrefix}{pathAndQuery}",
        new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
}
