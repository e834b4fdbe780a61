using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Proxy.Keys;

/// <summary>All virtual keys, found by id and proved by hash.</summary>
/// <remarks>
/// Immutable; a reload makes a new one. A look-up allocates nothing and never touches a store.
/// The id only finds the candidate: the whole presented key is hashed and compared in constant time, so that timing tells nothing about a hash.
/// </remarks>
public sealed class KeyRing
{
    private readonly FrozenDictionary<string, VirtualKey>.AlternateLookup<ReadOnlySpan<char>> _byId;

    // Compared with when the id is unknown, so that it takes the same time to say so.
    private static readonly byte[] NoHash = new byte[VirtualKeyFormat.HashBytes];

    /// <summary>Takes the configured keys, which have been validated.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="teams">Teams, for the organisations that they belong to.</param>
    public KeyRing(IReadOnlyList<KeyOptions> keys, IReadOnlyList<TeamOptions> teams)
    {
        var customers = teams.ToDictionary(static team => team.Id, static team => team.Customer, StringComparer.Ordinal);
        var byId = keys.ToFrozenDictionary(
            static key => key.Id, key => new VirtualKey(key, customers.GetValueOrDefault(key.Team, string.Empty)), StringComparer.Ordinal);
        _byId = byId.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Finds the key that <paramref name="presented"/> is; disabled and expired ones too.</summary>
    /// <param name="presented">What the client sent.</param>
    /// <param name="now">Decides whether a replaced key still is one.</param>
    /// <param name="key">The key.</param>
    public bool TryFind(ReadOnlySpan<char> presented, DateTimeOffset now, [NotNullWhen(true)] out VirtualKey? key)
    {
        key = null;
        Span<byte> hash = stackalloc byte[VirtualKeyFormat.HashBytes];
        if (!VirtualKeyFormat.TryParse(presented, out var id) || !VirtualKeyFormat.TryHash(presented, hash))
        {
            return false;
        }

        var isKnown = _byId.TryGetValue(id, out var candidate);
        var isNow = CryptographicOperations.FixedTimeEquals(hash, isKnown ? candidate!.Hash : NoHash);
        var isBefore = CryptographicOperations.FixedTimeEquals(hash, isKnown ? candidate!.PreviousHashAt(now) : default);
        key = isNow | isBefore ? candidate : null;
        return key is not null;
    }
}
