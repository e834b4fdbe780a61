using System.Collections.Concurrent;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>Where the newest draft of an open attempt lies.</summary>
/// <remarks>
/// Its gate is held while a draft or the row is appended and while a draft is carried forward, so that a draft never lands behind its row. It is
/// contended only when the sender happens to carry this very attempt.
/// </remarks>
public sealed class OpenAttempt
{
    /// <summary>Held by whoever appends for this attempt.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>The segment of the newest draft; null without one.</summary>
    internal Segment? Segment { get; private set; }

    /// <summary>Where in it the draft's row begins.</summary>
    internal int Offset { get; private set; }

    /// <summary>Bytes of the draft's row.</summary>
    internal int Length { get; private set; }

    /// <summary>It was added to a fold: it gets no row any more.</summary>
    internal bool IsFolded { get; private set; }

    /// <summary>The draft was written, or written anew.</summary>
    internal void MovedTo_NeedsGate(Segment segment, int offset, int length)
    {
        segment.AddOpenDraft();
        Segment?.RemoveOpenDraft();
        (Segment, Offset, Length) = (segment, offset, length);
    }

    /// <summary>Where the newest draft ends in the spool; false when there is none.</summary>
    internal bool TryFindDraftEnd(out SpoolPosition end)
    {
        lock (Gate)
        {
            end = Segment is null ? default : new SpoolPosition(Segment.Index, Offset - SpoolRecord.HeaderBytes + SpoolRecord.SizeOf(Length));
            return Segment is not null;
        }
    }

    /// <summary>The attempt was added to a fold; what was drafted of it counts no more.</summary>
    internal void Fold_NeedsGate()
    {
        Close_NeedsGate();
        IsFolded = true;
    }

    /// <summary>The attempt has its row, or never had a draft.</summary>
    internal void Close_NeedsGate()
    {
        Segment?.RemoveOpenDraft();
        Segment = null;
        IsFolded = false;
    }
}

/// <summary>Every open attempt of the process, so that the drafts of those that stay open long can be carried out of old segments.</summary>
/// <remarks>Bound: as many objects as attempts were ever open at once; each about 100 bytes, and used again.</remarks>
internal sealed class OpenAttempts
{
    private readonly ConcurrentQueue<OpenAttempt> _free = new();
    private readonly ConcurrentQueue<OpenAttempt> _all = new();

    /// <summary>One to be returned when the attempt has its row.</summary>
    public OpenAttempt Rent()
    {
        if (_free.TryDequeue(out var attempt))
        {
            return attempt;
        }

        attempt = new OpenAttempt();
        _all.Enqueue(attempt);
        return attempt;
    }

    /// <summary>Takes one back; the caller must not touch it again.</summary>
    public void Return(OpenAttempt attempt) => _free.Enqueue(attempt);

    /// <summary>All of them, open or free.</summary>
    public IEnumerable<OpenAttempt> All() => _all;
}
