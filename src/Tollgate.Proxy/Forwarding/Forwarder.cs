using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Forwarding;

/// <summary>Relays one request to its upstream and the answer back, byte for byte and read by read.</summary>
/// <remarks>
/// What it promises: a body is never held; what has come from the upstream is flushed to the client before more is waited for; a client that goes away takes the upstream's
/// connection with it at once, whether or not bytes move; an answer that breaks off reaches the client broken off, never ended cleanly.
/// </remarks>
public static class Forwarder
{
    // As much as one block of Kestrel's output pipe holds: the read lands where the client's socket is written from.
    private const int ReadBytes = 4096;

    /// <summary>Sends <paramref name="request"/>, relays the answer through <paramref name="tap"/>, and says how it went.</summary>
    /// <param name="context">The client's side.</param>
    /// <param name="upstream">The upstream's side.</param>
    /// <param name="request">What to send.</param>
    /// <param name="tap">Sees the answer's bytes as they pass.</param>
    /// <param name="log">Told before what can't be taken back.</param>
    /// <param name="watchdog">Guards each step.</param>
    /// <param name="limits">How long each step may take.</param>
    /// <param name="time">The clock.</param>
    /// <remarks>Never throws for what a client or an upstream does. When the result carries a refusal, the client has been sent nothing yet.</remarks>
    public static async Task<ForwardResult> ForwardAsync(
        HttpContext context,
        Upstream upstream,
        UpstreamRequest request,
        IResponseTap tap,
        IAttemptLog log,
        Watchdog watchdog,
        ForwardLimits limits,
        TimeProvider time)
    {
        var result = new ForwardResult();
        IUpstreamResponse response;
        try
        {
            if (request.Body is null)
            {
                log.OnSending(0, isLast: true);
                watchdog.Arm(WatchedStep.UpstreamHead, limits.FirstByte);
            }

            response = await upstream.Transport.SendAsync(request, watchdog.Token);
            request.Body?.OnAnswered();
        }
        catch (Exception failed) when (failed is UpstreamException or OperationCanceledException || request.Body?.ClientFault is not null)
        {
            watchdog.Disarm();
            result = JudgeSendFailure(context, upstream, request, watchdog, limits, failed);
            await StopUploadAsync(request);
            return result;
        }

        await using (response)
        {
            result.HeadAt = time.GetTimestamp();
            result.Status = response.Status;
            result.UpstreamRequestId = response.Header("request-id").ToString();
            tap.OnHead(response.Status, response.Header("Content-Type"), response.Header("Content-Encoding"));
            if (!TryRelayHead(context, response))
            {
                result.Outcome = ForwardOutcome.UpstreamError;
                result.Refusal = Broken($"Upstream \"{upstream.Name}\" answered with a head that can't be relayed.");
                await StopUploadAsync(request);
                return result;
            }

            log.OnHead(result, context.Response.Headers);
            result.Outcome = await RelayBodyAsync(context, response, tap, log, watchdog, limits, time, result);
            result.Refusal = result.Outcome is ForwardOutcome.GatewayStopped && !context.Response.HasStarted ? Stopping() : null;
            result.BrokeOff = result.Outcome is ForwardOutcome.UpstreamTruncated or ForwardOutcome.UpstreamStalled or ForwardOutcome.GatewayStopped
                && result.Refusal is null;
            tap.OnEnd();
            watchdog.Disarm();
            if (result.Outcome is ForwardOutcome.ClientAborted or ForwardOutcome.ClientStalled)
            {
                // Nobody reads any more; what is still to be sent is let go.
                context.Abort();
            }
        }

        await StopUploadAsync(request);
        return result;
    }

    private static Task StopUploadAsync(UpstreamRequest request) => request.Body?.StopAsync() ?? Task.CompletedTask;

    private static async Task<ForwardOutcome> RelayBodyAsync(
        HttpContext context,
        IUpstreamResponse response,
        IResponseTap tap,
        IAttemptLog log,
        Watchdog watchdog,
        ForwardLimits limits,
        TimeProvider time,
        ForwardResult result)
    {
        var client = context.Response.BodyWriter;
        var length = context.Response.ContentLength;
        var isWholeTold = false;
        try
        {
            // A client measures its waiting from the head: it goes out before anything is waited for, and what has come along with it goes along with it.
            await context.Response.StartAsync(watchdog.Token);
            var isUnflushed = true;
            var ownFrom = result.HeadAt;
            while (true)
            {
                var buffer = client.GetMemory(ReadBytes);
                if (!response.TryRead(buffer.Span, out var read))
                {
                    if (isUnflushed)
                    {
                        ownFrom = await FlushAsync(client, watchdog, limits, time, result, ownFrom);
                        isUnflushed = false;
                    }

                    watchdog.Arm(WatchedStep.UpstreamBody, limits.UpstreamIdle, ownFrom);
                    await response.WaitToReadAsync(watchdog.Token);
                    buffer = client.GetMemory(ReadBytes);
                    read = await response.ReadAsync(buffer, watchdog.Token);
                    ownFrom = time.GetTimestamp();
                }

                if (read == 0)
                {
                    break;
                }

                var now = isUnflushed ? time.GetTimestamp() : ownFrom;
                result.FirstByteAt = result.FirstByteAt == 0 ? now : result.FirstByteAt;
                result.ResponseBytes += read;
                tap.OnBytes(buffer.Span[..read], now);
                if (result.ResponseBytes == length)
                {
                    tap.OnEnd();
                }

                if (!isWholeTold && (tap.HasEnd || result.ResponseBytes == length))
                {
                    // Disarmed: a slow disk is no silent upstream.
                    isWholeTold = true;
                    watchdog.Disarm();
                    var safe = log.OnAnswerWholeAsync(result, watchdog.Token);
                    if (isUnflushed && !safe.IsCompleted)
                    {
                        ownFrom = await FlushBeforeAsync(client, buffer[..read], safe, watchdog, limits, time, result, ownFrom);
                        continue;
                    }

                    await safe;
                }

                // Not before: what Kestrel was handed goes out at the connection's end, flushed or not.
                client.Advance(read);
                isUnflushed = true;
            }

            if (response.EndsWithConnection && tap.LacksEnd)
            {
                // Only the connection's end marked this end, and it may as well have been a cut: the content does not say that it was whole.
                return ForwardOutcome.UpstreamTruncated;
            }

            tap.OnEnd();
            if (!isWholeTold)
            {
                watchdog.Disarm();
                var safe = log.OnAnswerWholeAsync(result, watchdog.Token);
                if (isUnflushed && !safe.IsCompleted)
                {
                    ownFrom = await FlushBeforeAsync(client, default, safe, watchdog, limits, time, result, ownFrom);
                }
                else
                {
                    await safe;
                }
            }

            if (isUnflushed && context.Response.Headers.TransferEncoding.Count == 0)
            {
                // Kestrel flushes at the end only what it adds there itself, the last chunk.
                ownFrom = await FlushAsync(client, watchdog, limits, time, result, ownFrom);
            }

            await CompleteAsync(context, watchdog, limits, time, result, ownFrom);
            return ForwardOutcome.Completed;
        }
        catch (OperationCanceledException)
        {
            return watchdog.Expired switch
            {
                WatchedStep.UpstreamBody => ForwardOutcome.UpstreamStalled,
                WatchedStep.ClientFlush => ForwardOutcome.ClientStalled,
                _ => EndedByHere(),
            };
        }
        catch (UpstreamException)
        {
            return watchdog.Token.IsCancellationRequested && watchdog.Expired == WatchedStep.None ? EndedByHere() : ForwardOutcome.UpstreamTruncated;
        }

        // Not by the upstream, and not by a limit: either the client left, or the gateway stops.
        ForwardOutcome EndedByHere() => watchdog.IsCut ? ForwardOutcome.GatewayStopped : ForwardOutcome.ClientAborted;
    }

    /// <summary>Hands the client what is there. Returns when the client had taken it, as a timestamp.</summary>
    private static async ValueTask<long> FlushAsync(
        PipeWriter client, Watchdog watchdog, ForwardLimits limits, TimeProvider time, ForwardResult result, long ownFrom)
    {
        watchdog.Arm(WatchedStep.ClientFlush, limits.ClientStall);
        var flush = client.FlushAsync(watchdog.Token);
        var flushed = time.GetTimestamp();
        result.OwnTime += flushed - ownFrom;
        if (!flush.IsCompleted)
        {
            await flush;
            flushed = time.GetTimestamp();
        }

        // Kestrel's writer goes on succeeding after the client has gone; only the token tells.
        watchdog.Token.ThrowIfCancellationRequested();
        return flushed;
    }

    /// <summary>Hands the client what came before the last bytes, which themselves wait until the row is safe. Returns when the client had taken it, as a timestamp.</summary>
    private static async ValueTask<long> FlushBeforeAsync(
        PipeWriter client, ReadOnlyMemory<byte> last, ValueTask safe, Watchdog watchdog, ForwardLimits limits, TimeProvider time, ForwardResult result, long ownFrom)
    {
        // The last bytes lie in the writer's memory, which a flush gives away.
        var kept = ArrayPool<byte>.Shared.Rent(last.Length);
        last.CopyTo(kept);
        try
        {
            var flushed = await FlushAsync(client, watchdog, limits, time, result, ownFrom);
            watchdog.Disarm();
            await safe;
            client.Write(kept.AsSpan(0, last.Length));
            return flushed;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(kept);
        }
    }

    /// <summary>Hands the client what is left and the answer's end.</summary>
    private static async ValueTask CompleteAsync(
        HttpContext context, Watchdog watchdog, ForwardLimits limits, TimeProvider time, ForwardResult result, long ownFrom)
    {
        watchdog.Arm(WatchedStep.ClientFlush, limits.ClientStall);
        var completion = context.Response.CompleteAsync();
        result.OwnTime += time.GetTimestamp() - ownFrom;
        if (!completion.IsCompleted)
        {
            // It takes no token; a client that reads nothing is left by leaving its connection.
            await using (watchdog.Token.UnsafeRegister(static left => ((HttpContext)left!).Abort(), context))
            {
                await completion;
            }
        }

        watchdog.Token.ThrowIfCancellationRequested();
    }

    private static bool TryRelayHead(HttpContext context, IUpstreamResponse response)
    {
        try
        {
            context.Response.StatusCode = response.Status;
            if (response.ReasonPhrase is { Length: > 0 } reason && context.Features.Get<IHttpResponseFeature>() is { } feature)
            {
                feature.ReasonPhrase = reason;
            }

            var sink = new ClientHeaders(context.Response.Headers, response.Header("Connection"));
            response.CopyHeadersTo(ref sink);
            return true;
        }
        catch (InvalidOperationException)
        {
            // Kestrel takes no header with control characters. Half of a head is worse than none.
            return false;
        }
    }

    private static ForwardResult JudgeSendFailure(
        HttpContext context, Upstream upstream, UpstreamRequest request, Watchdog watchdog, ForwardLimits limits, Exception failed)
    {
        var clientLeft = context.RequestAborted.IsCancellationRequested || request.Body?.ClientFault is not null;
        return watchdog.Expired switch
        {
            WatchedStep.UpstreamHead => new ForwardResult
            {
                Outcome = ForwardOutcome.UpstreamStalled,
                Refusal = TimedOut(
                    $"Upstream \"{upstream.Name}\" did not begin to answer within {limits.FirstByte.TotalSeconds:0.###} s (proxy.firstByteTimeout)."),
            },
            WatchedStep.UpstreamWrite => new ForwardResult
            {
                Outcome = ForwardOutcome.UpstreamStalled,
                Refusal = TimedOut(
                    $"Upstream \"{upstream.Name}\" did not take the request for {limits.UpstreamIdle.TotalSeconds:0.###} s (proxy.upstreamIdleTimeout)."),
            },
            _ when watchdog.IsCut => new ForwardResult { Outcome = ForwardOutcome.GatewayStopped, Refusal = clientLeft ? null : Stopping() },
            _ when clientLeft => new ForwardResult { Outcome = ForwardOutcome.ClientAborted, Refusal = RefusalOf(request.Body?.ClientFault) },
            _ when failed is UpstreamException { NothingSent: true } => new ForwardResult
            {
                Outcome = ForwardOutcome.Unreachable,
                Refusal = new Refusal(
                    StatusCodes.Status502BadGateway,
                    RefusalReason.UpstreamUnreachable,
                    "api_error",
                    $"Upstream \"{upstream.Name}\" can't be reached: {failed.Message} Check upstreams.{upstream.Name}.baseUrl and the network.",
                    ShouldRetry: true),
            },
            _ => new ForwardResult
            {
                Outcome = ForwardOutcome.UpstreamTruncated,
                Refusal = Broken($"Upstream \"{upstream.Name}\" failed: {failed.Message}"),
            },
        };

        static Refusal TimedOut(string message) =>
            new(StatusCodes.Status504GatewayTimeout, RefusalReason.UpstreamTimeout, "timeout_error", message, ShouldRetry: true);

    }

    /// <summary>What a client is told whose body broke a limit or the rules of HTTP; null for one that left, which can't be told.</summary>
    internal static Refusal? RefusalOf(Exception? fault) => fault is not BadHttpRequestException bad
        ? null
        : bad.StatusCode == StatusCodes.Status413PayloadTooLarge
            ? new Refusal(bad.StatusCode, RefusalReason.TooLarge, "request_too_large", "The request's body is larger than proxy.maxRequestBodyBytes allows.")
            : new Refusal(StatusCodes.Status400BadRequest, RefusalReason.BadRequest, "invalid_request_error", "The request's body broke off or is malformed.");

    // Not overloaded_error: Claude Code takes a few of those as a reason to go on with another model.
    private static Refusal Stopping() => new(
        StatusCodes.Status503ServiceUnavailable,
        RefusalReason.GatewayStopped,
        "api_error",
        "Tollgate had to stop before the upstream began to answer. Send the request again.",
        ShouldRetry: true);

    private static Refusal Broken(string message) =>
        new(StatusCodes.Status502BadGateway, RefusalReason.UpstreamBroken, "api_error", message, ShouldRetry: true);

    private readonly struct ClientHeaders(IHeaderDictionary headers, StringValues connection) : IHeaderSink
    {
        // Tollgate tells of its own budget by the same names.
        private readonly bool _hidesLimits = headers.ContainsKey(HeaderRules.UnifiedLimitStatus);

        public void Add(string name, StringValues values)
        {
            if (HeaderRules.PassesToClient(name, connection) && !(_hidesLimits && HeaderRules.IsUnifiedLimit(name)))
            {
                headers[name] = values;
            }
        }
    }
}
