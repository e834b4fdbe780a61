using System.Buffers.Binary;

namespace Tollgate.Proxy.Recording.Spool;

/// <summary>Attempts that a killed process left open and that have no row yet, oldest first: those make room for the others.</summary>
/// <remarks>Each keeps the segment of its newest draft alive until it has its row. The committer's alone once requests run.</remarks>
internal sealed class CrashedDrafts
{
    /// <summary>None at all.</summary>
    public static readonly CrashedDrafts None = new([], 0);

    private readonly long _recordedAt;
    private Queue<CrashedDraft> _drafts;

    /// <summary>Takes them up.</summary>
    /// <param name="drafts">The newest draft of each.</param>
    /// <param name="recordedAt">What their rows say of when they were recorded, in Unix milliseconds.</param>
    public CrashedDrafts(IEnumerable<CrashedDraft> drafts, long recordedAt)
    {
        _recordedAt = recordedAt;
        _drafts = new Queue<CrashedDraft>(drafts.OrderBy(static draft => draft.Segment.Index).ThenBy(static draft => draft.Offset));
        foreach (var draft in _drafts)
        {
            draft.Segment.AddOpenDraft();
        }
    }

    /// <summary>Writes a row: when it was recorded, and what it says. False when there is no room.</summary>
    public delegate bool RowAppend(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> row);

    /// <summary>Writes a row of a form into a segment of that form. False when there is no room.</summary>
    public delegate bool FormattedRowAppend(int rowFormat, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> row);

    /// <summary>How many are left.</summary>
    public int Count => _drafts.Count;

    /// <summary>Whether all of them are of this form.</summary>
    public bool AreAllOf(int rowFormat) => _drafts.All(draft => draft.Segment.RowFormat == rowFormat);

    /// <summary>Gives them the rows that their drafts say, until one finds no room.</summary>
    /// <returns>How many got their rows.</returns>
    public int Close(RowAppend append)
    {
        var closed = 0;
        while (_drafts.TryPeek(out var draft) && TryClose(draft, append))
        {
            _drafts.Dequeue();
            closed++;
        }

        return closed;
    }

    /// <summary>The same for those of other forms than <paramref name="rowFormat"/>; of these, those that find no room stay in their drafts until the next start.</summary>
    public void CloseOtherFormats(int rowFormat, FormattedRowAppend append)
    {
        var left = new List<CrashedDraft>();
        foreach (var draft in _drafts.OrderBy(static draft => draft.Segment.RowFormat))
        {
            var format = draft.Segment.RowFormat;
            if (format == rowFormat)
            {
                left.Add(draft);
            }
            else
            {
                TryClose(draft, (prefix, row) => append(format, prefix, row));
            }
        }

        _drafts = new Queue<CrashedDraft>(left);
    }

    private bool TryClose(in CrashedDraft draft, RowAppend append)
    {
        Span<byte> prefix = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, _recordedAt);
        var row = new byte[draft.Length];
        try
        {
            draft.Segment.Read(draft.Offset, row);
        }
        catch (SpoolFileException)
        {
            return false; // It could be read a moment ago.
        }

        if (!append(prefix, row))
        {
            return false;
        }

        draft.Segment.RemoveOpenDraft();
        return true;
    }
}
