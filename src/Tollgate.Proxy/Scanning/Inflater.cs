using System.Buffers;

namespace Tollgate.Proxy.Scanning;

/// <summary>Undoes DEFLATE, fed with its bytes as they come and cut anywhere.</summary>
/// <remarks>
/// Source: RFC 1951.
/// Why our own: the runtime's decoder pulls from a stream and takes a dry stream for the end of the data; pushing is not offered.
/// Errors: none thrown; damage ends in <c>InvalidData</c>.
/// </remarks>
internal sealed class Inflater : IDisposable
{
    private const int WindowBytes = 32 * 1024;
    private const int EndOfBlock = 256;

    private static readonly ushort[] LengthBase =
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];

    private static readonly byte[] LengthExtra =
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

    private static readonly ushort[] DistanceBase =
        [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];

    // The order in which the lengths of the code for lengths are written.
    private static readonly byte[] LengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    private readonly HuffmanCode _literals = new();
    private readonly HuffmanCode _distances = new();
    private readonly byte[] _lengths = new byte[320];
    private byte[] _window = ArrayPool<byte>.Shared.Rent(WindowBytes);
    private int _windowAt;
    private int _windowFilled;

    private ulong _bits;
    private int _bitCount;
    private Phase _phase;
    private bool _isLast;
    private int _literalCodes;
    private int _distanceCodes;
    private int _lengthCodes;
    private int _index;
    private int _left;
    private int _distance;

    private enum Phase
    {
        BlockHead,
        StoredHead,
        Stored,
        CodeHead,
        CodeLengths,
        Lengths,
        Symbols,
        Match,
        End,
    }

    /// <summary>Bits taken from the source and not used yet.</summary>
    public int BitCount => _bitCount;

    /// <summary>Begins a new stream; bits not used yet are its first.</summary>
    public void Restart()
    {
        _phase = Phase.BlockHead;
        _windowAt = _windowFilled = 0;
    }

    /// <summary>Takes up to 32 bits, the lowest first; false and nothing taken when there are not as many yet.</summary>
    public bool TryTake(int count, ref ReadOnlySpan<byte> source, out uint value)
    {
        if (!TryPeek(count, ref source, out value))
        {
            return false;
        }

        Drop(count);
        return true;
    }

    /// <summary>Looks at up to 32 bits without taking them; false when there are not as many yet.</summary>
    public bool TryPeek(int count, ref ReadOnlySpan<byte> source, out uint value)
    {
        Refill(ref source);
        value = (uint)(_bits & ((1UL << count) - 1));
        return _bitCount >= count;
    }

    /// <summary>Drops the bits up to the next whole byte.</summary>
    public void Align() => Drop(_bitCount & 7);

    /// <summary>Decodes what it can; <c>Done</c> at the end of the last block.</summary>
    public OperationStatus Inflate(ref ReadOnlySpan<byte> source, Span<byte> target, out int written)
    {
        written = 0;
        while (true)
        {
            var status = _phase switch
            {
                Phase.BlockHead => BeginBlock(ref source),
                Phase.StoredHead => BeginStored(ref source),
                Phase.Stored => CopyStored(ref source, target, ref written),
                Phase.CodeHead => BeginCodes(ref source),
                Phase.CodeLengths => ReadCodeLengths(ref source),
                Phase.Lengths => ReadLengths(ref source),
                Phase.Symbols => ReadSymbols(ref source, target, ref written),
                Phase.Match => CopyMatch(target, ref written),
                _ => OperationStatus.Done,
            };
            if (status != OperationStatus.Done || _phase == Phase.End)
            {
                return status;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_window.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_window);
            _window = [];
        }
    }

    private OperationStatus BeginBlock(ref ReadOnlySpan<byte> source)
    {
        if (!TryTake(3, ref source, out var head))
        {
            return OperationStatus.NeedMoreData;
        }

        _isLast = (head & 1) != 0;
        switch (head >> 1)
        {
            case 0:
                Align();
                _phase = Phase.StoredHead;
                return OperationStatus.Done;
            case 1:
                SetFixedCodes();
                _phase = Phase.Symbols;
                return OperationStatus.Done;
            case 2:
                _phase = Phase.CodeHead;
                return OperationStatus.Done;
            default:
                return OperationStatus.InvalidData;
        }
    }

    private OperationStatus BeginStored(ref ReadOnlySpan<byte> source)
    {
        if (!TryTake(32, ref source, out var head))
        {
            return OperationStatus.NeedMoreData;
        }

        _left = (int)(head & 0xFFFF);
        _phase = Phase.Stored;
        return (head >> 16) == (~head & 0xFFFF) ? OperationStatus.Done : OperationStatus.InvalidData;
    }

    private OperationStatus CopyStored(ref ReadOnlySpan<byte> source, Span<byte> target, ref int written)
    {
        while (_left > 0)
        {
            if (written == target.Length)
            {
                return OperationStatus.DestinationTooSmall;
            }

            if (!TryTake(8, ref source, out var value))
            {
                return OperationStatus.NeedMoreData;
            }

            Emit((byte)value, target, ref written);
            _left--;
        }

        EndBlock();
        return OperationStatus.Done;
    }

    private OperationStatus BeginCodes(ref ReadOnlySpan<byte> source)
    {
        if (!TryTake(14, ref source, out var head))
        {
            return OperationStatus.NeedMoreData;
        }

        _literalCodes = (int)(head & 31) + 257;
        _distanceCodes = (int)((head >> 5) & 31) + 1;
        _lengthCodes = (int)(head >> 10) + 4;
        _index = 0;
        Array.Clear(_lengths);
        _phase = Phase.CodeLengths;
        return _literalCodes <= 286 && _distanceCodes <= DistanceBase.Length ? OperationStatus.Done : OperationStatus.InvalidData;
    }

    private OperationStatus ReadCodeLengths(ref ReadOnlySpan<byte> source)
    {
        while (_index < _lengthCodes)
        {
            if (!TryTake(3, ref source, out var length))
            {
                return OperationStatus.NeedMoreData;
            }

            _lengths[LengthOrder[_index++]] = (byte)length;
        }

        _index = 0;
        _phase = Phase.Lengths;

        // The code for lengths lives where the literals' will, which is not needed before this one is used up.
        return _literals.TrySet(_lengths.AsSpan(0, LengthOrder.Length)) ? OperationStatus.Done : OperationStatus.InvalidData;
    }

    private OperationStatus ReadLengths(ref ReadOnlySpan<byte> source)
    {
        var codes = _literalCodes + _distanceCodes;
        while (_index < codes)
        {
            Refill(ref source);
            var symbol = _literals.Read(_bits, _bitCount, out var used);
            if (symbol < 0)
            {
                return symbol == HuffmanCode.NeedsMore ? OperationStatus.NeedMoreData : OperationStatus.InvalidData;
            }

            // 16: the length before, 3 to 6 times; 17: 3 to 10 zeros; 18: 11 to 138 zeros.
            var (extra, fewest) = symbol switch { 16 => (2, 3), 17 => (3, 3), 18 => (7, 11), _ => (0, 1) };
            if (_bitCount < used + extra)
            {
                return OperationStatus.NeedMoreData;
            }

            var times = fewest + (int)((_bits >> used) & ((1UL << extra) - 1));
            if (_index + times > codes || (symbol == 16 && _index == 0))
            {
                return OperationStatus.InvalidData;
            }

            var length = symbol < 16 ? (byte)symbol : symbol == 16 ? _lengths[_index - 1] : (byte)0;
            _lengths.AsSpan(_index, times).Fill(length);
            _index += times;
            Drop(used + extra);
        }

        _phase = Phase.Symbols;
        return _lengths[EndOfBlock] != 0
            && _literals.TrySet(_lengths.AsSpan(0, _literalCodes))
            && _distances.TrySet(_lengths.AsSpan(_literalCodes, _distanceCodes))
            ? OperationStatus.Done
            : OperationStatus.InvalidData;
    }

    private OperationStatus ReadSymbols(ref ReadOnlySpan<byte> source, Span<byte> target, ref int written)
    {
        while (true)
        {
            // 57 bits at least unless the source is dry; a match has at most 48, and is taken whole or not at all.
            Refill(ref source);
            var symbol = _literals.Read(_bits, _bitCount, out var used);
            if (symbol < 0)
            {
                return symbol == HuffmanCode.NeedsMore ? OperationStatus.NeedMoreData : OperationStatus.InvalidData;
            }

            if (symbol < EndOfBlock)
            {
                if (written == target.Length)
                {
                    return OperationStatus.DestinationTooSmall;
                }

                Emit((byte)symbol, target, ref written);
                Drop(used);
                continue;
            }

            if (symbol == EndOfBlock)
            {
                Drop(used);
                EndBlock();
                return OperationStatus.Done;
            }

            return BeginMatch(symbol - EndOfBlock - 1, used);
        }
    }

    private OperationStatus BeginMatch(int lengthCode, int used)
    {
        if (lengthCode >= LengthBase.Length)
        {
            return OperationStatus.InvalidData;
        }

        var lengthAt = used;
        used += LengthExtra[lengthCode];
        if (_bitCount < used)
        {
            return OperationStatus.NeedMoreData;
        }

        var distanceCode = _distances.Read(_bits >> used, _bitCount - used, out var distanceBits);
        if (distanceCode < 0)
        {
            return distanceCode == HuffmanCode.NeedsMore ? OperationStatus.NeedMoreData : OperationStatus.InvalidData;
        }

        if (distanceCode >= DistanceBase.Length)
        {
            return OperationStatus.InvalidData;
        }

        var extra = Math.Max(0, (distanceCode >> 1) - 1);
        used += distanceBits + extra;
        if (_bitCount < used)
        {
            return OperationStatus.NeedMoreData;
        }

        _left = LengthBase[lengthCode] + (int)((_bits >> lengthAt) & ((1UL << LengthExtra[lengthCode]) - 1));
        _distance = DistanceBase[distanceCode] + (int)((_bits >> (used - extra)) & ((1UL << extra) - 1));
        Drop(used);
        _phase = Phase.Match;
        return _distance <= _windowFilled ? OperationStatus.Done : OperationStatus.InvalidData;
    }

    private OperationStatus CopyMatch(Span<byte> target, ref int written)
    {
        while (_left > 0)
        {
            if (written == target.Length)
            {
                return OperationStatus.DestinationTooSmall;
            }

            Emit(_window[(_windowAt - _distance) & (WindowBytes - 1)], target, ref written);
            _left--;
        }

        _phase = Phase.Symbols;
        return OperationStatus.Done;
    }

    private void SetFixedCodes()
    {
        Span<byte> lengths = stackalloc byte[288];
        lengths[..144].Fill(8);
        lengths[144..256].Fill(9);
        lengths[256..280].Fill(7);
        lengths[280..].Fill(8);
        _literals.TrySet(lengths);
        lengths[..32].Fill(5);
        _distances.TrySet(lengths[..32]);
    }

    private void EndBlock() => _phase = _isLast ? Phase.End : Phase.BlockHead;

    private void Emit(byte value, Span<byte> target, ref int written)
    {
        target[written++] = value;
        _window[_windowAt] = value;
        _windowAt = (_windowAt + 1) & (WindowBytes - 1);
        _windowFilled = Math.Min(WindowBytes, _windowFilled + 1);
    }

    private void Refill(ref ReadOnlySpan<byte> source)
    {
        var at = 0;
        while (_bitCount <= 56 && at < source.Length)
        {
            _bits |= (ulong)source[at++] << _bitCount;
            _bitCount += 8;
        }

        source = source[at..];
    }

    private void Drop(int count)
    {
        _bits >>= count;
        _bitCount -= count;
    }
}
