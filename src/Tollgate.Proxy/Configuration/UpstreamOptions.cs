using System.ComponentModel.DataAnnotations;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Configuration;

/// <summary>One provider.</summary>
public sealed record UpstreamOptions
{
    /// <summary>The language it speaks. Default <c>anthropic</c>.</summary>
    public Dialect Dialect { get; init; }

    /// <summary>Scheme, host, port and optional path prefix that requests go to. Required.</summary>
    [Required]
    public string BaseUrl { get; init; } = string.Empty;

    /// <summary>Key put in place of the client's credential; a secret. Default none: the client's own credential passes through.</summary>
    [Secret]
    public string ApiKey { get; init; } = string.Empty;

    /// <summary>Several keys instead of one. A session keeps to one of them, so that its prompt cache does; sessions are spread by weight. Default none.</summary>
    [ItemCount(0, 64)]
    public IReadOnlyList<ApiKeyOptions> ApiKeys { get; init; } = [];

    /// <summary>Whether a key is put in place of the client's credential.</summary>
    public bool HasKey => ApiKey.Length > 0 || ApiKeys.Count > 0;

    /// <summary>Highest HTTP version to speak with it: <c>1.1</c> or <c>2</c>. Default <c>1.1</c>.</summary>
    [AllowedValues("1.1", "2")]
    public string HttpVersion { get; init; } = "1.1";

    /// <summary>
    /// What carries requests to it. <c>own</c>: connections of Tollgate's own, which cost less and are stricter; HTTP/1.1 without a proxy only, else the
    /// client is used all the same. <c>client</c>: .NET's HTTP client. Default <c>own</c>.
    /// </summary>
    public UpstreamTransport Transport { get; init; } = UpstreamTransport.Own;

    /// <summary>The region billed at, for providers with a regional premium; empty or <c>global</c> for none. Default empty.</summary>
    public string Region { get; init; } = string.Empty;

    /// <summary>How long a connection attempt may take. Default 10 s; then 502.</summary>
    [TimeRange("00:00:00.100", "00:05:00")]
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The dialect and the address: a record's own text would hold the key.</summary>
    public override string ToString() => $"{nameof(UpstreamOptions)} {{ Dialect = {Dialect}, BaseUrl = {BaseUrl} }}";
}

/// <summary>What carries requests to an upstream.</summary>
public enum UpstreamTransport
{
    /// <summary>.NET's HTTP client.</summary>
    Client,

    /// <summary>Connections of Tollgate's own.</summary>
    Own,
}

/// <summary>One of several keys of an upstream.</summary>
public sealed record ApiKeyOptions
{
    /// <summary>The key; a secret. Required.</summary>
    [Required]
    [Secret]
    public string Key { get; init; } = string.Empty;

    /// <summary>Its share of the sessions, beside the other keys' shares. Default 1.</summary>
    [Range(1, 1000)]
    public int Weight { get; init; } = 1;

    /// <summary>The weight: a record's own text would hold the key.</summary>
    public override string ToString() => $"{nameof(ApiKeyOptions)} {{ Weight = {Weight} }}";
}
