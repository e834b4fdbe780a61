using System.Buffers;

namespace Tollgate.Proxy.Scanning;

/// <summary>Finds the events of a <c>text/event-stream</c> whose bytes may be cut anywhere, and shows those that matter to a <see cref="UsageReader"/>.</summary>
/// <remarks>
/// Source: HTML, "Server-sent events", interpreting an event stream; quoted at the branches below.
/// Bound: <see cref="MaxEventBytes"/> of data for one event, however long the stream or its lines are. A longer event is passed
/// over and later ones are read as usual. The limit counts the joined data, so it does not depend on how the stream was cut.
/// Hot path: an event that lies within one piece is read in place. Nothing is allocated once the pools are warm; see
/// ScanningMemoryTests.
/// </remarks>
internal sealed class SseScanner(UsageReader reader)
{
    /// <summary>The largest event that is read, in bytes of joined data: 1 MiB less the room a line's field name needs.</summary>
    public const int MaxEventBytes = (1024 * 1024) - LineRoom;

    // Enough of any line to tell its field; longer than every name in EventNames, so a cut name can't be taken for one of them.
    private const int LineRoom = 64;

    // Small in Debug, so that the tests cross every edge of the growing buffer.
#if DEBUG
    private const int FirstBufferBytes = 16;
#else
    private const int FirstBufferBytes = 4096;
#endif

    // A buffer grown past this for one event goes back to the pool with that event.
    private const int HeldBufferBytes = 64 * 1024;

    private const byte LineFeed = (byte)'\n';
    private const byte CarriageReturn = (byte)'\r';

    // What had to be copied because its end has not come yet: [data of the event so far][line so far].
    private byte[] _kept = [];
    private int _dataLength;
    private int _lineKept;

    // Length of the line so far, kept or not. Zero: no line is open.
    private long _lineLength;

    // The open event. Invariant: _inPlace only while ScanLines runs.
    private EventKind _kind;
    private bool _hasData;
    private bool _inPlace;
    private bool _oversize;

    private bool _skipLineFeed;
    private int _markMatched;
    private bool _markSettled;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>Reads the next piece of the stream; shows each event to the reader as its blank line comes.</summary>
    /// <remarks>The last event of a stream is never shown without its blank line. Spec: "any pending data must be discarded".</remarks>
    public void Scan(ReadOnlySpan<byte> bytes)
    {
        if (!_markSettled)
        {
            bytes = SkipByteOrderMark(bytes);
        }

        ScanLines(bytes);
    }

    /// <summary>Makes the scanner as new and gives its buffer back.</summary>
    public void Reset()
    {
        ReturnBuffer();
        _dataLength = _lineKept = _markMatched = 0;
        _lineLength = 0;
        _kind = EventKind.Unnamed;
        _hasData = _inPlace = _oversize = _skipLineFeed = _markSettled = false;
    }

    private static bool IsData(ReadOnlySpan<byte> line, out int valueStart) => IsField(line, "data"u8, out valueStart);

    // Spec: "If the line contains a U+003A COLON character (:) ... If value starts with a U+0020 SPACE character, remove it from
    // value", and "Otherwise, the string is not empty but does not contain a U+003A COLON character (:)": the value is empty.
    private static bool IsField(ReadOnlySpan<byte> line, ReadOnlySpan<byte> field, out int valueStart)
    {
        valueStart = field.Length;
        if (!line.StartsWith(field))
        {
            return false;
        }

        if (line.Length == valueStart)
        {
            return true;
        }

        if (line[valueStart] != (byte)':')
        {
            return false;
        }

        valueStart++;
        if (line.Length > valueStart && line[valueStart] == (byte)' ')
        {
            valueStart++;
        }

        return true;
    }

    private void ScanLines(ReadOnlySpan<byte> bytes)
    {
        if (_skipLineFeed && !bytes.IsEmpty)
        {
            _skipLineFeed = false;
            bytes = bytes[0] == LineFeed ? bytes[1..] : bytes;
        }

        ReadOnlySpan<byte> data = default;
        while (true)
        {
            var end = bytes.IndexOfAny(CarriageReturn, LineFeed);
            if (end < 0)
            {
                break;
            }

            var line = bytes[..end];
            bytes = PastLineEnd(bytes, end);
            if (_lineLength != 0)
            {
                KeepLine(line);
                TakeKeptLine();
            }
            else if (line.IsEmpty)
            {
                Dispatch(data);
            }
            else if (!IsData(line, out var valueStart))
            {
                TakeOther(line);
            }
            else if (!_hasData)
            {
                data = line[valueStart..];
                _hasData = _inPlace = true;
                _oversize = data.Length > MaxEventBytes;
            }
            else
            {
                KeepInPlace(data);
                AddData(line[valueStart..]);
            }
        }

        KeepInPlace(data);
        if (!bytes.IsEmpty)
        {
            KeepLine(bytes);
        }
    }

    private ReadOnlySpan<byte> PastLineEnd(ReadOnlySpan<byte> bytes, int end)
    {
        if (bytes[end] == CarriageReturn)
        {
            if (end + 1 == bytes.Length)
            {
                // The line feed of this pair, if it is one, comes with the next piece.
                _skipLineFeed = true;
            }
            else if (bytes[end + 1] == LineFeed)
            {
                end++;
            }
        }

        return bytes[(end + 1)..];
    }

    // Spec: "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and return."
    private void Dispatch(ReadOnlySpan<byte> inPlace)
    {
        if (_hasData && _kind != EventKind.Other)
        {
            if (_oversize)
            {
                reader.PassOver(_kind);
            }
            else
            {
                reader.ReadEvent(_kind, _inPlace ? inPlace : _kept.AsSpan(0, _dataLength));
            }
        }

        _kind = EventKind.Unnamed;
        _hasData = _inPlace = _oversize = false;
        _dataLength = 0;
        if (_kept.Length > HeldBufferBytes)
        {
            ReturnBuffer();
        }
    }

    // Spec: comments, id, retry and unknown fields: "The field is ignored."
    private void TakeOther(ReadOnlySpan<byte> line)
    {
        if (IsField(line, "event"u8, out var valueStart))
        {
            _kind = EventNames.Find(line[valueStart..]);
        }
    }

    private void KeepInPlace(ReadOnlySpan<byte> data)
    {
        if (!_inPlace)
        {
            return;
        }

        _inPlace = _hasData = false;
        AddData(data);
    }

    // Spec: "Append the field value to the data buffer, then append a single U+000A LINE FEED (LF) character to the data buffer";
    // the last one is taken off again on dispatch, so only joints get one.
    private void AddData(ReadOnlySpan<byte> value)
    {
        var start = _hasData ? _dataLength + 1 : 0;
        _hasData = true;
        if (_oversize || (long)start + value.Length > MaxEventBytes)
        {
            _oversize = true;
            _dataLength = 0;
            return;
        }

        EnsureBuffer(start + value.Length);
        if (start > 0)
        {
            _kept[start - 1] = LineFeed;
        }

        value.CopyTo(_kept.AsSpan(start));
        _dataLength = start + value.Length;
    }

    // Keeps as much of the open line as an event may have; of a line that can't matter any more only enough to tell its field.
    private void KeepLine(ReadOnlySpan<byte> part)
    {
        _lineLength += part.Length;
        var room = (_oversize ? LineRoom : MaxEventBytes + LineRoom - _dataLength) - _lineKept;
        var taken = Math.Min(room, part.Length);
        EnsureBuffer(_dataLength + _lineKept + taken);
        part[..taken].CopyTo(_kept.AsSpan(_dataLength + _lineKept));
        _lineKept += taken;
    }

    private void TakeKeptLine()
    {
        var line = _kept.AsSpan(_dataLength, _lineKept);
        var cut = _lineLength > _lineKept;
        _lineLength = 0;
        _lineKept = 0;
        if (!IsData(line, out var valueStart))
        {
            TakeOther(line);
        }
        else if (cut)
        {
            // A line is cut only where data and line together are past the limit.
            _hasData = _oversize = true;
            _dataLength = 0;
        }
        else
        {
            // The value moves down over its own field name, onto the end of the data before it.
            AddData(line[valueStart..]);
        }
    }

    private ReadOnlySpan<byte> SkipByteOrderMark(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (bytes[0] != ByteOrderMark[_markMatched])
            {
                _markSettled = true;
                ScanLines(ByteOrderMark[.._markMatched]);
                return bytes;
            }

            bytes = bytes[1..];
            if (++_markMatched == ByteOrderMark.Length)
            {
                _markSettled = true;
                return bytes;
            }
        }

        return bytes;
    }

    private void EnsureBuffer(int length)
    {
        if (length <= _kept.Length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(length, Math.Max(FirstBufferBytes, Math.Min(_kept.Length * 2, MaxEventBytes + LineRoom))));
        _kept.AsSpan().CopyTo(larger);
        ReturnBuffer();
        _kept = larger;
    }

    private void ReturnBuffer()
    {
        if (_kept.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_kept);
            _kept = [];
        }
    }
}
