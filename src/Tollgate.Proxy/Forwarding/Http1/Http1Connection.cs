using System.Buffers;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using Microsoft.AspNetCore.Http;
using Tollgate.Proxy.EventLoops;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>One connection to an upstream: sends bytes, reads heads, and reads bodies by their framing.</summary>
/// <remarks>
/// One request at a time. One call may send while another reads; there are never two of either. A head is read into a buffer of the pool together with what comes
/// along; the rest of a body straight to where it is wanted, so that a stream that waits holds no memory here. Bytes beyond the present answer make the connection
/// unusable for another request.
/// </remarks>
internal sealed class Http1Connection : IDisposable
{
    // A head of Anthropic's with its cookies and limits is under 4 KiB; a small answer comes whole along with it.
    private const int BufferBytes = 8 * 1024;

    private readonly UpstreamSocket _socket;
    private readonly SslStream? _tls;
    private readonly ResponseHead _head = new();

    // What was read with a head and not yet given on: [_start, _end). Null once that is used up.
    private byte[]? _buffer;
    private int _start;
    private int _end;

    // Of the present answer's body. For Length: what is left.
    private ChunkedDecoder _chunks;
    private long _left;
    private bool _isBodyEnded;
    private bool _isBodyBroken;
    private bool _hasSurplus;

    // A read of nothing that waits while the connection is idle (TLS only: what the peer sent may lie inside of SslStream, where a poll can't see it).
    private Task<int>? _idleRead;
    private volatile bool _isReadingHead;
    private volatile bool _isBroken;
    private int _isDisposed;

    /// <summary>Takes over a connected socket, and the TLS over it if there is any.</summary>
    public Http1Connection(UpstreamSocket socket, SslStream? tls)
    {
        _socket = socket;
        _tls = tls;
    }

    /// <summary>Whether it has carried a request before.</summary>
    public bool IsReused { get; private set; }

    /// <summary>The loop that it belongs to; null for none.</summary>
    public EventLoop? Loop => _socket.Loop;

    /// <summary>When it became idle, as a timestamp. The pool's to keep.</summary>
    public long IdleSince { get; set; }

    /// <summary>The present answer's head.</summary>
    public ResponseHead Head => _head;

    /// <summary>Whether the present answer was read to its end, nothing came after it, and the upstream lets the connection stay.</summary>
    public bool CanCarryAnother =>
        _isBodyEnded && !_isBodyBroken && !_hasSurplus && _start == _end && _head.KeepsConnection && !_isBroken && Volatile.Read(ref _isDisposed) == 0;

    /// <summary>Whether the peer has neither sent anything nor ended the connection while it was idle, as far as this host knows by now.</summary>
    public bool IsStillQuiet
    {
        get
        {
            try
            {
                return Volatile.Read(ref _isDisposed) == 0 && !_isBroken && _idleRead is not { IsCompleted: true } && _socket.IsQuiet;
            }
            catch (Exception broken) when (broken is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    /// <summary>Sends all of <paramref name="bytes"/>.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        _tls is null ? _socket.SendAsync(bytes, cancellationToken) : _tls.WriteAsync(bytes, cancellationToken);

    /// <summary>Reads the head of the answer; interim ones (1xx) are passed over.</summary>
    /// <exception cref="UpstreamException">The connection broke, or what came is not a head.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask ReadHeadAsync(string upstream, bool isForHead, CancellationToken cancellationToken)
    {
        BeginAnswer();
        _head.Reset(isForHead);
        _isReadingHead = true;
        try
        {
            while (!TryReadFinalHead(upstream, isForHead))
            {
                MakeRoom();
                var read = await ReceiveAsync(_buffer.AsMemory(_end), cancellationToken);
                if (read == 0)
                {
                    throw BrokeOffBeforeHead(upstream, null);
                }

                _end += read;
            }
        }
        catch (Exception broken) when (IsBreak(broken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw BrokeOffBeforeHead(upstream, broken);
        }
        finally
        {
            _isReadingHead = false;
        }

        _chunks.Reset();
        _left = _head.ContentLength;
        _isBodyEnded = _head.Framing == BodyFraming.None;
    }

    /// <summary>Reads what was read along with what came before, without asking the socket; 0 at the body's end. Returns whether there was either.</summary>
    public bool TryReadBody(Span<byte> destination, out int written)
    {
        written = 0;
        return _isBodyEnded || TryDecode(destination, out written);
    }

    /// <summary>Returns when a read of the body is worth trying; what is wrong the read tells. No buffer is held meanwhile. On a loop only; elsewhere it would cost a system call.</summary>
    public ValueTask WaitToReadBodyAsync(CancellationToken cancellationToken)
    {
        if (Loop is null || _isBodyEnded || _isBodyBroken || _start < _end)
        {
            return ValueTask.CompletedTask;
        }

        ReturnBuffer();
        var waiting = ReceiveAsync(Memory<byte>.Empty, cancellationToken);
        return waiting.IsCompletedSuccessfully ? Ended(waiting) : WaitSlowAsync(waiting);

        static ValueTask Ended(ValueTask<int> waiting)
        {
            waiting.GetAwaiter().GetResult();
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>Reads what has arrived of the body; 0 at its end.</summary>
    /// <exception cref="UpstreamException">The body broke off before its end, or its framing is wrong.</exception>
    public ValueTask<int> ReadBodyAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        // What is there already needs no awaiting.
        var written = 0;
        return destination.IsEmpty || TryReadBody(destination.Span, out written) ? new ValueTask<int>(written) : ReadBodySlowAsync(destination, cancellationToken);
    }

    /// <summary>Makes ready for idleness: gives the buffer back, and begins to listen where only listening tells of a close.</summary>
    public void BeginIdle()
    {
        IsReused = true;
        _isBodyEnded = false;
        ReturnBuffer();
        if (_tls is not null)
        {
            _idleRead = _tls.ReadAsync(Memory<byte>.Empty, CancellationToken.None).AsTask();
        }
    }

    /// <summary>Ends what is under way, because its request was cancelled: it fails, and whoever has the connection disposes of it. From any thread, at any time.</summary>
    public void Break()
    {
        _isBroken = true;
        _socket.Dispose();
    }

    /// <summary>Closes at once. What is being sent or read fails. Safe to call at any time, from anywhere, more than once.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        // It ends in an exception now, which is nobody's business.
        _idleRead?.ContinueWith(static ended => _ = ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

        // The socket first: what is under way in TLS then ends by itself.
        _socket.Dispose();
        _tls?.Dispose();
        if (!_isReadingHead)
        {
            // A body's reads are awaited before anybody closes. A head's may still be under way: then the buffer is left to the collector.
            ReturnBuffer();
        }
    }

    private void BeginAnswer()
    {
        if (_buffer is null)
        {
            _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        }

        _isBodyEnded = false;
        _isBodyBroken = false;
        _hasSurplus = false;
    }

    private void ReturnBuffer()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
        {
            _start = _end = 0;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads what is there of the head. Returns whether it is whole, and not an interim one.</summary>
    private bool TryReadFinalHead(string upstream, bool isForHead)
    {
        while (true)
        {
            var status = _head.Read(_buffer.AsSpan(_start, _end - _start), out var consumed);
            _start += consumed;
            if (status == OperationStatus.NeedMoreData)
            {
                return false;
            }

            if (status == OperationStatus.InvalidData || _head.Status == StatusCodes.Status101SwitchingProtocols)
            {
                var fault = status == OperationStatus.InvalidData ? _head.Fault : "it changes the protocol unasked";
                throw new UpstreamException($"{upstream} answered with something that is not a well-formed HTTP response: {fault}.", nothingSent: false);
            }

            if (_head.Status >= StatusCodes.Status200OK)
            {
                return true;
            }

            // RFC 9110 §15.2 lets a client pass over what it did not ask for, and the request as it goes out asks for none.
            _head.Reset(isForHead);
        }
    }

    private static UpstreamException BrokeOffBeforeHead(string upstream, Exception? cause) => new($"{upstream} broke off before it answered.", nothingSent: false, cause);

    /// <summary>Room for another read of a head: what is kept moves to the front, or into a larger buffer.</summary>
    private void MakeRoom()
    {
        if (_start == _end)
        {
            _start = _end = 0;
        }
        else if (_end == _buffer!.Length)
        {
            // A line of a head is at most ResponseHead.MostBytes; the reader refuses longer ones before they need more.
            var larger = _start > 0 ? _buffer : ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
            _buffer.AsSpan(_start, _end - _start).CopyTo(larger);
            if (larger != _buffer)
            {
                ArrayPool<byte>.Shared.Return(_buffer);
                _buffer = larger;
            }

            _end -= _start;
            _start = 0;
        }
    }

    /// <summary>Takes what it can of the body from the buffer.</summary>
    /// <returns>Whether the caller has its answer: bytes, or the end.</returns>
    private bool TryDecode(Span<byte> destination, out int written)
    {
        written = 0;
        switch (_head.Framing)
        {
            case BodyFraming.Chunked:
                return TryDecodeChunks(destination, out written);
            case BodyFraming.Length:
                written = (int)Math.Min(Math.Min(_left, _end - _start), destination.Length);
                _left -= written;
                _isBodyEnded = _left == 0;
                break;
            default:
                written = Math.Min(_end - _start, destination.Length);
                break;
        }

        _buffer.AsSpan(_start, written).CopyTo(destination);
        _start += written;
        return written > 0;
    }

    private bool TryDecodeChunks(Span<byte> destination, out int written)
    {
        DecodeChunks(_buffer.AsSpan(_start, _end - _start), destination, out var consumed, out written);
        _start += consumed;
        return written > 0 || _isBodyEnded;
    }

    /// <summary>Decodes, and notes what that told. What was good before a fault is given on first; the next read that may wait tells of the fault.</summary>
    private void DecodeChunks(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        _isBodyBroken |= _chunks.Decode(source, destination, out consumed, out written) == OperationStatus.InvalidData;
        _isBodyEnded = _chunks.IsEnded;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask WaitSlowAsync(ValueTask<int> waiting)
    {
        try
        {
            await waiting;
        }
        catch (Exception broken) when (IsBreak(broken))
        {
            // The read that follows meets the same.
        }
    }

    /// <summary>Reads to where the bytes are wanted. The buffer has nothing left, and is not held while the upstream is waited for.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadBodySlowAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        ReturnBuffer();
        try
        {
            while (true)
            {
                if (_isBodyBroken)
                {
                    throw BrokeOff(null);
                }

                var wanted = _head.Framing == BodyFraming.Length ? (int)Math.Min(_left, destination.Length) : destination.Length;
                var count = await ReceiveAsync(destination[..wanted], cancellationToken);
                if (count == 0)
                {
                    return EndByClose();
                }

                var written = Take(destination.Span, count);
                if (written > 0 || _isBodyEnded)
                {
                    return written;
                }
            }
        }
        catch (Exception broken) when (IsBreak(broken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw BrokeOff(broken);
        }
    }

    /// <summary>Makes data of the <paramref name="count"/> bytes that were read to where it is wanted. Returns how much of it is data.</summary>
    private int Take(Span<byte> destination, int count)
    {
        if (_head.Framing == BodyFraming.Length)
        {
            _left -= count;
            _isBodyEnded = _left == 0;
            return count;
        }

        if (_head.Framing == BodyFraming.UntilClose)
        {
            return count;
        }

        // In place: data never moves but to the front, over framing that has been read.
        DecodeChunks(destination[..count], destination, out var consumed, out var written);
        _hasSurplus |= _isBodyEnded && consumed < count;
        return written;
    }

    private int EndByClose()
    {
        if (_head.Framing != BodyFraming.UntilClose)
        {
            throw BrokeOff(null);
        }

        _isBodyEnded = true;
        return 0;
    }

    private UpstreamException BrokeOff(Exception? cause)
    {
        _isBodyBroken = true;
        return new UpstreamException("The upstream broke off in the middle of its answer.", nothingSent: false, cause);
    }

    private ValueTask<int> ReceiveAsync(Memory<byte> into, CancellationToken cancellationToken) =>
        _tls is null ? _socket.ReceiveAsync(into, cancellationToken)
        : _idleRead is { } idleRead ? ReceiveAfterIdleReadAsync(idleRead, into, cancellationToken)
        : _tls.ReadAsync(into, cancellationToken);

    /// <summary>Waits for what the idle read waits for, which is the answer by now, and then reads it.</summary>
    private async ValueTask<int> ReceiveAfterIdleReadAsync(Task idleRead, Memory<byte> into, CancellationToken cancellationToken)
    {
        // The idle read was begun without the request's token. Closing is what ends it; nothing could be read after a cancelled read of TLS anyway.
        _idleRead = null;
        await using (cancellationToken.UnsafeRegister(static self => ((Http1Connection)self!).Dispose(), this))
        {
            try
            {
                await idleRead;
            }
            catch (Exception broken) when (IsBreak(broken))
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw;
            }
        }

        return await _tls!.ReadAsync(into, cancellationToken);
    }

    /// <summary>Whether an exception means that the connection is gone, in any of the ways in which sockets and TLS say it.</summary>
    internal static bool IsBreak(Exception exception) => exception is IOException or SocketException or ObjectDisposedException or AuthenticationException;
}
