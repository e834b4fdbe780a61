using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Tollgate.Proxy.Keys;

/// <summary>The text of a virtual key: <c>tg_ID_SECRETCHECK</c>.</summary>
/// <remarks>
/// Shape: ID is 4 to 32 of a-z and 0-9, public, and names the key in look-ups, logs and rows. SECRET is 43 letters and digits from
/// the system's generator (256 bits). CHECK is 6 letters and digits: the CRC-32 of all before it, in base 62, most significant
/// first; it tells a mistyped or cut key apart before anything is looked up. A fast hash is enough to keep such a secret
/// (OWASP ASVS 5.0, 6.5.2).
/// </remarks>
public static class VirtualKeyFormat
{
    /// <summary>What every virtual key begins with; secret scanners look for it.</summary>
    public const string Prefix = "tg_";

    /// <summary>Bytes of a key's hash (SHA-256).</summary>
    public const int HashBytes = SHA256.HashSizeInBytes;

    /// <summary>Characters of the longest key.</summary>
    public const int MaxLength = 3 + MaxIdLength + 1 + SecretLength + CheckLength;

    private const int MinIdLength = 4;
    private const int MaxIdLength = 32;
    private const int SecretLength = 43;
    private const int CheckLength = 6;
    private const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static readonly SearchValues<char> IdCharacters = SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyz");
    private static readonly SearchValues<char> SecretCharacters = SearchValues.Create(Digits);
    private static readonly uint[] CrcTable = MakeCrcTable();

    /// <summary>A new key; the only time it is whole anywhere but with its holder.</summary>
    /// <exception cref="ArgumentException"><paramref name="id"/> is not 4 to 32 of a-z and 0-9.</exception>
    public static string Create(string id)
    {
        if (!IsId(id))
        {
            throw new ArgumentException($"A key's id has 4 to 32 characters of a-z and 0-9; \"{id}\" does not.", nameof(id));
        }

        var body = $"{Prefix}{id}_{RandomNumberGenerator.GetString(Digits, SecretLength)}";
        Span<char> check = stackalloc char[CheckLength];
        WriteCheck(body, check);
        return string.Concat(body, check);
    }

    /// <summary>Whether <paramref name="id"/> may name a key.</summary>
    public static bool IsId(ReadOnlySpan<char> id) =>
        id.Length is >= MinIdLength and <= MaxIdLength && !id.ContainsAnyExcept(IdCharacters);

    /// <summary>Whether <paramref name="key"/> is whole and untouched; and then its id, a slice of it.</summary>
    /// <remarks>Allocates nothing. Says nothing about whether anybody was given this key.</remarks>
    public static bool TryParse(ReadOnlySpan<char> key, out ReadOnlySpan<char> id)
    {
        id = default;
        const int afterId = 1 + SecretLength + CheckLength;
        if (key.Length < Prefix.Length + MinIdLength + afterId || key.Length > MaxLength || !key.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return false;
        }

        var between = key[Prefix.Length..^afterId];
        var secretAndCheck = key[^(SecretLength + CheckLength)..];
        if (!IsId(between) || key[^afterId] != '_' || secretAndCheck.ContainsAnyExcept(SecretCharacters))
        {
            return false;
        }

        Span<char> check = stackalloc char[CheckLength];
        WriteCheck(key[..^CheckLength], check);
        if (!key[^CheckLength..].SequenceEqual(check))
        {
            return false;
        }

        id = between;
        return true;
    }

    /// <summary>The SHA-256 of the whole key, into <paramref name="hash"/>; false when it can't be a key because of its length.</summary>
    /// <remarks>Allocates nothing. Compare with <see cref="CryptographicOperations.FixedTimeEquals"/>.</remarks>
    public static bool TryHash(ReadOnlySpan<char> key, Span<byte> hash)
    {
        // At most 3 bytes of UTF-8 for each UTF-16 unit.
        Span<byte> utf8 = stackalloc byte[MaxLength * 3];
        return key.Length <= MaxLength
            && Encoding.UTF8.TryGetBytes(key, utf8, out var length)
            && SHA256.TryHashData(utf8[..length], hash, out _);
    }

    /// <summary>The SHA-256 of the whole key, 32 bytes.</summary>
    /// <exception cref="ArgumentException"><paramref name="key"/> is longer than any key.</exception>
    public static byte[] Hash(ReadOnlySpan<char> key)
    {
        var hash = new byte[HashBytes];
        return TryHash(key, hash) ? hash : throw new ArgumentException($"A virtual key has at most {MaxLength} characters.", nameof(key));
    }

    /// <summary>The hash as <c>keys[].hash</c> in <c>tollgate.json</c> holds it.</summary>
    public static string HashText(ReadOnlySpan<char> key) => $"sha256:{Convert.ToHexStringLower(Hash(key))}";

    /// <summary>CRC-32 (IEEE 802.3, reflected) of characters that are all ASCII.</summary>
    internal static uint Crc32(ReadOnlySpan<char> text)
    {
        var crc = uint.MaxValue;
        foreach (var character in text)
        {
            crc = CrcTable[(byte)crc ^ (byte)character] ^ (crc >> 8);
        }

        return ~crc;
    }

    private static void WriteCheck(ReadOnlySpan<char> text, Span<char> check)
    {
        var rest = Crc32(text);
        for (var i = CheckLength - 1; i >= 0; i--)
        {
            check[i] = Digits[(int)(rest % 62)];
            rest /= 62;
        }
    }

    private static uint[] MakeCrcTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            var entry = i;
            for (var bit = 0; bit < 8; bit++)
            {
                entry = (entry & 1) == 0 ? entry >> 1 : 0xEDB88320 ^ (entry >> 1);
            }

            table[i] = entry;
        }

        return table;
    }
}
