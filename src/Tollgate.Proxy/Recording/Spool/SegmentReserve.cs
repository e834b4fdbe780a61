using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>Segments whose files are there, durable and empty, so that no request waits for one.</summary>
/// <remarks>One thread adds; takers exclude each other, so that the count is at most one too high while one takes.</remarks>
internal sealed class SegmentReserve(ISpoolFiles files, Guid spoolId, int segmentBytes, long nextIndex) : IDisposable
{
    private readonly ConcurrentQueue<Segment> _segments = new();
    private long _nextIndex = nextIndex;
    private volatile int _count;

    /// <summary>How many there are.</summary>
    public int Count => _count;

    /// <summary>Makes one.</summary>
    /// <exception cref="SpoolFileException">The disk refused, for lack of room or otherwise; nothing is left of it.</exception>
    public void Add(int rowFormat)
    {
        var header = new SegmentHeader(_nextIndex++, rowFormat, spoolId, segmentBytes);
        var segment = Segment.Create(files, header);
        try
        {
            // The file first, then its name: a name without its content would be a segment of zeros.
            segment.Sync();
            files.SyncDirectory();
        }
        catch (SpoolFileException)
        {
            segment.Dispose();
            files.Delete(SegmentHeader.NameOf(header.Index));
            throw;
        }

        _segments.Enqueue(segment);
        Interlocked.Increment(ref _count);
    }

    /// <summary>Takes the oldest.</summary>
    public bool TryTake([NotNullWhen(true)] out Segment? segment)
    {
        if (!_segments.TryDequeue(out segment))
        {
            return false;
        }

        Interlocked.Decrement(ref _count);
        return true;
    }

    /// <summary>Looks at the one that is taken next.</summary>
    public bool TryPeek([NotNullWhen(true)] out Segment? segment) => _segments.TryPeek(out segment);

    /// <inheritdoc/>
    public void Dispose()
    {
        while (TryTake(out var segment))
        {
            segment.Dispose();
        }
    }
}
