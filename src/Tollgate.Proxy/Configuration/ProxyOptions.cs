using System.ComponentModel.DataAnnotations;

namespace Tollgate.Proxy.Configuration;

/// <summary>The listener for clients, and the limits of the data path.</summary>
public sealed record ProxyOptions
{
    /// <summary>
    /// Addresses to listen on. <c>http://</c> speaks HTTP/1.1, <c>https://</c> HTTP/1.1 and HTTP/2 (needs <see cref="Certificate"/>),
    /// <c>h2c://</c> HTTP/2 without TLS. <c>http://fd:NAME</c> (or the other two) takes the listening socket that a service manager hands
    /// over under that name. Default <c>http://127.0.0.1:8080</c>.
    /// </summary>
    [NeedsRestart]
    [ItemCount(1, 64)]
    public IReadOnlyList<string> Listen { get; init; } = ["http://127.0.0.1:8080"];

    /// <summary>
    /// What serves the connections: <c>loops</c>, threads of their own, on which a request and its upstream's connection stay (Linux only, elsewhere sockets are
    /// taken), or <c>sockets</c>, .NET's on the thread pool. Default <c>loops</c>.
    /// </summary>
    [NeedsRestart]
    public ProxyTransport Transport { get; init; } = ProxyTransport.Loops;

    /// <summary>How many event loops there are. Default 0: one for each processor, at most 16.</summary>
    [NeedsRestart]
    [Range(0, 64)]
    public int EventLoops { get; init; }

    /// <summary>Certificate for <c>https://</c> addresses. Default none.</summary>
    [NeedsRestart]
    public CertificateOptions? Certificate { get; init; }

    /// <summary>
    /// Host names, besides loopback addresses and the listening ones, that a request may name in <c>Host</c> while an upstream's key is
    /// injected without a virtual key. Default none; another name gets 403, so that a web page can't drive the gateway by DNS rebinding.
    /// </summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    /// <summary>Largest request body. Default 67,108,864 bytes (64 MiB); a larger one gets 413.</summary>
    [Range(1_024, 1_073_741_824)]
    [NeedsRestart]
    public long MaxRequestBodyBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>How long the upstream may take from the request's last byte to the answer's head. Default 10 min; then 504.</summary>
    [TimeRange("00:00:00.100", "01:00:00")]
    public TimeSpan FirstByteTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long an answer may pause between two reads. Default 5 min, as long as Claude Code waits; then both sides are cut.</summary>
    [TimeRange("00:00:00.100", "01:00:00")]
    public TimeSpan UpstreamIdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a client may leave a flush unread. Default 60 s; then both sides are cut.</summary>
    [TimeRange("00:00:00.100", "01:00:00")]
    public TimeSpan ClientStallTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Whether relayed answers carry a <c>Server-Timing</c> header: milliseconds that Tollgate itself took of the request, and that the upstream took from
    /// the request's last bytes to the answer's head. Default true; the upstream's own stays before it.
    /// </summary>
    public bool ServerTiming { get; init; } = true;

    /// <summary>How long an idle client connection is kept. Default 15 min, well above a developer's pause.</summary>
    [NeedsRestart]
    [TimeRange("00:00:01", "1.00:00:00")]
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How long a stop waits for streams to finish. Default 30 s; then they are cut as broken.</summary>
    [TimeRange("00:00:00", "01:00:00")]
    [NeedsRestart]
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>What serves clients' connections.</summary>
public enum ProxyTransport
{
    /// <summary>.NET's sockets.</summary>
    Sockets,

    /// <summary>Event loops of Tollgate's own.</summary>
    Loops,
}

/// <summary>A certificate and its key.</summary>
public sealed record CertificateOptions
{
    /// <summary>Path of a PEM certificate (chain) or of a PKCS#12 file.</summary>
    [Required]
    public string Path { get; init; } = string.Empty;

    /// <summary>Path of the PEM private key; empty when <see cref="Path"/> is PKCS#12 or holds both.</summary>
    public string KeyPath { get; init; } = string.Empty;

    /// <summary>Password of the key or the PKCS#12 file; a secret. Default none.</summary>
    [Secret]
    public string Password { get; init; } = string.Empty;

    /// <summary>The paths alone: a record's own text would hold the password.</summary>
    public override string ToString() => $"{nameof(CertificateOptions)} {{ Path = {Path}, KeyPath = {KeyPath} }}";
}
