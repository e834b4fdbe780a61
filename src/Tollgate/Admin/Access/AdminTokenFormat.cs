using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Tollgate.Proxy.Keys;

namespace Tollgate.Admin.Access;

/// <summary>The text of an admin token: <c>tgadmin_ID_SECRET</c>.</summary>
/// <remarks>
/// Shape: ID is 4 to 32 of a-z and 0-9 and finds the token; SECRET is 43 letters and digits (256 bits). The prefix differs from a virtual key's, and the
/// hash is of the whole text: a hash made for the one never proves the other.
/// </remarks>
internal static class AdminTokenFormat
{
    /// <summary>What every admin token that Tollgate makes begins with.</summary>
    public const string Prefix = "tgadmin_";

    private const int SecretLength = 43;
    private const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const string IdDigits = "0123456789abcdefghijklmnopqrstuvwxyz";

    /// <summary>A new token; the only time it is whole anywhere but with its holder.</summary>
    public static string Create(string id) => $"{Prefix}{id}_{RandomNumberGenerator.GetString(Digits, SecretLength)}";

    /// <summary>A new id, for tokens, keys and limits for which none is given.</summary>
    public static string CreateId() => RandomNumberGenerator.GetString(IdDigits, 12);

    /// <summary>Finds the id in a token; says nothing about whether anybody was given it.</summary>
    public static bool TryParse(string token, [NotNullWhen(true)] out string? id)
    {
        id = null;
        const int afterId = SecretLength + 1;
        if (!token.StartsWith(Prefix, StringComparison.Ordinal) || token.Length < Prefix.Length + afterId || token[^afterId] != '_')
        {
            return false;
        }

        var between = token[Prefix.Length..^afterId];
        id = VirtualKeyFormat.IsId(between) ? between : null;
        return id is not null;
    }

    /// <summary>The SHA-256 of any text.</summary>
    public static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    /// <summary>The hash as it is stored.</summary>
    public static string HashText(string token) => $"sha256:{Convert.ToHexStringLower(Hash(token))}";

    /// <summary>Whether <paramref name="presented"/> has the stored hash; takes as long for a wrong one.</summary>
    public static bool Proves(string presented, string storedHash)
    {
        const string prefix = "sha256:";
        var expected = new byte[SHA256.HashSizeInBytes];
        var isHash = storedHash.StartsWith(prefix, StringComparison.Ordinal)
            && Convert.FromHexString(storedHash.AsSpan(prefix.Length), expected, out _, out var written) == System.Buffers.OperationStatus.Done
            && written == expected.Length;
        return CryptographicOperations.FixedTimeEquals(Hash(presented), expected) && isHash;
    }
}
