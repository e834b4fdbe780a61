namespace Tollgate.Proxy.Scanning;

/// <summary>One prefix code of DEFLATE, given by the lengths of its code words.</summary>
/// <remarks>
/// Source: RFC 1951, 3.2.2. Words of up to nine bits are found in a table; longer ones are rare and are walked bit by bit. A flushed
/// stream brings a new code with every event, so a table that is quick to build matters as much as one that is quick to read.
/// </remarks>
internal sealed class HuffmanCode
{
    /// <summary>More bits are needed to tell the symbol.</summary>
    public const int NeedsMore = -1;

    /// <summary>The bits are no word of this code.</summary>
    public const int NoSymbol = -2;

    private const int LongestWord = 15;
    private const int FastBits = 9;
    private const int LengthBits = 4;

    // By the next nine bits: symbol and length of its word; 0 where the word is longer, or none.
    private readonly ushort[] _fast = new ushort[1 << FastBits];
    private readonly ushort[] _words = new ushort[LongestWord + 1];
    private readonly ushort[] _symbols = new ushort[288];

    /// <summary>Takes the code whose word for each symbol has the given length, 0 for none.</summary>
    /// <returns>False: no such code exists, or some words would mean nothing.</returns>
    public bool TrySet(ReadOnlySpan<byte> lengths)
    {
        Array.Clear(_fast);
        Array.Clear(_words);
        foreach (var length in lengths)
        {
            _words[length]++;
        }

        var used = lengths.Length - _words[0];
        _words[0] = 0;
        Span<int> next = stackalloc int[LongestWord + 2];
        Span<int> places = stackalloc int[LongestWord + 2];
        next.Clear();
        places.Clear();
        var left = 1;
        for (var length = 1; length <= LongestWord; length++)
        {
            left = (left << 1) - _words[length];
            if (left < 0)
            {
                return false;
            }

            next[length + 1] = (next[length] + _words[length]) << 1;
            places[length + 1] = places[length] + _words[length];
        }

        for (var symbol = 0; symbol < lengths.Length; symbol++)
        {
            int length = lengths[symbol];
            if (length == 0)
            {
                continue;
            }

            _symbols[places[length]++] = (ushort)symbol;
            var word = next[length]++;
            if (length <= FastBits)
            {
                Fill(word, length, symbol);
            }
        }

        // One distance, or none at all, is written as an incomplete code.
        return left == 0 || used <= 1;
    }

    /// <summary>The symbol that the lowest of <paramref name="bits"/> stand for.</summary>
    /// <param name="bits">Read from the lowest up.</param>
    /// <param name="available">How many of them are real.</param>
    /// <param name="length">Length of the word.</param>
    public int Read(ulong bits, int available, out int length)
    {
        var entry = _fast[(int)bits & ((1 << FastBits) - 1)];
        length = entry & ((1 << LengthBits) - 1);
        return entry == 0 ? Walk(bits, available, out length) : length <= available ? entry >> LengthBits : NeedsMore;
    }

    private int Walk(ulong bits, int available, out int length)
    {
        int word = 0, first = 0, place = 0;
        for (length = 1; length <= LongestWord; length++)
        {
            if (length > available)
            {
                return NeedsMore;
            }

            word |= (int)(bits & 1);
            bits >>= 1;
            int count = _words[length];
            if (word - first < count)
            {
                return _symbols[place + word - first];
            }

            place += count;
            first = (first + count) << 1;
            word <<= 1;
        }

        return NoSymbol;
    }

    private void Fill(int word, int length, int symbol)
    {
        var reversed = 0;
        for (var bit = 0; bit < length; bit++)
        {
            reversed |= ((word >> bit) & 1) << (length - 1 - bit);
        }

        for (var at = reversed; at < _fast.Length; at += 1 << length)
        {
            _fast[at] = (ushort)((symbol << LengthBits) | length);
        }
    }
}
