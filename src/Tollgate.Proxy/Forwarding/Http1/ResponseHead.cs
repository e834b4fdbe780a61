using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>How an answer's end is found.</summary>
internal enum BodyFraming
{
    /// <summary>There is no body.</summary>
    None,

    /// <summary>After as many bytes as <c>Content-Length</c> says.</summary>
    Length,

    /// <summary>The chunked coding says so.</summary>
    Chunked,

    /// <summary>The connection's end is the body's.</summary>
    UntilClose,
}

/// <summary>The head of an answer, read line by line from bytes that may be cut anywhere.</summary>
/// <remarks>
/// One per connection, used again for each answer: what the last answer on the connection had in the same place with the same bytes is the same string in the next.
/// Stricter than RFC 9112 asks where two readers could come to different ends of the message: it is an error to have <c>Content-Length</c> twice (even the same) or
/// beside <c>Transfer-Encoding</c>, any coding but exactly chunked, a folded line, a space before the colon, a bare CR or LF, or a control character.
/// Shape: names in the case they came in, values as Latin-1 without the space around them, in the order of first appearance; all values of one name together.
/// Not safe for several threads. Valid until the next <see cref="Reset"/>.
/// </remarks>
internal sealed class ResponseHead
{
    /// <summary>Most bytes of a head, of its first byte to the empty line. As much as .NET's own client was allowed before.</summary>
    public const int MostBytes = 64 * 1024;

    /// <summary>Most header lines.</summary>
    public const int MostHeaders = 200;

    // Of this head up to _count; beyond and below lies what the head before left, to be compared with. A value of its own is in _lines, by line.
    private string[] _names = new string[32];
    private StringValues[] _values = new StringValues[32];
    private (string Name, string Value)[] _lines = new (string, string)[32];
    private int _count;
    private int _lineCount;

    private string _lastReason = string.Empty;
    private bool _isForHead;
    private bool _hasStatus;
    private int _bytes;
    private int _scanned;
    private long _length;
    private int _transferEncodings;
    private bool _saysClose;

    /// <summary>HTTP status; 100 to 999.</summary>
    public int Status { get; private set; }

    /// <summary>The reason phrase; empty when there is none.</summary>
    public string ReasonPhrase { get; private set; } = string.Empty;

    /// <summary>How the body's end is found. Known once the head is whole.</summary>
    public BodyFraming Framing { get; private set; }

    /// <summary>Bytes of the body, where <see cref="Framing"/> is <see cref="BodyFraming.Length"/>.</summary>
    public long ContentLength => _length;

    /// <summary>Whether another request may follow on the connection once the body has been read.</summary>
    public bool KeepsConnection { get; private set; }

    /// <summary>What is wrong with it, as a sentence's end; empty while nothing is. Never the upstream's own text.</summary>
    public string Fault { get; private set; } = string.Empty;

    /// <summary>How many headers there are, those of one name counted once.</summary>
    public int Count => _count;

    /// <summary>Begins anew.</summary>
    /// <param name="isForHead">Whether the request was a <c>HEAD</c>, whose answer never has a body.</param>
    public void Reset(bool isForHead)
    {
        _isForHead = isForHead;
        _count = 0;
        _lineCount = 0;
        _hasStatus = false;
        _bytes = 0;
        _scanned = 0;
        _length = -1;
        _transferEncodings = 0;
        _saysClose = false;
        Status = 0;
        Framing = BodyFraming.None;
        KeepsConnection = false;
        Fault = string.Empty;
    }

    /// <summary>Reads what is there of the head.</summary>
    /// <param name="bytes">Everything unread, starting where the last call's <paramref name="consumed"/> ended.</param>
    /// <param name="consumed">How many bytes belong to whole lines of the head, and need not be given again.</param>
    /// <returns><c>Done</c>, <c>NeedMoreData</c>, or <c>InvalidData</c> with <see cref="Fault"/>.</returns>
    public OperationStatus Read(ReadOnlySpan<byte> bytes, out int consumed)
    {
        consumed = 0;
        while (true)
        {
            var rest = bytes[consumed..];
            var feed = rest[_scanned..].IndexOf((byte)'\n');
            if (feed < 0)
            {
                // Where the search goes on: else a head that drips in would be searched from its start each time.
                _scanned = rest.Length;
                return _bytes + rest.Length > MostBytes ? Fail("its head is over 64 KiB") : OperationStatus.NeedMoreData;
            }

            feed += _scanned;
            _scanned = 0;
            _bytes += feed + 1;
            consumed += feed + 1;
            if (_bytes > MostBytes)
            {
                return Fail("its head is over 64 KiB");
            }

            if (feed == 0 || rest[feed - 1] != '\r')
            {
                return Fail("a line of its head ends in a bare LF");
            }

            var line = rest[..(feed - 1)];
            if (!_hasStatus)
            {
                if (!TryReadStatusLine(line))
                {
                    return OperationStatus.InvalidData;
                }
            }
            else if (line.IsEmpty)
            {
                return TryDecideFraming() ? OperationStatus.Done : OperationStatus.InvalidData;
            }
            else if (!TryReadField(line))
            {
                return OperationStatus.InvalidData;
            }
        }
    }

    /// <summary>The values of a header; none when it is absent.</summary>
    public StringValues Find(string name)
    {
        var at = IndexOf(name);
        return at < 0 ? StringValues.Empty : _values[at];
    }

    /// <summary>Gives every header, with all its values, to <paramref name="sink"/>.</summary>
    public void CopyTo<TSink>(ref TSink sink)
        where TSink : struct, IHeaderSink, allows ref struct
    {
        for (var at = 0; at < _count; at++)
        {
            sink.Add(_names[at], _values[at]);
        }
    }

    private OperationStatus Fail(string fault)
    {
        Fault = fault;
        return OperationStatus.InvalidData;
    }

    private bool Refuse(string fault)
    {
        Fault = fault;
        return false;
    }

    /// <summary>RFC 9112 §4: <c>HTTP-version SP status-code SP [ reason-phrase ]</c>; the last space may lack, as many servers leave it out.</summary>
    private bool TryReadStatusLine(ReadOnlySpan<byte> line)
    {
        if (line.Length < 12 || !line.StartsWith("HTTP/1."u8) || line[7] is not ((byte)'0' or (byte)'1') || line[8] != ' '
            || !IsDigit(line[9]) || line[9] == '0' || !IsDigit(line[10]) || !IsDigit(line[11]) || (line.Length > 12 && line[12] != ' '))
        {
            return Refuse("its status line is malformed");
        }

        var reason = line.Length > 13 ? line[13..] : default;
        if (reason.ContainsAny(HeadText.Forbidden))
        {
            return Refuse("its status line has a control character");
        }

        _hasStatus = true;
        KeepsConnection = line[7] == '1';
        Status = ((line[9] - '0') * 100) + ((line[10] - '0') * 10) + (line[11] - '0');
        ReasonPhrase = _lastReason = HeadText.Equals(reason, _lastReason) ? _lastReason : HeadText.Of(reason);
        return true;

        static bool IsDigit(byte value) => value is >= (byte)'0' and <= (byte)'9';
    }

    /// <summary>RFC 9112 §5: <c>field-name ":" OWS field-value OWS</c>.</summary>
    private bool TryReadField(ReadOnlySpan<byte> line)
    {
        if (_lineCount == MostHeaders)
        {
            return Refuse("its head has more than 200 header lines");
        }

        var colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].ContainsAnyExcept(HeadText.Token))
        {
            // A folded line begins with a space, and so does no token; a space before the colon is none either.
            return Refuse("its head has a line that is no header");
        }

        var value = HeadText.Trim(line[(colon + 1)..]);
        if (value.ContainsAny(HeadText.Forbidden))
        {
            return Refuse("a header has a control character");
        }

        Keep(line[..colon], value);
        return IsFramingSound(line[..colon], value);
    }

    private void Keep(ReadOnlySpan<byte> nameBytes, ReadOnlySpan<byte> valueBytes)
    {
        if (_lineCount == _lines.Length)
        {
            Array.Resize(ref _lines, _lines.Length * 2);
            Array.Resize(ref _names, _lines.Length);
            Array.Resize(ref _values, _lines.Length);
        }

        ref var line = ref _lines[_lineCount++];
        if (line.Name is null || !HeadText.Equals(nameBytes, line.Name))
        {
            line.Name = HeadText.Of(nameBytes);
        }

        if (line.Value is null || !HeadText.Equals(valueBytes, line.Value))
        {
            line.Value = HeadText.Of(valueBytes);
        }

        var at = IndexOf(line.Name);
        if (at >= 0)
        {
            _values[at] = StringValues.Concat(_values[at], line.Value);
            return;
        }

        _names[_count] = line.Name;
        _values[_count++] = line.Value;
    }

    private int IndexOf(string name)
    {
        for (var at = 0; at < _count; at++)
        {
            if (_names[at].Length == name.Length && _names[at].Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return at;
            }
        }

        return -1;
    }

    /// <summary>Takes note of what says where the body ends and whether the connection stays.</summary>
    private bool IsFramingSound(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        switch (name.Length)
        {
            case 10 when HeadText.EqualsIgnoreCase(name, "connection"u8):
                foreach (var range in value.Split((byte)','))
                {
                    _saysClose |= HeadText.EqualsIgnoreCase(HeadText.Trim(value[range]), "close"u8);
                }

                return true;
            case 14 when HeadText.EqualsIgnoreCase(name, "content-length"u8):
                return _length < 0 ? TryReadLength(value) : Refuse("its Content-Length is there twice");
            case 17 when HeadText.EqualsIgnoreCase(name, "transfer-encoding"u8):
                return ++_transferEncodings == 1 && HeadText.EqualsIgnoreCase(value, "chunked"u8) || Refuse("its Transfer-Encoding is not exactly chunked");
            default:
                return true;
        }
    }

    private bool TryReadLength(ReadOnlySpan<byte> value)
    {
        // 18 digits always fit a long.
        if (value.Length is 0 or > 18 || value.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return Refuse("its Content-Length is not a number");
        }

        _length = 0;
        foreach (var digit in value)
        {
            _length = (_length * 10) + (digit - '0');
        }

        return true;
    }

    /// <summary>RFC 9112 §6.3, in its order.</summary>
    private bool TryDecideFraming()
    {
        if (_transferEncodings > 0 && (_length >= 0 || !KeepsConnection))
        {
            return Refuse(_length >= 0 ? "it has both Content-Length and Transfer-Encoding" : "it has a Transfer-Encoding in HTTP/1.0");
        }

        KeepsConnection &= !_saysClose;
        Framing = _isForHead || Status is < 200 or StatusCodes.Status204NoContent or StatusCodes.Status304NotModified ? BodyFraming.None
            : _transferEncodings > 0 ? BodyFraming.Chunked
            : _length > 0 ? BodyFraming.Length
            : _length == 0 ? BodyFraming.None
            : BodyFraming.UntilClose;
        KeepsConnection &= Framing != BodyFraming.UntilClose;
        return true;
    }
}
