using System.Net;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Proxy.Keys;

/// <summary>A key of Tollgate's own: whose spend a request is, and what it may ask for.</summary>
/// <remarks>Immutable; one object for each key and world. What it may spend is not here.</remarks>
public sealed class VirtualKey
{
    private readonly byte[] _hash;
    private readonly byte[] _previousHash;
    private readonly DateTimeOffset? _previousHashExpiresAt;

    /// <summary>Takes a configured key, which has been validated.</summary>
    /// <param name="options">As configured.</param>
    /// <param name="customerOfTeam">The organisation that its team belongs to; empty when none is known.</param>
    public VirtualKey(KeyOptions options, string customerOfTeam)
    {
        Id = options.Id;
        Name = options.Name.Length > 0 ? options.Name : options.Id;
        Developer = options.Developer;
        Team = options.Team;
        Project = options.Project;
        Customer = options.Customer.Length > 0 ? options.Customer : customerOfTeam;
        Disabled = options.Disabled;
        ExpiresAt = options.ExpiresAt;
        Models = new NameRules(options.AllowedModels, options.DeniedModels);
        Paths = new NameRules(options.AllowedPaths, []);
        SourceNetworks = [.. options.SourceNetworks.Select(static network => IPNetwork.Parse(network))];
        _hash = HashOf(options.Hash);
        _previousHash = HashOf(options.PreviousHash);
        _previousHashExpiresAt = options.PreviousHashExpiresAt;
    }

    /// <summary>Stands for a client that presents no virtual key: every name is empty, and nothing is forbidden.</summary>
    public static VirtualKey None { get; } = new(new KeyOptions(), string.Empty);

    /// <summary>Public id; safe to show.</summary>
    public string Id { get; }

    /// <summary>What people call it.</summary>
    public string Name { get; }

    /// <summary>Who holds it.</summary>
    public string Developer { get; }

    /// <summary>The holder's team.</summary>
    public string Team { get; }

    /// <summary>The project spent on; empty lets the client say.</summary>
    public string Project { get; }

    /// <summary>The organisation billed.</summary>
    public string Customer { get; }

    /// <summary>Whether it is refused.</summary>
    public bool Disabled { get; }

    /// <summary>When it stops working; null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; }

    /// <summary>Which models may be asked for.</summary>
    public NameRules Models { get; }

    /// <summary>Which paths of the upstream may be asked for.</summary>
    public NameRules Paths { get; }

    /// <summary>Where its client must be; none: anywhere.</summary>
    public IReadOnlyList<IPNetwork> SourceNetworks { get; }

    /// <summary>SHA-256 of the whole key; the key itself is nowhere.</summary>
    internal ReadOnlySpan<byte> Hash => _hash;

    /// <summary>The hash of the key that this one replaces, as long as that is still accepted; else empty.</summary>
    internal ReadOnlySpan<byte> PreviousHashAt(DateTimeOffset now) => _previousHashExpiresAt > now ? _previousHash : default;

    private static byte[] HashOf(string text) => text.Length == 0 ? [] : Convert.FromHexString(text.AsSpan("sha256:".Length));
}
