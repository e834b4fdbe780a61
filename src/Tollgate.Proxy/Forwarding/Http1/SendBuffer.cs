using System.Buffers;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>Bytes on their way out, in an array of the shared pool.</summary>
/// <remarks>Whoever has it rents by writing and must <see cref="Return"/> it, unless a send that was broken off may still read from it.</remarks>
internal sealed class SendBuffer
{
    // One record of TLS. A head and a body of Claude Code's usual turn are 100 to 800 KB: fewer, larger sends cost less than the copy.
    private const int FirstBytes = 16 * 1024;

    private byte[] _bytes = [];

    /// <summary>What is to be sent.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    /// <summary>How many bytes are to be sent.</summary>
    public int Length { get; private set; }

    /// <summary>How many more fit without another array.</summary>
    public int Free => _bytes.Length - Length;

    /// <summary>Room for at least <paramref name="count"/> bytes; what is filled of it is to be told by <see cref="Advance"/>.</summary>
    public Span<byte> Room(int count)
    {
        if (Free < count)
        {
            Grow(count);
        }

        return _bytes.AsSpan(Length);
    }

    /// <summary>Takes the next <paramref name="count"/> bytes of the room as written.</summary>
    public void Advance(int count) => Length += count;

    /// <summary>Appends <paramref name="bytes"/>.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>Forgets what was written, keeping the array.</summary>
    public void Clear() => Length = 0;

    /// <summary>Forgets what was written and gives the array back.</summary>
    public void Return()
    {
        var bytes = _bytes;
        _bytes = [];
        Length = 0;
        if (bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private void Grow(int count)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(FirstBytes, Math.Max(_bytes.Length * 2, Length + count)));
        _bytes.AsSpan(0, Length).CopyTo(larger);
        var length = Length;
        Return();
        _bytes = larger;
        Length = length;
    }
}
