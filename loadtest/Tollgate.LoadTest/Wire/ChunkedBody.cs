namespace Tollgate.LoadTest.Wire;

/// <summary>Takes the data out of a chunked body that may be cut anywhere.</summary>
/// <remarks>Shape: a state and a count, no bytes; it can live inside a connection. Extensions and trailers are passed over.</remarks>
internal struct ChunkedBody
{
    private enum Part : byte
    {
        Size,
        Extension,
        Data,
        DataEnd,
        Trailer,
        TrailerLine,
        Done,
        Broken,
    }

    private Part _part;
    private long _left;
    private bool _anyDigit;

    /// <summary>Whether the last chunk and its trailers were read.</summary>
    public readonly bool IsDone => _part == Part.Done;

    /// <summary>Whether the bytes were no chunked body.</summary>
    public readonly bool IsBroken => _part == Part.Broken;

    /// <summary>The next run of data.</summary>
    /// <param name="bytes">What came; moved past what was used. What is left after the end belongs to nobody here.</param>
    /// <param name="data">A slice of it.</param>
    /// <returns>False when there is none in these bytes: more are needed, or it is done or broken.</returns>
    public bool TryRead(ref ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> data)
    {
        data = default;
        while (!bytes.IsEmpty && _part is not (Part.Done or Part.Broken))
        {
            if (_part == Part.Data)
            {
                var length = (int)Math.Min(_left, bytes.Length);
                data = bytes[..length];
                bytes = bytes[length..];
                _left -= length;
                if (_left == 0)
                {
                    _part = Part.DataEnd;
                }

                return true;
            }

            var next = bytes[0];
            bytes = bytes[1..];
            Step(next);
        }

        return false;
    }

    /// <summary>One byte of the framing between two chunks.</summary>
    private void Step(byte next)
    {
        switch (_part)
        {
            case Part.Size when next == (byte)'\n':
                (_part, _anyDigit) = (_anyDigit ? _left == 0 ? Part.Trailer : Part.Data : Part.Broken, false);
                break;
            case Part.Size when Digit(next) is >= 0 and var digit && _left < long.MaxValue >> 4:
                (_left, _anyDigit) = ((_left << 4) | (uint)digit, true);
                break;
            case Part.Size:
                _part = next is (byte)'\r' or (byte)';' or (byte)' ' ? Part.Extension : Part.Broken;
                break;
            case Part.Extension when next == (byte)'\n':
                _part = Part.Size;
                Step(next);
                break;
            case Part.DataEnd when next == (byte)'\n':
                _part = Part.Size;
                break;
            case Part.DataEnd when next != (byte)'\r':
                _part = Part.Broken;
                break;
            case Part.Trailer when next == (byte)'\n':
                _part = Part.Done;
                break;
            case Part.Trailer when next != (byte)'\r':
                _part = Part.TrailerLine;
                break;
            case Part.TrailerLine when next == (byte)'\n':
                _part = Part.Trailer;
                break;
        }
    }

    private static int Digit(byte character) => character switch
    {
        >= (byte)'0' and <= (byte)'9' => character - '0',
        >= (byte)'a' and <= (byte)'f' => character - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => character - 'A' + 10,
        _ => -1,
    };
}
