using System.Buffers;
using System.IO.Pipelines;

namespace Tollgate.Proxy.Ingress;

/// <summary>How much of a body has to be there.</summary>
public enum BodyNeed
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>As far as the model's name.</summary>
    Model,

    /// <summary>All of it.</summary>
    Whole,
}

/// <summary>Waits for as much of a request's body as is needed before it is forwarded, and leaves all of it to be read again.</summary>
/// <remarks>Nothing is copied: the bytes stay where the server put them. What is seen stays unread, so that the forwarder begins at the first byte.</remarks>
public static class BodyStart
{
    /// <summary>Reads until what is needed is there, or the body's end.</summary>
    /// <param name="reader">The client's bytes; not read from before.</param>
    /// <param name="need">How much.</param>
    /// <param name="peek">Fed with every byte that comes; done once the model is known.</param>
    /// <param name="facts">Filled from the whole body, if that is needed.</param>
    /// <param name="hold">Asked for room for so many bytes more; false ends the wait.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stall">How long the client may send nothing.</param>
    /// <param name="cancellationToken">The client has left.</param>
    public static async ValueTask<BodyStartResult> ReadAsync(
        PipeReader reader, BodyNeed need, BodyPeek peek, RequestFacts facts, Func<long, bool> hold, TimeProvider time, TimeSpan stall, CancellationToken cancellationToken)
    {
        using var stalled = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using var timer = time.CreateTimer(static source => ((CancellationTokenSource)source!).Cancel(), stalled, stall, Timeout.InfiniteTimeSpan);
        var (seen, waited) = (0L, 0L);
        while (true)
        {
            ReadResult read;
            var from = time.GetTimestamp();
            try
            {
                read = await reader.ReadAsync(stalled.Token);
                timer.Change(stall, Timeout.InfiniteTimeSpan);
            }
            catch (OperationCanceledException) when (stalled.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                return new BodyStartResult(seen, RequestFactsResult.NeedMore, BodyStartEnd.Stalled, waited + time.GetTimestamp() - from);
            }

            waited += time.GetTimestamp() - from;

            var before = read.Buffer.GetPosition(seen);
            var isThere = false;
            try
            {
                var fresh = read.Buffer.Slice(before);
                if (!hold(fresh.Length))
                {
                    return new BodyStartResult(seen, RequestFactsResult.NeedMore, BodyStartEnd.NoRoom, waited);
                }

                Feed(peek, fresh);
                seen += fresh.Length;
                isThere = read.IsCompleted || (need == BodyNeed.Model && peek.IsDone);
                if (isThere)
                {
                    var result = need == BodyNeed.Whole ? RequestFactsReader.Read(read.Buffer, facts) : RequestFactsResult.NeedMore;
                    return new BodyStartResult(seen, result, BodyStartEnd.There, waited);
                }
            }
            finally
            {
                // Once it is there, not marked as looked at: else the next reader would wait for bytes that may never come.
                reader.AdvanceTo(read.Buffer.Start, isThere ? before : read.Buffer.End);
            }
        }
    }

    private static void Feed(BodyPeek peek, in ReadOnlySequence<byte> bytes)
    {
        foreach (var segment in bytes)
        {
            if (peek.IsDone)
            {
                return;
            }

            peek.Feed(segment.Span);
        }
    }
}

/// <summary>What there was of a body.</summary>
/// <param name="Bytes">Bytes seen.</param>
/// <param name="Facts">How far the whole could be read, if it was needed.</param>
/// <param name="End">How the wait ended.</param>
/// <param name="Waited">How long the client was waited for, in timestamp ticks.</param>
public readonly record struct BodyStartResult(long Bytes, RequestFactsResult Facts, BodyStartEnd End, long Waited);

/// <summary>How a wait for a body ended.</summary>
public enum BodyStartEnd
{
    /// <summary>What is needed is there, or all that came.</summary>
    There,

    /// <summary>There was no room for it.</summary>
    NoRoom,

    /// <summary>The client sent nothing for too long.</summary>
    Stalled,
}
