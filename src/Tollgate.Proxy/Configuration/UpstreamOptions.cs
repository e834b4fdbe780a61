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

    /// <summary>Highest HTTP version to speak with it: <c>1.1</c> or <c>2</c>. Default <c>1.1</c>.</summary>
    [AllowedValues("1.1", "2")]
    public string HttpVersion { get; init; } = "1.1";

    /// <summary>The region billed at, for providers with a regional premium; empty or <c>global</c> for none. Default empty.</summary>
    public string Region { get; init; } = string.Empty;

    /// <summary>How long a connection attempt may take. Default 10 s; then 502.</summary>
    [TimeRange("00:00:00.100", "00:05:00")]
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The dialect and the address: a record's own text would hold the key.</summary>
    public override string ToString() => $"{nameof(UpstreamOptions)} {{ Dialect = {Dialect}, BaseUrl = {BaseUrl} }}";
}
