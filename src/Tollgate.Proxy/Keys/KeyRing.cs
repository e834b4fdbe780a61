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

    /// <summary>Takes the configured keys, which have been validated.</summary>
    public KeyRing(IReadOnlyList<KeyOptions> keys)
    {
        var byId = keys.ToFrozenDictionary(static key => key.Id, static key => new VirtualKey(
            key.Id,
            key.Name.Length > 0 ? key.Name : key.Id,
            Convert.FromHexString(key.Hash.AsSpan("sha256:".Length)),
            key.Developer,
            key.Team,
            key.Project,
            key.Customer,
            key.Disabled), StringComparer.Ordinal);
        _byId = byId.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Finds the key that <paramref name="presented"/> is; disabled ones too.</summary>
    public bool TryFind(ReadOnlySpan<char> presented, [NotNullWhen(true)] out VirtualKey? key)
    {
        key = null;
        Span<byte> hash = stackalloc byte[VirtualKeyFormat.HashBytes];
        if (!VirtualKeyFormat.TryParse(presented, out var id) || !VirtualKeyFormat.TryHash(presented, hash))
        {
            return false;
        }

        if (!_byId.TryGetValue(id, out var candidate) || !CryptographicOperations.FixedTimeEquals(hash, candidate.Hash.Span))
        {
            return false;
        }

        key = candidate;
        return true;
    }
}
