using System.Buffers;
using Microsoft.Extensions.ObjectPool;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Forwarding;

namespace Tollgate.Proxy.Scanning;

/// <summary>Reads the usage out of one answer while it passes.</summary>
/// <remarks>
/// Owner: one request, from <see cref="Rent"/> to <see cref="Return"/>; <see cref="Report"/> is good until then.
/// Errors: none leave it. What can't be read is noted in the report; the bytes are somebody else's and pass whatever happens here.
/// Bound: <see cref="SseScanner.MaxEventBytes"/> or <see cref="WholeAnswerReader.MaxTokenBytes"/> of what was cut, and for a compressed
/// answer its decoder's window (at most 16 MiB) and <see cref="MaxDecodedBytes"/> of work.
/// </remarks>
public sealed class ResponseTap : IResponseTap
{
    /// <summary>The most that is decoded of one compressed answer; past it the answer is unreadable.</summary>
    public const long MaxDecodedBytes = 256L * 1024 * 1024;

    /// <summary>How many times its encoded size an answer may grow past <see cref="FreeDecodedBytes"/>.</summary>
    public const int MaxDecodedRatio = 100;

    /// <summary>What any answer may decode to, whatever its ratio: pings compress very well.</summary>
    public const long FreeDecodedBytes = 1024 * 1024;

    private const int PooledTaps = 1024;
    private const int DecodeBufferBytes = 16 * 1024;

    private static readonly DefaultObjectPool<ResponseTap> Pool = new(new Policy(), PooledTaps);

    private readonly UsageReader _reader = new();
    private readonly SseScanner _scanner;
    private readonly WholeAnswerReader _whole;
    private BodyDecoder? _decoder;
    private long _encodedBytes;
    private long _decodedBytes;
    private bool _decoderEnded;
    private bool _isError;
    private bool _isMessage;
    private Operation _operation;
    private Form _form;

    /// <summary>A tap of one's own, outside the pool.</summary>
    public ResponseTap()
    {
        _scanner = new SseScanner(_reader);
        _whole = new WholeAnswerReader(_reader);
    }

    private enum Form
    {
        Unread,
        Undecided,
        Events,
        Whole,
    }

    /// <summary>What was learned so far.</summary>
    public UsageReport Report => _reader.Report;

    /// <summary>The answer is a stream of events; of an answer without a content type, known with its first byte.</summary>
    public bool IsStream => _form == Form.Events;

    /// <inheritdoc/>
    /// <remarks>False as well for an answer that could not be read: nobody knows then.</remarks>
    public bool LacksEnd => _isMessage && !Report.MessageStopped && !Report.Unreadable;

    /// <inheritdoc/>
    public bool HasEnd => _isMessage && Report.MessageStopped;

    /// <summary>Takes a tap from the pool.</summary>
    /// <param name="operation">What was asked; only <see cref="Operation.Messages"/> reports usage.</param>
    public static ResponseTap Rent(Operation operation)
    {
        var tap = Pool.Get();
        tap._operation = operation;
        return tap;
    }

    /// <summary>Gives a tap back, as new; its report is gone.</summary>
    public static void Return(ResponseTap tap) => Pool.Return(tap);

    /// <inheritdoc/>
    /// <remarks>
    /// An error status leaves only the kind of error to be read. Without a content type the first byte tells events and JSON apart. Encodings
    /// read are gzip, deflate, br and zstd, once.
    /// </remarks>
    public void OnHead(int status, string? contentType, string? contentEncoding)
    {
        _isError = status >= 400;
        _form = _operation == Operation.Messages || _isError ? FormOf(contentType) : Form.Unread;
        if (_operation != Operation.Messages && _form == Form.Events)
        {
            _form = Form.Unread;
        }

        _isMessage = !_isError && _form != Form.Unread;
        if (_form != Form.Unread && !string.IsNullOrWhiteSpace(contentEncoding)
            && !contentEncoding.AsSpan().Trim().Equals("identity", StringComparison.OrdinalIgnoreCase))
        {
            _decoder = BodyDecoder.Create(contentEncoding);
            Report.Unreadable = _decoder is null;
        }
    }

    /// <inheritdoc/>
    public void OnBytes(ReadOnlySpan<byte> bytes, long timestamp)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        var report = Report;
        if (report.LastBytesAt != 0)
        {
            report.LargestGap = Math.Max(report.LargestGap, timestamp - report.LastBytesAt);
        }

        report.LastBytesAt = timestamp;
        if (_form == Form.Unread || report.Unreadable)
        {
            return;
        }

        _reader.Now = timestamp;
        try
        {
            if (_decoder is null)
            {
                Read(bytes);
            }
            else
            {
                Decode(_decoder, bytes);
            }
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // The promise of IResponseTap: a fault in scanning must not break the answer it looks at.
            report.Unreadable = true;
        }
    }

    /// <inheritdoc/>
    public void OnEnd()
    {
        if (_decoder is not null && !_decoderEnded && _encodedBytes > 0)
        {
            Report.Unreadable |= !_decoder.IsAtEnd;
        }

        if (_form == Form.Whole)
        {
            _whole.End(_isError);
        }

        _form = _form == Form.Events ? Form.Events : Form.Unread;
        _decoderEnded = true;
    }

    /// <summary>Makes the tap as new, and gives its buffers back.</summary>
    public void Reset()
    {
        _decoder?.Dispose();
        _decoder = null;
        _encodedBytes = _decodedBytes = 0;
        _decoderEnded = _isError = _isMessage = false;
        _operation = Operation.Other;
        _form = Form.Unread;
        _scanner.Reset();
        _whole.Reset();
        _reader.Reset();
    }

    private static Form FormOf(string? contentType)
    {
        var type = contentType.AsSpan();
        var semicolon = type.IndexOf(';');
        type = (semicolon < 0 ? type : type[..semicolon]).Trim();
        return type.IsEmpty ? Form.Undecided
            : type.Equals("text/event-stream", StringComparison.OrdinalIgnoreCase) ? Form.Events
            : type.Equals("application/json", StringComparison.OrdinalIgnoreCase) || type.EndsWith("+json", StringComparison.OrdinalIgnoreCase) ? Form.Whole
            : Form.Unread;
    }

    private void Read(ReadOnlySpan<byte> bytes)
    {
        if (_form == Form.Undecided)
        {
            bytes = bytes.TrimStart(" \t\r\n"u8);
            if (bytes.IsEmpty)
            {
                return;
            }

            _form = bytes[0] == (byte)'{' ? Form.Whole : _isError ? Form.Unread : Form.Events;
        }

        if (_form == Form.Events)
        {
            _scanner.Scan(bytes);
        }
        else if (_form == Form.Whole)
        {
            _whole.Read(bytes);
        }
    }

    private void Decode(BodyDecoder decoder, ReadOnlySpan<byte> bytes)
    {
        _encodedBytes += bytes.Length;
        if (_decoderEnded)
        {
            // Something follows the end of the encoded data.
            Report.Unreadable = true;
            return;
        }

        var most = Math.Min(MaxDecodedBytes, FreeDecodedBytes + (_encodedBytes * MaxDecodedRatio));
        var buffer = ArrayPool<byte>.Shared.Rent(DecodeBufferBytes);
        try
        {
            while (true)
            {
                var status = decoder.Decode(bytes, buffer, out var consumed, out var written);
                bytes = bytes[consumed..];
                _decodedBytes += written;
                Read(buffer.AsSpan(0, written));
                var isStuck = status == OperationStatus.DestinationTooSmall && consumed == 0 && written == 0;
                if (status == OperationStatus.InvalidData || isStuck || _decodedBytes > most)
                {
                    Report.Unreadable = true;
                    return;
                }

                if (status == OperationStatus.Done)
                {
                    _decoderEnded = true;
                    Report.Unreadable = !bytes.IsEmpty;
                    return;
                }

                if (status == OperationStatus.NeedMoreData)
                {
                    return;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private sealed class Policy : PooledObjectPolicy<ResponseTap>
    {
        public override ResponseTap Create() => new();

        public override bool Return(ResponseTap obj)
        {
            obj.Reset();
            return true;
        }
    }
}
