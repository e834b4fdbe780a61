using System.Buffers;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>Takes the chunked coding off bytes that may be cut anywhere. RFC 9112 §7.1.</summary>
/// <remarks>
/// Extensions are passed over if they are formed as the grammar says, to the letter; trailers are dropped if they are header lines. Every line ends in CR LF.
/// A mutable value: hold it in a field. Hot path: no allocation.
/// </remarks>
internal struct ChunkedDecoder
{
    // A line is a size and its extensions, or one trailer. What providers send is under 10; 4 KiB is what .NET's own client takes.
    private const int MostLineBytes = 4096;

    // All trailers together; they are dropped, so that there is no use for more.
    private const int MostTrailerBytes = 16 * 1024;

    private long _left;
    private int _lineBytes;
    private int _trailerBytes;
    private Step _step;

    private enum Step
    {
        SizeFirstDigit,
        Size,
        ExtensionOrSpace,
        ExtensionName,
        ExtensionNameRest,
        ExtensionAfterName,
        ExtensionValue,
        ExtensionToken,
        ExtensionQuoted,
        ExtensionEscaped,
        ExtensionAfterValue,
        SizeFeed,
        Data,
        DataReturn,
        DataFeed,
        TrailerOrEnd,
        TrailerName,
        TrailerValue,
        TrailerFeed,
        EndFeed,
        Ended,
        Broken,
    }

    /// <summary>Whether the last chunk and its trailers have been read.</summary>
    public readonly bool IsEnded => _step == Step.Ended;

    /// <summary>Begins anew.</summary>
    public void Reset() => this = default;

    /// <summary>Decodes until the source, the destination's room or the body ends.</summary>
    /// <param name="source">Coded bytes, from where the last call ended.</param>
    /// <param name="destination">Room for data. May begin where the source does: data is never written beyond what has been read.</param>
    /// <param name="consumed">Bytes of the source that were read.</param>
    /// <param name="written">Bytes of data.</param>
    /// <returns>
    /// <c>Done</c> at the body's end, with the source's rest unread; <c>NeedMoreData</c> with all of it read; <c>DestinationTooSmall</c>; <c>InvalidData</c> with what was good written.
    /// </returns>
    public OperationStatus Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        consumed = 0;
        written = 0;
        while (true)
        {
            if (_step == Step.Ended)
            {
                return OperationStatus.Done;
            }

            if (consumed == source.Length)
            {
                return OperationStatus.NeedMoreData;
            }

            if (_step == Step.Data)
            {
                var count = (int)Math.Min(Math.Min(_left, source.Length - consumed), destination.Length - written);
                if (count == 0)
                {
                    return OperationStatus.DestinationTooSmall;
                }

                source.Slice(consumed, count).CopyTo(destination[written..]);
                consumed += count;
                written += count;
                _left -= count;
                _step = _left == 0 ? Step.DataReturn : Step.Data;
                continue;
            }

            _step = Next(source[consumed++]);
            if (_step == Step.Broken)
            {
                return OperationStatus.InvalidData;
            }
        }
    }

    private Step Next(byte value)
    {
        if (++_lineBytes > MostLineBytes)
        {
            return Step.Broken;
        }

        switch (_step)
        {
            case Step.SizeFirstDigit:
                return TakeDigit(value) ? Step.Size : Step.Broken;
            case Step.Size:
                return TakeDigit(value) ? Step.Size : AfterExtension(value, Step.ExtensionOrSpace);

            // chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ): a space must lead to a semicolon.
            case Step.ExtensionOrSpace:
                return IsSpace(value) ? Step.ExtensionOrSpace : value == ';' ? Step.ExtensionName : Step.Broken;
            case Step.ExtensionName:
                return IsSpace(value) ? Step.ExtensionName : IsToken(value) ? Step.ExtensionNameRest : Step.Broken;
            case Step.ExtensionNameRest:
                return IsToken(value) ? Step.ExtensionNameRest : value == '=' ? Step.ExtensionValue : AfterExtension(value, Step.ExtensionAfterName);
            case Step.ExtensionAfterName:
                return IsSpace(value) ? Step.ExtensionAfterName : value == '=' ? Step.ExtensionValue : value == ';' ? Step.ExtensionName : Step.Broken;
            case Step.ExtensionValue:
                return IsSpace(value) ? Step.ExtensionValue : value == '"' ? Step.ExtensionQuoted : IsToken(value) ? Step.ExtensionToken : Step.Broken;
            case Step.ExtensionToken:
                return IsToken(value) ? Step.ExtensionToken : AfterExtension(value, Step.ExtensionOrSpace);
            case Step.ExtensionQuoted:
                return value == '"' ? Step.ExtensionAfterValue : value == '\\' ? Step.ExtensionEscaped : IsText(value) ? Step.ExtensionQuoted : Step.Broken;
            case Step.ExtensionEscaped:
                return IsText(value) ? Step.ExtensionQuoted : Step.Broken;
            case Step.ExtensionAfterValue:
                return AfterExtension(value, Step.ExtensionOrSpace);

            case Step.SizeFeed:
                _lineBytes = 0;
                return value != '\n' ? Step.Broken : _left > 0 ? Step.Data : Step.TrailerOrEnd;
            case Step.DataReturn:
                return value == '\r' ? Step.DataFeed : Step.Broken;
            case Step.DataFeed:
                _lineBytes = 0;
                return value == '\n' ? Step.SizeFirstDigit : Step.Broken;

            case Step.TrailerOrEnd when value == '\r':
                return Step.EndFeed;
            case Step.TrailerOrEnd:
                return IsToken(value) ? Step.TrailerName : Step.Broken;
            case Step.TrailerName:
                return value == ':' ? Step.TrailerValue : IsToken(value) ? Step.TrailerName : Step.Broken;
            case Step.TrailerValue:
                return value == '\r' ? Step.TrailerFeed : IsText(value) ? Step.TrailerValue : Step.Broken;
            case Step.TrailerFeed:
                _trailerBytes += _lineBytes;
                _lineBytes = 0;
                return value == '\n' && _trailerBytes <= MostTrailerBytes ? Step.TrailerOrEnd : Step.Broken;
            case Step.EndFeed:
                return value == '\n' ? Step.Ended : Step.Broken;
            default:
                return Step.Broken;
        }
    }

    private static Step AfterExtension(byte value, Step onSpace) => value switch
    {
        (byte)'\r' => Step.SizeFeed,
        (byte)';' => Step.ExtensionName,
        _ when IsSpace(value) => onSpace,
        _ => Step.Broken,
    };

    private bool TakeDigit(byte value)
    {
        var digit = value switch
        {
            >= (byte)'0' and <= (byte)'9' => value - '0',
            >= (byte)'a' and <= (byte)'f' => value - 'a' + 10,
            >= (byte)'A' and <= (byte)'F' => value - 'A' + 10,
            _ => -1,
        };

        // 15 digits always fit a long. Leading zeros count: nobody needs them.
        if (digit < 0 || _lineBytes > 15)
        {
            return false;
        }

        _left = (_left << 4) | (uint)digit;
        return true;
    }

    private static bool IsSpace(byte value) => value is (byte)' ' or (byte)'\t';

    private static bool IsToken(byte value) => HeadText.Token.Contains(value);

    private static bool IsText(byte value) => !HeadText.Forbidden.Contains(value);
}
