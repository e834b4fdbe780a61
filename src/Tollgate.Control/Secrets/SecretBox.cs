using System.Security.Cryptography;
using System.Text;

namespace Tollgate.Control.Secrets;

/// <summary>Seals secrets so that whoever has the store's file or a backup, but not the key file, reads nothing and can't move one secret to another's place.</summary>
/// <remarks>
/// Shape: <c>v1.</c> and base64 of nonce (12 bytes), tag (16), ciphertext. AES-256-GCM; the key of each purpose is derived by HKDF-SHA-256 with the purpose's
/// label, so that what one purpose seals no other opens; kind and id of the owner are authenticated with it.
/// Nonces are random: one key seals some 2^32 secrets before two are likely to meet.
/// </remarks>
internal sealed class SecretBox
{
    /// <summary>Bytes in a key.</summary>
    public const int KeyBytes = 32;

    private const string Version = "v1.";
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    private readonly byte[] _key;

    /// <summary>A box under the key of a key file.</summary>
    public SecretBox(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyBytes, nameof(key));
        _key = key.ToArray();
    }

    /// <summary>Seals <paramref name="secret"/> for its owner. Two calls give two texts.</summary>
    public string Seal(string label, string kind, string id, string secret)
    {
        var plain = Encoding.UTF8.GetBytes(secret);
        var box = new byte[NonceBytes + TagBytes + plain.Length];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceBytes));
        using var cipher = CipherFor(label);
        cipher.Encrypt(box.AsSpan(0, NonceBytes), plain, box.AsSpan(NonceBytes + TagBytes), box.AsSpan(NonceBytes, TagBytes), Owner(kind, id));
        CryptographicOperations.ZeroMemory(plain);
        return Version + Convert.ToBase64String(box);
    }

    /// <summary>The secret that <see cref="Seal"/> was given for this owner.</summary>
    /// <returns>False when the text was sealed with another key, for another purpose or owner, or was altered.</returns>
    public bool TryOpen(string label, string kind, string id, string text, out string secret)
    {
        secret = string.Empty;
        var box = new byte[text.Length];
        if (!text.StartsWith(Version, StringComparison.Ordinal) || !Convert.TryFromBase64Chars(text.AsSpan(Version.Length), box, out var length) || length < NonceBytes + TagBytes)
        {
            return false;
        }

        var plain = new byte[length - NonceBytes - TagBytes];
        try
        {
            using var cipher = CipherFor(label);
            cipher.Decrypt(box.AsSpan(0, NonceBytes), box.AsSpan(NonceBytes + TagBytes, plain.Length), box.AsSpan(NonceBytes, TagBytes), plain, Owner(kind, id));
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }

        secret = Encoding.UTF8.GetString(plain);
        CryptographicOperations.ZeroMemory(plain);
        return true;
    }

    private AesGcm CipherFor(string label)
    {
        Span<byte> derived = stackalloc byte[KeyBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, derived, salt: [], info: Encoding.UTF8.GetBytes(label));
        return new AesGcm(derived, TagBytes);
    }

    // A kind's name has no line break, so no two owners share a text.
    private static byte[] Owner(string kind, string id) => Encoding.UTF8.GetBytes($"{kind}\n{id}");
}
