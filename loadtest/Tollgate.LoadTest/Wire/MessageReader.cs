namespace Tollgate.LoadTest.Wire;

/// <summary>Where a message stands.</summary>
internal enum MessageEnd
{
    /// <summary>More bytes are to come.</summary>
    Open,

    /// <summary>The last byte was read.</summary>
    Whole,

    /// <summary>The bytes were no HTTP/1.1 message, or more came than it has.</summary>
    Broken,
}

/// <summary>Follows one HTTP/1.1 message after the other to its end, through bytes that may be cut anywhere, and counts server-sent events.</summary>
/// <remarks>Hot path: no allocation, unless a head comes in two reads.</remarks>
internal struct MessageReader
{
    // A head larger than this is none of ours: the largest, the request's, has 1.2 kB.
    private const int MaxHeadBytes = 16 * 1024;

    private byte[]? _partOfHead;
    private int _partLength;
    private bool _inBody;
    private long _left;
    private ChunkedBody _chunks;
    private bool _afterNewline;

    /// <summary>The current message's head; only valid once a byte of its body was read, or its end.</summary>
    public MessageHead Head { get; private set; }

    /// <summary>Bytes of the body so far, framing left out.</summary>
    public long BodyBytes { get; private set; }

    /// <summary>Events (ends of <c>\n\n</c>) in the body so far.</summary>
    public int Frames { get; private set; }

    /// <summary>Ready for the next message.</summary>
    public void Restart()
    {
        (_partLength, _inBody, _left, _chunks, _afterNewline) = (0, false, 0, default, false);
        (BodyBytes, Frames) = (0, 0);
    }

    /// <summary>Takes what was read.</summary>
    public MessageEnd Read(ReadOnlySpan<byte> bytes)
    {
        if (!_inBody)
        {
            if (!TryReadHead(ref bytes, out var broken))
            {
                return broken ? MessageEnd.Broken : MessageEnd.Open;
            }

            _inBody = true;
            _left = Head.Length;
        }

        return Head.IsChunked ? ReadChunks(bytes) : ReadCounted(bytes);
    }

    private MessageEnd ReadCounted(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _left)
        {
            return MessageEnd.Broken;
        }

        _left -= bytes.Length;
        BodyBytes += bytes.Length;
        return _left == 0 ? MessageEnd.Whole : MessageEnd.Open;
    }

    private MessageEnd ReadChunks(ReadOnlySpan<byte> bytes)
    {
        while (_chunks.TryRead(ref bytes, out var data))
        {
            BodyBytes += data.Length;
            CountFrames(data);
        }

        return _chunks.IsBroken || !bytes.IsEmpty ? MessageEnd.Broken : _chunks.IsDone ? MessageEnd.Whole : MessageEnd.Open;
    }

    private void CountFrames(ReadOnlySpan<byte> data)
    {
        if (_afterNewline && data[0] == (byte)'\n')
        {
            Frames++;
            data = data[1..];
            _afterNewline = false;
            if (data.IsEmpty)
            {
                return;
            }
        }

        Frames += data.Count("\n\n"u8);
        _afterNewline = data[^1] == (byte)'\n' && !data.EndsWith("\n\n"u8);
    }

    private bool TryReadHead(ref ReadOnlySpan<byte> bytes, out bool broken)
    {
        broken = false;
        if (_partLength == 0 && bytes.IndexOf(MessageHead.End) is >= 0 and var whole)
        {
            Head = MessageHead.Parse(bytes[..(whole + MessageHead.End.Length)]);
            bytes = bytes[(whole + MessageHead.End.Length)..];
            return true;
        }

        _partOfHead ??= new byte[MaxHeadBytes];
        var taken = Math.Min(bytes.Length, MaxHeadBytes - _partLength);
        bytes[..taken].CopyTo(_partOfHead.AsSpan(_partLength));
        var known = _partOfHead.AsSpan(0, _partLength + taken);
        if (known.IndexOf(MessageHead.End) is >= 0 and var end)
        {
            var length = end + MessageHead.End.Length;
            Head = MessageHead.Parse(known[..length]);
            bytes = bytes[(length - _partLength)..];
            return true;
        }

        _partLength += taken;
        broken = _partLength == MaxHeadBytes;
        return false;
    }
}
