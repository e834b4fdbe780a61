using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;

namespace Tollgate.Proxy.Facts;

/// <summary>A short identifier kept as UTF-8 inside its owner, so that reading one off the wire allocates nothing.</summary>
/// <remarks>Shape: at most <see cref="MaxBytes"/> bytes; a longer text is cut at the last whole character that fits.</remarks>
public struct Utf8Text
{
    /// <summary>The longest text kept. Anthropic's message and request ids have 28 bytes.</summary>
    public const int MaxBytes = 127;

    private Bytes _bytes;
    private byte _length;

    /// <summary>Whether there is no text.</summary>
    public readonly bool IsEmpty => _length == 0;

    /// <summary>The bytes; valid as long as the owner is.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Span => ((ReadOnlySpan<byte>)_bytes)[.._length];

    /// <summary>Replaces the text.</summary>
    public void Set(ReadOnlySpan<byte> utf8)
    {
        var length = Math.Min(utf8.Length, MaxBytes);
        while (length < utf8.Length && length > 0 && (utf8[length] & 0xC0) == 0x80)
        {
            length--;
        }

        utf8[..length].CopyTo(_bytes);
        _length = (byte)length;
    }

    /// <summary>Forgets the text.</summary>
    public void Clear() => _length = 0;

    /// <inheritdoc/>
    public override readonly string ToString() => Encoding.UTF8.GetString(Span);

    [InlineArray(MaxBytes)]
    private struct Bytes
    {
        private byte _first;
    }
}
