using System.Globalization;
using Tollgate.Proxy.EventLoops;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>Takes a request's body and sends it after its head, by length or in chunks, in as few sends as the client's own pace allows.</summary>
/// <remarks>
/// Nothing is sent before the first byte of the body is there (or its end): until then the connection can still be exchanged for another. What may have been sent
/// once is never sent again.
/// </remarks>
internal sealed class RequestWriter : AsyncOnlyStream
{
    private readonly Http1Transport _transport;
    private readonly SendBuffer _buffer = new();
    private long? _left;
    private bool _isChunked;

    // Set once, by whoever comes first: the first send, or the one who waits for it.
    private TaskCompletionSource? _started;
    private volatile bool _hasSent;
    private volatile bool _isStopped;
    private CancellationTokenRegistration _breaks;

    /// <summary>Will send over <paramref name="connection"/>, or over another of <paramref name="transport"/> if that one turns out to be stale.</summary>
    public RequestWriter(Http1Transport transport, Http1Connection connection)
    {
        _transport = transport;
        Connection = connection;
    }

    /// <summary>What the request goes over. Doesn't change any more once <see cref="HasSent"/>.</summary>
    public Http1Connection Connection { get; private set; }

    /// <summary>Whether the upstream may have seen some of the request.</summary>
    public bool HasSent => _hasSent;

    /// <summary>What broke the sending; null while nothing did.</summary>
    public Exception? Fault { get; private set; }

    /// <summary>Whether all of the request was sent.</summary>
    public bool IsFinished { get; private set; }

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <summary>From now on the token's firing ends whatever goes on over a connection that belongs to a loop; others are given the token with each read and write.</summary>
    public void BreakOn(CancellationToken cancellationToken)
    {
        if (EventLoop.Current is not null)
        {
            _breaks = cancellationToken.UnsafeRegister(static self => ((RequestWriter)self!).Connection.Break(), this);
        }
    }

    /// <summary>Ends <see cref="BreakOn"/>: the connection is another request's from here on.</summary>
    public void BreakNoMore() => _breaks.Dispose();

    /// <summary>Writes the head, to be sent with the first of the body.</summary>
    /// <exception cref="UpstreamException">Something in it can't be sent.</exception>
    public void Begin(UpstreamRequest request, ReadOnlySpan<byte> host)
    {
        RequestHead.Write(request, host, _buffer);
        _left = request.Body?.Length;
        _isChunked = request.Body is { Length: null };
    }

    /// <summary>Completes when the first bytes have been handed to the connection.</summary>
    public Task WhenStarted()
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        started = Interlocked.CompareExchange(ref _started, started, null) ?? started;
        if (_hasSent)
        {
            started.TrySetResult();
        }

        return started.Task;
    }

    /// <summary>Sends nothing more: the upstream has answered without having waited for the rest.</summary>
    public void Stop() => _isStopped = true;

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return ValueTask.CompletedTask;
        }

        _left -= buffer.Length;
        var framed = buffer.Length + (_isChunked ? 12 : 0);
        if (framed <= _buffer.Free && _left is not 0)
        {
            Append(buffer.Span);
            return ValueTask.CompletedTask;
        }

        return WriteSlowAsync(buffer, cancellationToken);
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => SendAsync(default, cancellationToken).AsTask();

    /// <summary>Sends what is left, and the chunked coding's end.</summary>
    public async ValueTask FinishAsync(CancellationToken cancellationToken)
    {
        if (_left is > 0)
        {
            // The client's server checks this; an upstream left waiting for the rest would hang until it gives up.
            throw new IOException("The body ended before its announced length.");
        }

        if (_isChunked)
        {
            _buffer.Write("0\r\n\r\n"u8);
        }

        await SendAsync(default, cancellationToken);
        IsFinished = true;
        _buffer.Return();
    }

    private async ValueTask WriteSlowAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var framed = bytes.Length + (_isChunked ? 12 : 0);
        if (framed > _buffer.Free && _buffer.Length > 0)
        {
            await SendAsync(default, cancellationToken);
        }

        if (!_isChunked && bytes.Length > _buffer.Free && _hasSent)
        {
            await SendAsync(bytes, cancellationToken);
            return;
        }

        Append(bytes.Span);
        if (_left is 0)
        {
            // The last byte of a known length: nothing else comes to send it along with.
            await SendAsync(default, cancellationToken);
        }
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (!_isChunked)
        {
            _buffer.Write(bytes);
            return;
        }

        bytes.Length.TryFormat(_buffer.Room(10), out var digits, "x", CultureInfo.InvariantCulture);
        _buffer.Advance(digits);
        _buffer.Write("\r\n"u8);
        _buffer.Write(bytes);
        _buffer.Write("\r\n"u8);
    }

    /// <summary>Sends <paramref name="direct"/>, or if that is empty what the buffer has.</summary>
    private async ValueTask SendAsync(ReadOnlyMemory<byte> direct, CancellationToken cancellationToken)
    {
        var bytes = direct.IsEmpty ? _buffer.Written : direct;
        if (bytes.IsEmpty)
        {
            return;
        }

        try
        {
            if (_isStopped)
            {
                throw new IOException("The upstream has answered already.");
            }

            if (!_hasSent)
            {
                Connection = await _transport.ExchangeIfStaleAsync(Connection, cancellationToken);

                // Either the token's callback has seen this connection, or the token is seen here.
                Interlocked.MemoryBarrier();
                cancellationToken.ThrowIfCancellationRequested();
                _hasSent = true;

                // Either this sees the waiter, or the waiter sees the flag.
                Interlocked.MemoryBarrier();
                Volatile.Read(ref _started)?.TrySetResult();
            }

            await Connection.SendAsync(bytes, cancellationToken);
        }
        catch (Exception fault) when (Http1Connection.IsBreak(fault) || fault is UpstreamException)
        {
            Fault = fault;
            throw;
        }

        if (direct.IsEmpty)
        {
            _buffer.Clear();
        }
    }
}
