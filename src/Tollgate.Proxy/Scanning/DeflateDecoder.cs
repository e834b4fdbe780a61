using System.Buffers;
using System.Buffers.Binary;

namespace Tollgate.Proxy.Scanning;

/// <summary>What is written around DEFLATE data.</summary>
internal enum DeflateFraming
{
    /// <summary><c>gzip</c>: members one after another, each with its check sum and length.</summary>
    Gzip,

    /// <summary><c>deflate</c>: zlib's two bytes and check sum; bare data, as some servers send it, is taken as well.</summary>
    Zlib,
}

/// <summary>Undoes the content encodings <c>gzip</c> and <c>deflate</c>.</summary>
/// <remarks>Source: RFC 1952 and RFC 1950; RFC 9110, 8.4.1.2, on servers that leave zlib's frame out.</remarks>
internal sealed class DeflateDecoder(DeflateFraming framing) : BodyDecoder
{
    private const int HasHeadCheck = 2;
    private const int HasExtra = 4;
    private const int HasName = 8;
    private const int HasComment = 16;
    private const uint AdlerModulus = 65521;

    private static readonly uint[] CrcTable = MakeCrcTable();

    private readonly Inflater _inflater = new();
    private Step _step = framing == DeflateFraming.Gzip ? Step.Magic : Step.ZlibHead;
    private uint _flags;
    private uint _skip;
    private uint _check;
    private uint _length;
    private bool _isBare;
    private bool _memberRead;

    private enum Step
    {
        Magic,
        Flags,
        FixedRest,
        ExtraLength,
        Extra,
        Name,
        Comment,
        HeadCheck,
        ZlibHead,
        Data,
        Check,
        Length,
        End,
    }

    /// <inheritdoc/>
    public override bool IsAtEnd => _step == Step.End || (_step == Step.Magic && _memberRead && _inflater.BitCount == 0);

    /// <inheritdoc/>
    public override OperationStatus Decode(ReadOnlySpan<byte> source, Span<byte> target, out int consumed, out int written)
    {
        var rest = source;
        written = 0;
        var status = OperationStatus.Done;
        while (status == OperationStatus.Done && _step != Step.End)
        {
            status = _step == Step.Data ? Inflate(ref rest, target[written..], ref written) : Frame(ref rest);
        }

        consumed = source.Length - rest.Length;
        return _step == Step.End && _inflater.BitCount > 0 ? OperationStatus.InvalidData : status;
    }

    /// <inheritdoc/>
    public override void Dispose() => _inflater.Dispose();

    private OperationStatus Inflate(ref ReadOnlySpan<byte> source, Span<byte> target, ref int written)
    {
        var status = _inflater.Inflate(ref source, target, out var added);
        Check(target[..added]);
        written += added;
        if (status == OperationStatus.Done)
        {
            _inflater.Align();
            _step = _isBare ? Step.End : Step.Check;
        }

        return status;
    }

    private OperationStatus Frame(ref ReadOnlySpan<byte> source)
    {
        var bits = _step switch
        {
            Step.Magic or Step.ZlibHead or Step.ExtraLength or Step.HeadCheck => 16,
            Step.FixedRest => 24,
            Step.Check or Step.Length => 32,
            Step.Flags => 16,
            _ => 8,
        };
        if (_step == Step.ZlibHead)
        {
            return ZlibHead(ref source);
        }

        return _inflater.TryTake(bits, ref source, out var value)
            ? TakeFrame(value) ? OperationStatus.Done : OperationStatus.InvalidData
            : OperationStatus.NeedMoreData;
    }

    private bool TakeFrame(uint value)
    {
        switch (_step)
        {
            case Step.Magic:
                _step = Step.Flags;
                return value == 0x8B1F;
            case Step.Flags:
                _flags = value >> 8;
                _skip = 2;
                _step = Step.FixedRest;
                return (value & 0xFF) == 8 && _flags < 32;
            case Step.FixedRest:
                // Six bytes of time and origin, three at a time.
                _step = --_skip > 0 ? Step.FixedRest : After(Step.FixedRest);
                return true;
            case Step.ExtraLength:
                _skip = value;
                _step = value > 0 ? Step.Extra : After(Step.Extra);
                return true;
            case Step.Extra:
                _step = --_skip > 0 ? Step.Extra : After(Step.Extra);
                return true;
            case Step.Name:
            case Step.Comment:
                _step = value != 0 ? _step : After(_step);
                return true;
            case Step.HeadCheck:
                BeginData();
                return true;
            case Step.Check when framing == DeflateFraming.Gzip:
                _step = Step.Length;
                return value == ~_check;
            case Step.Check:
                _step = Step.End;
                return BinaryPrimitives.ReverseEndianness(value) == _check;
            default:
                _step = Step.Magic;
                _memberRead = true;
                return value == _length;
        }
    }

    // The parts of a gzip head that may follow one another, in order.
    private Step After(Step step)
    {
        if (step < Step.ExtraLength && (_flags & HasExtra) != 0)
        {
            return Step.ExtraLength;
        }

        if (step < Step.Name && (_flags & HasName) != 0)
        {
            return Step.Name;
        }

        if (step < Step.Comment && (_flags & HasComment) != 0)
        {
            return Step.Comment;
        }

        if ((_flags & HasHeadCheck) != 0)
        {
            return Step.HeadCheck;
        }

        BeginData();
        return Step.Data;
    }

    private void BeginData()
    {
        _inflater.Restart();
        _step = Step.Data;
        _length = 0;
        _check = framing == DeflateFraming.Gzip ? uint.MaxValue : 1;
    }

    // zlib's head is 8 in the low half of its first byte, and a multiple of 31 as a whole; bare data hardly ever is.
    private OperationStatus ZlibHead(ref ReadOnlySpan<byte> source)
    {
        if (!_inflater.TryPeek(16, ref source, out var head))
        {
            return OperationStatus.NeedMoreData;
        }

        _isBare = (head & 0x0F) != 8 || (((head & 0xFF) << 8) | (head >> 8)) % 31 != 0;
        if (!_isBare)
        {
            _inflater.TryTake(16, ref source, out _);
        }

        BeginData();
        const uint hasDictionary = 0x2000;
        return !_isBare && (head & hasDictionary) != 0 ? OperationStatus.InvalidData : OperationStatus.Done;
    }

    private void Check(ReadOnlySpan<byte> decoded)
    {
        _length += (uint)decoded.Length;
        if (framing == DeflateFraming.Gzip)
        {
            var crc = _check;
            foreach (var value in decoded)
            {
                crc = CrcTable[(byte)(crc ^ value)] ^ (crc >> 8);
            }

            _check = crc;
            return;
        }

        uint low = _check & 0xFFFF, high = _check >> 16;
        foreach (var value in decoded)
        {
            low = (low + value) % AdlerModulus;
            high = (high + low) % AdlerModulus;
        }

        _check = (high << 16) | low;
    }

    private static uint[] MakeCrcTable()
    {
        const uint polynomial = 0xEDB88320;
        var table = new uint[256];
        for (uint value = 0; value < table.Length; value++)
        {
            var crc = value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ polynomial : crc >> 1;
            }

            table[value] = crc;
        }

        return table;
    }
}
