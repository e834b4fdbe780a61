using System.IO.Pipelines;
using Tollgate.Proxy.Ingress;

namespace Tollgate.Proxy.Forwarding;

/// <summary>A request's body on its way up: read once from the client, peeked at, never held.</summary>
/// <param name="reader">The client's bytes.</param>
/// <param name="length">How many there will be; null when the client sends chunks.</param>
/// <param name="peek">Sees the bytes as they pass.</param>
/// <param name="watchdog">Guards each write.</param>
/// <param name="limits">How long the upstream may take.</param>
/// <param name="log">Told before the first and the last bytes go.</param>
public sealed class RequestBody(PipeReader reader, long? length, BodyPeek peek, Watchdog watchdog, ForwardLimits limits, IAttemptLog log)
{
    // Null until the copy begins; completes when nothing touches the client's reader any more.
    private TaskCompletionSource? _copied;

    // Whether the answer's head is there: from then on the watchdog is the answer's.
    private volatile bool _isAnswered;

    // Whether the log was told of the last bytes.
    private bool _isLastTold;

    /// <summary>How many bytes there will be; null when the client sends chunks.</summary>
    public long? Length { get; } = length;

    /// <summary>Bytes handed to the upstream so far.</summary>
    public long BytesSent { get; private set; }

    /// <summary>Whether the upstream was handed all of it.</summary>
    public bool IsFullySent { get; private set; }

    /// <summary>
    /// What Tollgate did between having the client's first bytes and handing them to the upstream, in timestamp ticks. Neither the wait for the
    /// client nor that for a connection is in it.
    /// </summary>
    public long OwnTime { get; private set; }

    /// <summary>When the upstream was handed the last bytes before it answered, as a timestamp; 0 when it was handed none.</summary>
    public long LastBytesAt { get; private set; }

    /// <summary>What broke the client's side of the copy; null while nothing did.</summary>
    public Exception? ClientFault { get; private set; }

    /// <summary>Streams the body into <paramref name="destination"/>, flushing what each read from the client brought.</summary>
    public async Task CopyToAsync(Stream destination, CancellationToken cancellationToken)
    {
        var copied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (Interlocked.CompareExchange(ref _copied, copied, null) is not null)
        {
            // The client's bytes are gone; a transport that would send them again must not pretend to.
            throw new InvalidOperationException("A request's body can be sent only once.");
        }

        try
        {
            while (!await CopyReadAsync(destination, cancellationToken))
            {
                await destination.FlushAsync(cancellationToken);
                if (!_isAnswered)
                {
                    watchdog.Disarm();
                }
            }

            if (!_isLastTold)
            {
                // Only the chunked coding's own end is left to be sent.
                log.OnSending(BytesSent, isLast: true);
            }

            IsFullySent = true;
            Arm(WatchedStep.UpstreamHead, limits.FirstByte);
        }
        finally
        {
            copied.SetResult();
        }
    }

    /// <summary>Learns that the upstream has begun to answer, whether or not it has all of the body: what it is waited for is the answer's own matter now.</summary>
    public void OnAnswered() => _isAnswered = true;

    /// <summary>Ends a copy that is still going on, and returns when the client's reader is free again.</summary>
    /// <remarks>An upstream may answer before it has read the request; what it has not asked for then is not sent.</remarks>
    public async Task StopAsync()
    {
        if (_copied is { Task.IsCompleted: false } copied)
        {
            watchdog.Stop();
            await copied.Task;
        }
    }

    /// <summary>Copies what one read brings. Returns whether it was the last.</summary>
    private async ValueTask<bool> CopyReadAsync(Stream destination, CancellationToken cancellationToken)
    {
        var read = await ReadAsync(cancellationToken);
        var readAt = BytesSent == 0 ? watchdog.GetTimestamp() : 0;
        try
        {
            var left = read.Buffer.Length;
            foreach (var segment in read.Buffer)
            {
                if (!peek.IsDone)
                {
                    peek.Feed(segment.Span);
                }

                left -= segment.Length;
                TellLog(BytesSent + segment.Length, read.IsCompleted && left == 0);
                var writeAt = Arm(WatchedStep.UpstreamWrite, limits.UpstreamIdle);
                if (writeAt > 0)
                {
                    LastBytesAt = writeAt;
                    OwnTime = BytesSent == 0 ? writeAt - readAt : OwnTime;
                }

                await destination.WriteAsync(segment, cancellationToken);
                BytesSent += segment.Length;
            }
        }
        finally
        {
            reader.AdvanceTo(read.Buffer.End);
        }

        return read.IsCompleted;
    }

    /// <summary>Returns when the step began; 0 when the watchdog is the answer's.</summary>
    private long Arm(WatchedStep step, TimeSpan limit) => _isAnswered ? 0 : watchdog.Arm(step, limit);

    private void TellLog(long bytes, bool isEnd)
    {
        var isLast = isEnd || bytes == Length;
        if (BytesSent == 0 || (isLast && !_isLastTold))
        {
            _isLastTold = isLast;
            log.OnSending(isLast ? bytes : Length ?? bytes, isLast);
        }
    }

    private async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadAsync(cancellationToken);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            ClientFault = fault;
            throw;
        }
    }
}

/// <summary>How long each side may take.</summary>
/// <param name="FirstByte">From the request's last byte to the answer's head.</param>
/// <param name="UpstreamIdle">Between two reads of the answer, and for one write of the request.</param>
/// <param name="ClientStall">For one flush to the client.</param>
public readonly record struct ForwardLimits(TimeSpan FirstByte, TimeSpan UpstreamIdle, TimeSpan ClientStall);
